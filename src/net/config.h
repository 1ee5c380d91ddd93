// What the network engine is told once, at its start: addresses, rules, forwarded ports, limits. The plan holds it
// as a value; the engine holds to it. The grammar of a rule is here too, so that plan and engine cannot differ.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"
#include "net/address.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace net {

enum class Verdict { allow, deny };
enum class Protocol { any, tcp, udp, icmp, count_ };
inline constexpr EnumNames<Protocol, 4> protocol_names{{"any", "tcp", "udp", "icmp"}};
static_assert(protocol_names.complete());

enum class What { any, name, suffix, prefix, internet, lan, host, metadata };

// [tcp|udp|icmp://]WHAT[:PORT[-PORT]], WHAT = a name, *.suffix, an address, a CIDR, @internet, @lan, @host, @metadata
// or *; an IPv6 address with a port is in brackets. `tls` as a trailing ",tls" asks for the same name in the
// ClientHello (RFC 6066).
struct Rule {
  Verdict verdict = Verdict::allow;
  Protocol protocol = Protocol::any;
  What what = What::any;
  std::string name;                       // name, suffix (without "*."): lower case, no final dot
  Prefix prefix;                          // prefix
  std::uint16_t first_port = 0, last_port = 65535;
  bool tls = false;
  std::string text;                       // as it was written: logs and reports name it
  bool operator==(const Rule&) const = default;
};
Result<Rule> parse_rule(Verdict verdict, std::string_view text);

// `count` ports of the host from `outside` on, to the sandbox's from `inside` on.
struct Publish {
  Protocol protocol = Protocol::tcp;      // tcp or udp
  Address address;                        // of the host, to listen on
  std::uint16_t outside = 0, inside = 0, count = 1;
  bool operator==(const Publish&) const = default;
};
// [ADDR:]HOST[-HOST]:INSIDE[-INSIDE][/tcp|/udp]; without ADDR 127.0.0.1 and ::1, which are two entries.
Result<std::vector<Publish>> parse_publish(std::string_view text);

// The sandbox's side of the tap. The gateway's addresses are the engine's own; `host` is where --host-port leads.
struct Addressing {
  Address guest4, gateway4, host4;
  unsigned bits4 = 24;                    // of 32
  Address guest6, gateway6, host6;
  unsigned bits6 = 64;                    // of 128
  std::array<std::uint8_t, 6> guest_mac{0x02, 's', 'b', 'x', 0, 2}, gateway_mac{0x02, 's', 'b', 'x', 0, 1};  // locally administered
  std::uint16_t mtu = 1500;
  bool ipv6 = true;                       // false: no IPv6 route is given inside
  bool operator==(const Addressing&) const = default;
};

struct Limits {
  std::uint32_t tcp_flows = 16384, tcp_opening = 1024, tcp_opening_per_target = 128;
  std::uint32_t udp_flows = 4096, ping_flows = 256, fragment_sets = 64;
  std::uint64_t buffer_bytes = 64u << 20;  // all payload held at any time
  bool operator==(const Limits&) const = default;
};

struct Config {
  std::string hostname;                   // of the sandbox: a name the forwarder answers itself
  Addressing addressing;
  // Asked in this order (command line, then profile); in one level deny beats allow. @host and @metadata, and every
  // address of the host, are denied unless a rule names them.
  std::vector<std::vector<Rule>> levels;
  Verdict otherwise = Verdict::allow;     // what matches nothing
  std::vector<Publish> publish;
  std::vector<std::uint16_t> host_ports;  // the host's 127.0.0.1:PORT (else [::1]:PORT) at Addressing::host4, host6
  std::vector<Address> dns;               // asked instead of the host's resolvers
  Limits limits;
  std::string pcap;                       // a file of the host's, opened before the engine confines itself; empty: none
  bool operator==(const Config&) const = default;
};

// The host's side, which changes while a sandbox runs.
struct HostNetwork {
  std::vector<Address> addresses;         // every address of every interface
  std::vector<Prefix> ranges;             // local routes wider than an address (ip-route(8): "local")
  std::vector<Address> resolvers;         // of /etc/resolv.conf, with 127.0.0.53 where it says so
  bool operator==(const HostNetwork&) const = default;
};

}  // namespace net
