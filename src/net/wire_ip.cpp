// IPv4 and IPv6 headers. The packet ends where its header says, not where the frame does: Ethernet pads to 60 bytes.
#include "net/checksum.h"
#include "net/wire_layers.h"

namespace net::wire {

namespace {

// RFC 8200, 4: more of them than this in one packet is nothing that a kernel sends.
constexpr unsigned most_extensions = 8;
constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment_header = 44, destination_options = 60;

// `out` has the payload's place; the fragment's bytes must stay inside the largest packet.
Reject set_fragment(Packet& out, std::uint32_t id, std::uint32_t offset, bool more) {
  if ((more && out.payload_length % 8 != 0) || out.payload_length == 0) return Reject::fragment;
  if (offset + out.payload_length > 65535) return Reject::fragment;
  out.kind = Kind::fragment;
  out.fragment = {.id = id, .offset = static_cast<std::uint16_t>(offset), .more = more};
  return Reject::none;
}

Address v6_at(View header, std::size_t offset) {
  Address out;
  header.from(offset, 16).copy_to(out.bytes.data());
  return out;
}

struct Walk {
  std::uint32_t at = 0;          // of the next header
  std::uint8_t next = 0;
  bool fragment = false;
  std::uint32_t id = 0, offset = 0;
  bool more = false;
};

Reject take_fragment(View header, Walk& walk) {
  const std::uint16_t field = header.be16(2);
  walk.offset = field & 0xfff8;
  walk.more = (field & 1) != 0;
  walk.id = header.be32(4);
  walk.fragment = walk.offset != 0 || walk.more;    // else an atomic one (RFC 6946): the packet is whole
  walk.next = header.u8(0);
  walk.at += 8;
  return Reject::none;
}

// To the upper header, or to the bytes of a fragment. Hop-by-hop may stand first only.
Reject walk_extensions(View packet, Walk& walk) {
  const std::uint32_t first = walk.at;
  for (unsigned seen = 0; !walk.fragment; ++seen) {
    const bool options = walk.next == destination_options || walk.next == routing || walk.next == hop_by_hop;
    if (!options && walk.next != fragment_header) return Reject::none;
    if (seen == most_extensions || (walk.next == hop_by_hop && walk.at != first)) return Reject::ipv6_extensions;
    if (!packet.has(walk.at, 8)) return Reject::ipv6_extensions;
    const View header = packet.from(walk.at);
    if (walk.next == fragment_header) {
      if (const Reject why = take_fragment(header, walk); why != Reject::none) return why;
      continue;
    }
    // Segments left: we are no hop of a source route (RFC 5095 and its kin).
    if (walk.next == routing && header.u8(3) != 0) return Reject::ipv6_extensions;
    const std::uint32_t length = (std::uint32_t{header.u8(1)} + 1) * 8;
    if (!packet.has(walk.at, length)) return Reject::ipv6_extensions;
    walk.next = header.u8(0);
    walk.at += length;
  }
  return Reject::none;
}

}  // namespace

Reject parse_ip4(View frame, Packet& out) {
  if (!frame.has(out.l3, 20)) return Reject::too_short;
  const View header = frame.from(out.l3);
  if (header.u8(0) >> 4 != 4) return Reject::ip_version;
  const std::uint32_t length = (header.u8(0) & 15u) * 4, total = header.be16(2);
  if (length < 20 || !header.has(0, length)) return Reject::ip_header_length;
  if (total < length || !header.has(0, total)) return Reject::ip_total_length;
  if (fold(add_bytes(0, header.from(0, length))) != 0xffff) return Reject::ip_checksum;
  out.traffic_class = header.u8(1);
  out.hop_limit = header.u8(8);
  out.protocol = header.u8(9);
  out.source = Address::from_v4(header.be32(12));
  out.destination = Address::from_v4(header.be32(16));
  out.l4 = out.payload = out.l3 + length;
  out.payload_length = total - length;
  out.ip_end = out.l3 + total;
  const std::uint16_t field = header.be16(6);
  out.df = (field & 0x4000) != 0;
  const bool more = (field & 0x2000) != 0;
  const std::uint32_t offset = (field & 0x1fffu) * 8;
  return more || offset != 0 ? set_fragment(out, header.be16(4), offset, more) : Reject::none;
}

Reject parse_ip6(View frame, Packet& out) {
  if (!frame.has(out.l3, 40)) return Reject::too_short;
  const View header = frame.from(out.l3);
  if (header.u8(0) >> 4 != 6) return Reject::ip_version;
  const std::uint32_t total = 40 + std::uint32_t{header.be16(4)};
  if (!header.has(0, total)) return Reject::ip_total_length;
  out.v6 = out.df = true;
  out.traffic_class = static_cast<std::uint8_t>((header.be16(0) >> 4) & 0xff);
  out.hop_limit = header.u8(7);
  out.source = v6_at(header, 8);
  out.destination = v6_at(header, 24);
  // Mapped addresses do not go over a wire, and here they would pass for IPv4's.
  if (out.source.is_v4() || out.destination.is_v4()) return Reject::source;
  Walk walk{.at = 40, .next = header.u8(6)};
  if (const Reject why = walk_extensions(header.from(0, total), walk); why != Reject::none) return why;
  out.protocol = walk.next;
  out.l4 = out.payload = out.l3 + walk.at;
  out.payload_length = total - walk.at;
  out.ip_end = out.l3 + total;
  return walk.fragment ? set_fragment(out, walk.id, walk.offset, walk.more) : Reject::none;
}

}  // namespace net::wire
