// The outermost layers: virtio_net_hdr against the frame it describes, Ethernet II, ARP; then what is above IP.
#include "net/wire.h"

#include "net/checksum.h"
#include "net/wire_layers.h"

namespace net {

namespace {

constexpr std::uint32_t most_udp_segments = 128;
constexpr std::uint16_t type_ip4 = 0x0800, type_arp = 0x0806, type_ip6 = 0x86dd;

Mac mac_at(View frame, std::size_t offset) {
  Mac out;
  const View bytes = frame.from(offset, out.size());
  if (bytes.size() == out.size()) bytes.copy_to(out.data());
  return out;
}

Address v4_at(View frame, std::size_t offset) { return Address::from_v4(frame.be32(offset)); }

Reject parse_arp(View frame, Packet& out) {
  if (!frame.has(out.l3, 28)) return Reject::too_short;
  const View arp = frame.from(out.l3, 28);
  if (arp.be16(0) != 1 || arp.be16(2) != type_ip4 || arp.u8(4) != 6 || arp.u8(5) != 4) return Reject::arp;
  out.kind = Kind::arp;
  out.arp = {.operation = arp.be16(6), .sender_mac = mac_at(arp, 8), .sender = v4_at(arp, 14), .target = v4_at(arp, 24)};
  out.ip_end = out.payload = out.l3 + 28;
  return Reject::none;
}

// What the header says of segmentation and checksums must fit what the frame holds; its hdr_len is not looked at.
Reject check_offloads(View frame, Packet& out) {
  const std::uint8_t flags = frame.u8(0), type = static_cast<std::uint8_t>(frame.u8(1) & ~vnet::gso_ecn);
  const std::uint16_t gso_size = frame.native16(4);
  const bool transport = out.kind == Kind::tcp || out.kind == Kind::udp;
  if ((flags & vnet::needs_csum) != 0) {
    const std::size_t start = std::size_t{frame.native16(6)} + vnet::size;
    const std::size_t offset = out.kind == Kind::tcp ? 16 : 6;
    if (!transport || start != out.l4 || frame.native16(8) != offset) return Reject::vnet;
  }
  out.vouched = (flags & (vnet::needs_csum | vnet::data_valid)) != 0;
  if (type == vnet::gso_none) return Reject::none;
  const bool fits = (type == vnet::gso_tcp4 && out.kind == Kind::tcp && !out.v6) ||
                    (type == vnet::gso_tcp6 && out.kind == Kind::tcp && out.v6) ||
                    (type == vnet::gso_udp_l4 && out.kind == Kind::udp);
  if (!fits || gso_size == 0 || (flags & vnet::needs_csum) == 0) return Reject::vnet;
  // Each segment may cost a system call. No kernel sends more (UDP_MAX_SEGMENTS), but a packet socket may.
  if (out.kind == Kind::udp && out.payload_length > most_udp_segments * gso_size) return Reject::vnet;
  out.gso_type = type;
  out.gso_size = gso_size;
  return Reject::none;
}

Reject parse_udp(View frame, Packet& out) {
  if (!frame.has(out.l4, 8) || out.l4 + 8 > out.ip_end) return Reject::too_short;
  const View udp = frame.from(out.l4, 8);
  const std::uint32_t room = out.ip_end - out.l4, length = udp.be16(4);
  // 0 is a jumbogram's (RFC 2675), which nothing sends; a length short of the IP packet's leaves a surplus unread.
  if (length < 8 || length > room) return Reject::udp_length;
  out.kind = Kind::udp;
  out.source_port = udp.be16(0);
  out.destination_port = udp.be16(2);
  out.payload = out.l4 + 8;
  out.payload_length = length - 8;
  return Reject::none;
}

Reject parse_icmp(View frame, Packet& out) {
  if (!frame.has(out.l4, 8) || out.l4 + 8 > out.ip_end) return Reject::icmp_header;
  const View icmp = frame.from(out.l4, 8);
  out.kind = Kind::icmp;
  out.icmp = {.type = icmp.u8(0), .code = icmp.u8(1), .id = icmp.be16(4), .seq = icmp.be16(6)};
  out.payload = out.l4 + 8;
  out.payload_length = out.ip_end - out.payload;
  return Reject::none;
}

Reject parse_transport(View frame, Packet& out) {
  if (out.protocol == ip::tcp) return wire::parse_tcp(frame, out);
  if (out.protocol == ip::udp) return parse_udp(frame, out);
  if (out.protocol == (out.v6 ? ip::icmp6 : ip::icmp4)) return parse_icmp(frame, out);
  return Reject::none;
}

// A checksum that nobody vouched for, as of a program that writes to a packet socket.
Reject verify(View frame, const Packet& packet) {
  if (packet.kind == Kind::other || packet.kind == Kind::fragment) return Reject::none;
  const View covered = packet.kind == Kind::udp ? frame.from(packet.l4, packet.payload_length + 8)
                                                : frame.from(packet.l4, packet.ip_end - packet.l4);
  std::uint64_t sum = 0;
  if (packet.kind == Kind::udp && covered.be16(6) == 0) return packet.v6 ? Reject::checksum : Reject::none;
  if (packet.kind != Kind::icmp || packet.v6)
    sum = pseudo_header(packet.source, packet.destination, packet.protocol, covered.size());
  return fold(add_bytes(sum, covered)) == 0xffff ? Reject::none : Reject::checksum;
}

bool unicast(const Address& address) {
  if (address.is_v4()) return address.as_v4() >> 28 < 14;
  return address.bytes[0] != 0xff;
}

Reject parse_ip(View frame, bool v6, Packet& out) {
  const Reject network = v6 ? wire::parse_ip6(frame, out) : wire::parse_ip4(frame, out);
  if (network != Reject::none) return network;
  if (!unicast(out.source)) return Reject::source;
  if (out.kind == Kind::fragment) return frame.u8(1) == vnet::gso_none ? Reject::none : Reject::fragment;
  if (const Reject why = parse_transport(frame, out); why != Reject::none) return why;
  if (const Reject why = check_offloads(frame, out); why != Reject::none) return why;
  return out.vouched ? Reject::none : verify(frame, out);
}

}  // namespace

Reject parse(View frame, Packet& out) {
  if (!frame.has(0, frame_start)) return Reject::too_short;
  out = Packet{};
  out.destination_mac = mac_at(frame, vnet::size);
  out.source_mac = mac_at(frame, vnet::size + 6);
  out.l3 = frame_start;
  switch (frame.be16(vnet::size + 12)) {
    case type_ip4: return parse_ip(frame, false, out);
    case type_ip6: return parse_ip(frame, true, out);
    case type_arp: return parse_arp(frame, out);
    default: return Reject::ether_type;
  }
}

}  // namespace net
