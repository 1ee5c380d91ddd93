// What may leave the sandbox. Levels of rules are asked in order; within a level deny beats allow; what nothing
// matches gets Config::otherwise. Decided once per flow, by the same functions that explain a decision afterwards.
//
//   - The host (loopback, 0.0.0.0, each of its addresses), metadata services and link-local addresses are denied
//     unless a rule names them: @host, @metadata, an address, or a CIDR no wider than /8 (IPv4) or /7 (IPv6).
//     `*`, @internet and @lan do not. Multicast and broadcast are never forwarded.
//   - @internet is what is globally reachable, @lan RFC 1918, RFC 6598 and RFC 4193; neither has the host's own.
//   - A name rule holds for addresses that are pinned to such a name, and for no other. What is not globally
//     reachable may be pinned where a rule about addresses allows it, and then only that rule opens its ports there.
//   - An IPv6 address that embeds an IPv4 one (NAT64, 6to4, Teredo) is denied by what denies either.
#pragma once

#include "net/config.h"
#include "net/pins.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace net {

// Decisions that no rule of the user's made. They have counters and texts as rules have, behind the last rule's.
enum class Builtin { otherwise, host, metadata, link_local, multicast, gateway, host_port, rebinding, dns, published, count_ };
inline constexpr EnumNames<Builtin, 10> builtin_names{
    {"default", "host", "metadata", "link-local", "multicast", "gateway", "host-port", "rebinding", "dns",
     "published"}};
static_assert(builtin_names.complete());

struct Decision {
  Verdict verdict = Verdict::deny;
  std::uint16_t rule = 0;       // of Policy::text() and Policy::counters()
  bool tls = false;             // allowed once decide_tls() has seen the name of the ClientHello, and not before
  std::string_view name;        // pinned to the address, empty when none is; lasts until the next answer is pinned
  bool allowed() const { return verdict == Verdict::allow; }
};

struct Counters {
  std::uint64_t flows = 0, bytes = 0, packets = 0;
};

class Policy {
 public:
  Policy(const Config& config, const HostNetwork& host);

  // At the first packet of a flow. Of icmp the port is not looked at.
  Decision decide(Protocol protocol, const Address& address, std::uint16_t port, Milliseconds now) const;
  // The same once the ClientHello's name is known (empty: it had none, or was no TLS): never `tls` again.
  Decision decide_tls(const Address& address, std::uint16_t port, std::string_view name, Milliseconds now) const;
  // May the name be asked upstream at all? The question alone could carry data out.
  Decision decide_name(std::string_view name) const;
  // May a reverse query ask about the address?
  Decision decide_reverse(const Address& address, Milliseconds now) const;

  // Before an answer is given: pins the address to the name that was asked. Refused (and not pinned) when the
  // address is not globally reachable, or the host's, and no rule about addresses allows it: DNS rebinding.
  Decision pin(std::string_view name, const Address& address, std::uint32_t ttl_seconds, Milliseconds now);
  // A flow to the address that this rule allowed is alive, or has just ended: its pin holds on for a while.
  void keep(std::uint16_t rule, const Address& address, Milliseconds now);

  // False, and nothing changed, when there are more than fit.
  [[nodiscard]] bool set_host(const HostNetwork& host);
  bool is_host(const Address& address) const;  // one of its addresses, or routed to it

  std::size_t rules() const { return counters_.size(); }  // with the built-in ones
  bool is_builtin(std::uint16_t rule) const { return rule >= rules_.size(); }
  std::uint16_t builtin_rule(Builtin which) const {
    return static_cast<std::uint16_t>(rules_.size() + static_cast<std::size_t>(which));
  }
  std::string_view text(std::uint16_t rule) const;        // as it was written; of a built-in one its name
  Counters& counters(std::uint16_t rule) { return counters_[rule]; }
  const Counters& counters(std::uint16_t rule) const { return counters_[rule]; }
  // "tcp to 192.0.2.1:443 (example.com) is denied: …"; not for the running engine, it allocates.
  std::string explain(Protocol protocol, const Address& address, std::uint16_t port, Milliseconds now) const;

 private:
  struct Placed { Rule rule; std::uint16_t level; };
  struct Target {
    Protocol protocol;
    Address address, inner;     // inner: the IPv4 address that is embedded, else the same
    std::uint16_t port;
    Reach reach;
    bool host;                  // one of the host's addresses, or its loopback
    Milliseconds now;
    std::optional<std::string_view> hello;  // the name of the ClientHello; nothing: not seen yet
  };
  struct Match { bool holds = false, tls = false; std::string_view name; };

  Target make_target(Protocol protocol, const Address& address, std::uint16_t port, Milliseconds now) const;
  bool is_own(const Address& address) const;   // the gateway's, or where host_ports lead
  bool holds_for(const Rule& rule, const Target& target) const;
  Match match(const Rule& rule, const Target& target) const;
  Decision decide(const Target& target) const;
  Decision decide_own(const Target& target) const;
  Decision builtin(Verdict verdict, Builtin which) const;
  Decision unmatched(const Target& target) const;
  static bool is_public(const Target& target);
  bool may_be_pinned(const Target& target) const;
  std::string_view name_of(const Target& target) const;

  std::vector<Placed> rules_;   // level by level
  Verdict otherwise_;
  Addressing addressing_;
  std::vector<std::uint16_t> host_ports_;
  std::vector<Address> host_;   // sorted; it and the next never grow beyond what was reserved
  std::vector<Prefix> host_ranges_;
  std::vector<Counters> counters_;
  Pins pins_;
};

}  // namespace net
