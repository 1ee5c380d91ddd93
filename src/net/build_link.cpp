// ARP, neighbour discovery and ICMP errors.
#include "net/build.h"

#include "net/build_layers.h"
#include "net/checksum.h"

#include <algorithm>

namespace net {

namespace {

using build::Writer;

constexpr std::uint8_t router_solicitation = 133, router_advertisement = 134, neighbour_solicitation = 135,
                       neighbour_advertisement = 136;

Address all_nodes() { return {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}; }
constexpr Mac all_nodes_mac{0x33, 0x33, 0, 0, 0, 1};

void seal_icmp6(Writer& out, const Ends& ends, std::size_t begin) {
  const View message = out.written(begin);
  const std::uint64_t sum = pseudo_header(ends.source, ends.destination, ip::icmp6, message.size());
  out.set_be16(begin + 2, checksum(add_bytes(sum, message)));
}

// Hop limit 255 proves that it came over no router (RFC 4861, 6.1).
Ends discovery_answer(const Packet& asker, const Mac& own, const Address& own_address) {
  Ends ends{.source_mac = own, .destination_mac = asker.source_mac, .source = own_address, .destination = asker.source,
            .hop_limit = 255};
  if (asker.source == Address{}) {
    ends.destination = all_nodes();
    ends.destination_mac = all_nodes_mac;
  }
  return ends;
}

struct ErrorCode { std::uint8_t type4, code4, type6, code6; };

ErrorCode code_of(Unreachable why) {
  switch (why) {
    case Unreachable::network: return {3, 0, 1, 0};
    case Unreachable::host: return {3, 1, 1, 3};
    case Unreachable::protocol: return {3, 2, 1, 4};
    case Unreachable::port: return {3, 3, 1, 4};
    case Unreachable::too_big: return {3, 4, 2, 0};
    case Unreachable::prohibited: return {3, 13, 1, 1};
    case Unreachable::hop_limit: return {11, 0, 3, 0};
  }
  return {3, 1, 1, 3};
}

bool may_answer4(View packet) {
  if (!packet.has(0, 20) || (packet.be16(6) & 0x1fff) != 0) return false;
  const std::uint32_t source = packet.be32(12), destination = packet.be32(16);
  if (source == 0 || source >> 28 >= 14 || destination >> 28 >= 14) return false;
  const std::size_t header = (packet.u8(0) & 15u) * 4;
  if (packet.u8(9) != ip::icmp4) return true;
  // Of ICMP only what asks for something: echo, timestamp.
  return packet.has(header, 1) && (packet.u8(header) == 8 || packet.u8(header) == 13);
}

bool may_answer6(View packet, Unreachable why) {
  if (!packet.has(0, 40)) return false;
  Address source;
  packet.from(8, 16).copy_to(source.bytes.data());
  if (source == Address{} || source.bytes[0] == 0xff) return false;
  // RFC 4443, 2.4 (e.3): multicast is answered by packet too big only.
  if (packet.u8(24) == 0xff && why != Unreachable::too_big) return false;
  return packet.u8(6) != ip::icmp6 || (packet.has(40, 1) && packet.u8(40) >= 128);
}

}  // namespace

std::size_t build_error(std::span<std::uint8_t, longest_error> out, const Ends& ends, Unreachable why,
                        std::uint32_t mtu, View offending) {
  const bool v6 = !ends.source.is_v4();
  if (v6 ? !may_answer6(offending, why) : !may_answer4(offending)) return 0;
  const std::size_t limit = v6 ? 1280 - 40 - 8 : 576 - 20 - 8;
  const View quote = offending.from(0, limit);
  const ErrorCode code = code_of(why);
  Writer writer(out);
  build::put_headers(writer, ends, v6 ? ip::icmp6 : ip::icmp4, 8 + quote.size(), false, {});
  const std::size_t begin = writer.size();
  writer.u8(v6 ? code.type6 : code.type4);
  writer.u8(v6 ? code.code6 : code.code4);
  writer.be16(0);
  const std::uint32_t said = why == Unreachable::too_big ? mtu : 0;
  writer.be32(v6 ? said : std::min<std::uint32_t>(said, 65535));
  writer.bytes(quote);
  if (v6)
    seal_icmp6(writer, ends, begin);
  else
    writer.set_be16(begin + 2, checksum(add_bytes(0, writer.written(begin))));
  return writer.size();
}

std::size_t build_arp_reply(Headers out, const Packet& request, const Mac& own) {
  Writer writer(out);
  build::put_link(writer, {}, request.source_mac, own, 0x0806);
  writer.be16(1);
  writer.be16(0x0800);
  writer.u8(6);
  writer.u8(4);
  writer.be16(2);
  writer.bytes(View(own));
  writer.address(request.arp.target);
  writer.bytes(View(request.arp.sender_mac));
  writer.address(request.arp.sender);
  return writer.size();
}

std::optional<Address> solicited_target(const Packet& packet, View frame) {
  if (packet.kind != Kind::icmp || !packet.v6 || packet.icmp.type != neighbour_solicitation) return std::nullopt;
  const View body = packet.body(frame);
  if (packet.hop_limit != 255 || packet.icmp.code != 0 || !body.has(0, 16)) return std::nullopt;
  Address target;
  body.from(0, 16).copy_to(target.bytes.data());
  if (target.bytes[0] == 0xff || target.is_v4()) return std::nullopt;
  return target;
}

std::size_t build_neighbour(Headers out, const Packet& solicitation, const Address& target, const Mac& own) {
  const Ends ends = discovery_answer(solicitation, own, target);
  Writer writer(out);
  build::put_headers(writer, ends, ip::icmp6, 32, false, {});
  const std::size_t begin = writer.size();
  writer.u8(neighbour_advertisement);
  writer.u8(0);
  writer.be16(0);
  const bool solicited = solicitation.source != Address{};
  writer.be32((solicited ? 1u << 30 : 0) | 1u << 31 | 1u << 29);      // router, solicited, override
  writer.address(target);
  writer.u8(2);                                                       // target link-layer address
  writer.u8(1);
  writer.bytes(View(own));
  seal_icmp6(writer, ends, begin);
  return writer.size();
}

std::size_t build_router(Headers out, const Packet& solicitation, const Router& router) {
  if (solicitation.icmp.type != router_solicitation || solicitation.hop_limit != 255) return 0;
  const Ends ends = discovery_answer(solicitation, router.mac, router.link_local);
  Writer writer(out);
  build::put_headers(writer, ends, ip::icmp6, 16 + 8 + 32, false, {});
  const std::size_t begin = writer.size();
  writer.u8(router_advertisement);
  writer.u8(0);
  writer.be16(0);
  writer.u8(64);
  writer.u8(0);
  writer.be16(router.lifetime);
  writer.be32(0);
  writer.be32(0);
  writer.u8(5);                                                       // MTU
  writer.u8(1);
  writer.be16(0);
  writer.be32(router.mtu);
  writer.u8(3);                                                       // prefix, on link and for addresses
  writer.u8(4);
  writer.u8(router.prefix_bits);
  writer.u8(0xc0);
  writer.be32(86400);
  writer.be32(14400);
  writer.be32(0);
  writer.address(router.prefix);
  seal_icmp6(writer, ends, begin);
  return writer.size();
}

}  // namespace net
