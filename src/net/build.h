// Frames for the tap, written into the room before a payload or into a buffer of their own. TCP and UDP leave the
// checksum to the sandbox's kernel (NEEDS_CSUM), which costs nothing there and may carry 64 KiB or more as one frame; what
// the kernel would not do (ARP, ICMP) is complete. Every function returns the bytes written, virtio_net_hdr first.
#pragma once

#include "net/wire.h"

#include <optional>
#include <span>

namespace net {

using Headers = std::span<std::uint8_t, 128>;  // vnet 10, Ethernet 14, IPv6 40, TCP 60; or IPv6 48, and TCP 20

// Of the frame to be sent: `source` is outside, `destination` the sandbox.
struct Ends {
  Mac source_mac{}, destination_mac{};
  Address source, destination;             // of one family
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t hop_limit = 64, traffic_class = 0;
};
Ends reply_to(const Packet& packet);       // addresses, ports and MACs exchanged

// Headers of a segment with `payload_size` bytes behind them. A payload of more than `gso_size` bytes is segmented
// by the receiving kernel. Beyond what IP's length field holds it is BIG TCP: no length for IPv4 (Linux 6.3), a jumbo
// payload option for IPv6 (RFC 2675, Linux 5.19).
std::size_t build_tcp(Headers out, const Ends& ends, const tcp::Header& segment, std::size_t payload_size,
                      std::uint16_t gso_size);
// `df` is IPv4's flag. gso_size 0: one datagram; otherwise UDP_L4 datagrams of gso_size, the last may be shorter.
std::size_t build_udp(Headers out, const Ends& ends, std::size_t payload_size, bool df, std::uint16_t gso_size);
// An echo reply and the like. The checksum is complete, hence the payload.
std::size_t build_icmp(Headers out, const Ends& ends, const Icmp& icmp, View payload);

// What an ICMP error says, whatever the family.
enum class Unreachable : std::uint8_t {
  network,         // 3/0 | 1/0 no route
  host,            // 3/1 | 1/3 address unreachable
  protocol,        // 3/2 | parameter problem is not ours to send: 1/4
  port,            // 3/3 | 1/4
  too_big,         // 3/4 | 2, with the MTU
  prohibited,      // 3/13 | 1/1 administratively
  hop_limit        // 11/0 | 3/0
};
// A whole frame: `offending` (an IP packet as the sandbox sent it) is quoted, up to 576 or 1280 bytes of the error
// in all (RFC 1812 4.3.2.3, RFC 4443 2.4). `from` says who complains; nothing is written, and 0 returned, if the
// packet must not be answered (RFC 1122 3.2.2: ICMP errors, multicast, fragments but the first).
inline constexpr std::size_t longest_error = vnet::size + ethernet_size + 1280;
std::size_t build_error(std::span<std::uint8_t, longest_error> out, const Ends& ends, Unreachable why,
                        std::uint32_t mtu, View offending);

// The SYN of a flow again, as an IP packet to quote: errors of connect() come when its frame is long gone. `ends` is
// from the sandbox's side here.
std::size_t build_quoted_syn(std::span<std::uint8_t, 60> out, const Ends& ends, std::uint32_t seq);

// The answer to a segment of no flow (RFC 9293, 3.10.7.1); 0 if it is a RST itself.
std::size_t build_reset(Headers out, const Packet& stray);

std::size_t build_arp_reply(Headers out, const Packet& request, const Mac& own);
// Neighbour advertisement for a solicitation of `target` (RFC 4861, 4.4), solicited and override.
std::size_t build_neighbour(Headers out, const Packet& solicitation, const Address& target, const Mac& own);
std::optional<Address> solicited_target(const Packet& packet, View frame);   // of a neighbour solicitation
struct Router {
  Mac mac{};
  Address link_local, prefix;
  unsigned prefix_bits = 64;
  std::uint16_t mtu = 1500, lifetime = 1800;   // lifetime 0: not a default router
};
// To the asker, or to all nodes when it has no address yet (RFC 4861, 4.2).
std::size_t build_router(Headers out, const Packet& solicitation, const Router& router);

}  // namespace net
