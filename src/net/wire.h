// Frames as they come from the tap: virtio_net_hdr, Ethernet II, ARP, IPv4, IPv6, TCP, UDP, ICMP. parse() reads a
// frame once into values and offsets; what it accepts has lengths that are true, so that nothing behind it needs to
// look at the frame's bytes for a length again. Whatever lies is rejected with a reason, and counted by it.
#pragma once

#include "base/enum_names.h"
#include "net/address.h"
#include "net/view.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace net {

// struct virtio_net_hdr (virtio 1.2, 5.1.6), 10 bytes: TUNSETVNETHDRSZ 10 puts the IP header at a multiple of 8.
// Debian 12's <linux/virtio_net.h> is no C++.
namespace vnet {
inline constexpr std::size_t size = 10;
inline constexpr std::uint8_t needs_csum = 1, data_valid = 2;                        // flags
inline constexpr std::uint8_t gso_none = 0, gso_tcp4 = 1, gso_udp = 3, gso_tcp6 = 4, gso_udp_l4 = 5, gso_ecn = 0x80;
}  // namespace vnet

using Mac = std::array<std::uint8_t, 6>;

inline constexpr std::size_t ethernet_size = 14;
inline constexpr std::size_t frame_start = vnet::size + ethernet_size;               // of the IP header
inline constexpr std::size_t largest_frame = vnet::size + ethernet_size + 40 + 65535;

namespace ip {
inline constexpr std::uint8_t icmp4 = 1, tcp = 6, udp = 17, icmp6 = 58;
}

namespace tcp {

namespace flag {
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, urg = 0x20, ece = 0x40,
                              cwr = 0x80;
}

struct Block {                                     // of SACK (RFC 2018): [begin, end)
  std::uint32_t begin = 0, end = 0;
  bool operator==(const Block&) const = default;
};

// A TCP header with the options that we speak, read or to be written. Zero means that the option is absent.
struct Header {
  std::uint32_t seq = 0, ack = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;                        // as on the wire, not scaled
  std::uint16_t mss = 0;
  bool scaled = false;                             // window scale is present
  std::uint8_t scale = 0;                          // at most 14 (RFC 7323, 2.3)
  bool sack_permitted = false;
  std::uint8_t block_count = 0;
  std::array<Block, 4> blocks{};

  bool has(std::uint8_t flags_asked) const { return (flags & flags_asked) != 0; }
};

}  // namespace tcp

enum class Kind : std::uint8_t {
  arp, tcp, udp,
  icmp,       // both families; Packet::v6 tells
  fragment,   // IPv4 or IPv6, first ones too: the payload is the fragment's bytes, behind all headers before it
  other       // whole IP packets of another protocol: the payload is all behind the IP header
};

struct Fragment {
  std::uint32_t id = 0;
  std::uint16_t offset = 0;                        // in bytes
  bool more = false;
};

struct Icmp {
  std::uint8_t type = 0, code = 0;
  std::uint16_t id = 0, seq = 0;                   // of echoes; otherwise the rest of the header
};

struct Arp {
  std::uint16_t operation = 0;                     // 1 request, 2 reply
  Mac sender_mac{};
  Address sender, target;
};

struct Packet {
  Kind kind = Kind::other;
  bool v6 = false;
  bool df = false;                                 // IPv4's flag; always so for IPv6
  bool vouched = false;                            // the sandbox's kernel answers for the checksum
  std::uint8_t protocol = 0, hop_limit = 0, traffic_class = 0;
  std::uint16_t gso_size = 0;                      // 0: one packet of the wire
  std::uint8_t gso_type = vnet::gso_none;
  std::uint16_t source_port = 0, destination_port = 0;  // tcp, udp
  Mac source_mac{}, destination_mac{};
  Address source, destination;
  // Offsets into what was parsed (virtio_net_hdr first). ip_end is where the IP packet ends; Ethernet's padding is
  // behind it.
  std::uint32_t l3 = 0, l4 = 0, payload = 0, payload_length = 0, ip_end = 0;
  tcp::Header segment;                             // kind tcp
  Icmp icmp;                                       // kind icmp; the payload begins behind the 8 bytes of header
  Fragment fragment;                               // kind fragment; `protocol` is that of the whole
  Arp arp;                                         // kind arp

  View body(View frame) const { return frame.from(payload, payload_length); }
  View ip_packet(View frame) const { return frame.from(l3, ip_end - l3); }  // what ICMP errors quote
};

enum class Reject : std::uint8_t {
  none,
  too_short,            // less than virtio_net_hdr and Ethernet, or a header that the frame does not hold
  ether_type,           // neither ARP nor IP
  arp,                  // not Ethernet and IPv4
  ip_version, ip_header_length, ip_total_length, ip_checksum,
  ipv6_extensions,      // too many, too long, or in the wrong place
  fragment,             // no multiple of 8, past 65535, or segmented by virtio_net_hdr too
  tcp_header, tcp_options, udp_length, icmp_header,
  checksum,
  source,               // no unicast address
  vnet,                 // offsets, sizes or types that do not fit the frame
  count_
};
inline constexpr EnumNames<Reject, 17> reject_names{
    {"none", "too-short", "ether-type", "arp", "ip-version", "ip-header-length", "ip-total-length", "ip-checksum",
     "ipv6-extensions", "fragment", "tcp-header", "tcp-options", "udp-length", "icmp-header", "checksum", "source",
     "vnet"}};
static_assert(reject_names.complete());

// `frame` begins with the virtio_net_hdr and is what one read() of the tap gave. `out` holds only on Reject::none.
Reject parse(View frame, Packet& out);

}  // namespace net
