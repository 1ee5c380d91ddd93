// What the launcher and the engine say to each other over a socket of whole messages (SOCK_SEQPACKET).
//
//   launcher                 engine
//   host_network       ──►   resolvers and addresses of the host, whenever they change
//   totals_wanted      ──►   answered with totals, rule_totals and totals_end
//   stop               ──►   the same once more, then the engine exits
//                      ◄──   ready: the tap came, the engine has confined itself; frames flow
//                      ◄──   failed {Error}: at any point of the set-up, and then its end
//                      ◄──   denied: once per refused flow and rule, at most some per second
//                      ◄──   totals; rule_totals, as many as it takes; totals_end
//
// The end of the socket is the guarantee both ways: the engine exits when the launcher is gone. Numbers are little
// endian; texts and lists carry their length. Decoding checks every length, and nothing is allocated in encoding, since
// the confined engine must not.
#pragma once

#include "base/result.h"
#include "net/address.h"
#include "net/config.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace net {

enum class ControlKind : std::uint8_t {
  host_network, totals_wanted, stop, ready, failed, denied, totals, rule_totals, totals_end, count_
};

inline constexpr std::size_t most_host_addresses = 900, most_host_ranges = 64, most_resolvers = 8, most_rules_per_message = 256;

// One record for what was refused. The views point into the message, or at the rule.
struct Denied {
  Protocol protocol = Protocol::any;
  Endpoint target;              // port 0 for icmp; the unspecified address for a name that was not resolved
  std::string_view host;        // the name it was asked by, when one is known
  std::string_view rule;        // as it was written; "default", or a sentence where no rule decided: "limit …", "forged …"
  std::uint32_t count = 1;      // of attempts so far in this flow
  std::uint32_t suppressed = 0; // records left out before this one
  bool operator==(const Denied&) const = default;
};

struct Totals {
  std::uint64_t tx_bytes = 0, rx_bytes = 0;      // payload above TCP, UDP and ICMP; tx: out of the sandbox
  std::uint64_t tx_packets = 0, rx_packets = 0;  // frames of the tap
  std::uint64_t tcp_flows = 0, udp_flows = 0, icmp_flows = 0, open_flows = 0;
  std::uint64_t denied = 0, refused = 0;         // by a rule; for a limit
  std::uint64_t malformed = 0;                   // frames that were dropped
  bool operator==(const Totals&) const = default;
};

// What passed by one rule; of a rule that denies, what it refused. The built-in decisions come last.
struct RuleTotals {
  std::string_view rule;        // as it was written, or the name of a built-in one: "default", "host", …
  std::uint64_t flows = 0, packets = 0, bytes = 0;
  bool operator==(const RuleTotals&) const = default;
};

using ControlBuffer = std::array<char, 16384>;

// The message in `into`. Lists and texts that are too long are cut.
std::string_view encode(ControlKind kind, ControlBuffer& into);               // those without content
std::string_view encode(const HostNetwork& host, ControlBuffer& into);
std::string_view encode(const Error& error, ControlBuffer& into);
std::string_view encode(const Denied& denied, ControlBuffer& into);
std::string_view encode(const Totals& totals, ControlBuffer& into);
// As many of the first rules as fit; `rules` becomes the rest, for further messages.
std::string_view encode(std::span<const RuleTotals>& rules, ControlBuffer& into);

// nullopt: not a message of this version.
std::optional<ControlKind> kind_of(std::string_view message);

// The content of a message of that kind. False and nullopt: damaged.
[[nodiscard]] bool decode_host(std::string_view message, HostNetwork& into);  // allocates only beyond its capacity
std::optional<Error> decode_failed(std::string_view message);
std::optional<Denied> decode_denied(std::string_view message);
std::optional<Totals> decode_totals(std::string_view message);
// The number of entries put into `into`; nullopt also when they do not fit.
std::optional<std::size_t> decode_rules(std::string_view message, std::span<RuleTotals> into);

}  // namespace net
