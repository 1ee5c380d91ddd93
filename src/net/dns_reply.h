// Replies that need no resolver: refusals, and the few names that the engine knows itself.
#pragma once

#include "net/config.h"
#include "net/dns_message.h"

#include <array>
#include <optional>
#include <string_view>

namespace net {

inline constexpr std::uint16_t our_payload = 1232;     // bytes of UDP that are never fragmented (DNS flag day 2020)
inline constexpr std::uint16_t blocked_error = 15;     // RFC 8914 4.16
inline constexpr std::uint32_t refusal_ttl = 5;        // seconds: a rule may change

// Header and question of a reply to `query`.
void begin_reply(MessageWriter& out, const Query& query, Rcode rcode, std::uint16_t flags = 0);
// EDNS, where the client speaks it.
void end_reply(MessageWriter& out, const Query& query, std::optional<std::uint16_t> error = std::nullopt);

void write_error(MessageWriter& out, const Query& query, Rcode rcode);
void write_truncated(MessageWriter& out, const Query& query);
// No such name (NXDOMAIN): REFUSED would make a resolver library ask the next server. With the error it is a policy's.
void write_no_name(MessageWriter& out, const Query& query, std::optional<std::uint16_t> error = std::nullopt);

// "1.2.0.192.in-addr.arpa" -> 192.0.2.1, and the same of ip6.arpa; nothing when it is not the name of one address.
std::optional<Address> reverse_address(std::string_view name);
bool is_reverse(std::string_view name);

// The sandbox's own name, host.sbx.internal, gateway.sbx.internal and localhost.
class LocalNames {
 public:
  explicit LocalNames(const Config& config);
  // False when the name is not one of them, nor the reverse name of one's address.
  bool write(MessageWriter& out, const Query& query, std::string_view name) const;

 private:
  struct Entry { Name name; Address v4, v6; };
  const Entry* find(std::string_view name) const;
  std::array<Entry, 4> entries_{};
  std::size_t count_ = 0;
  bool ipv6_;
};

}  // namespace net
