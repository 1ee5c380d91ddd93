// Headers of TCP, UDP and echoes. Kernels since 6.11 refuse a virtio_net_hdr whose sizes are not exactly right.
#include "net/build.h"

#include "net/build_layers.h"
#include "net/checksum.h"

#include <algorithm>

namespace net {

namespace build {

void put_link(Writer& out, const Offload& offload, const Mac& destination, const Mac& source, std::uint16_t type) {
  out.u8(offload.flags);
  out.u8(offload.gso_type);
  out.native16(offload.header_size);
  out.native16(offload.gso_size);
  out.native16(offload.csum_start);
  out.native16(offload.csum_offset);
  out.bytes(View(destination));
  out.bytes(View(source));
  out.be16(type);
}

constexpr unsigned hop_by_hop = 0, jumbo_payload = 0xc204;  // RFC 2675, 2: the option's type and length

void put_ip(Writer& out, const Ends& ends, std::uint8_t protocol, std::size_t length, bool df) {
  const std::size_t begin = out.size();
  if (!ends.source.is_v4()) {
    const bool big = is_big(ends, length);
    out.be32(6u << 28 | std::uint32_t{ends.traffic_class} << 20);
    out.be16(big ? 0 : static_cast<unsigned>(length));
    out.u8(big ? hop_by_hop : protocol);
    out.u8(ends.hop_limit);
    out.address(ends.source);
    out.address(ends.destination);
    if (big) out.u8(protocol), out.u8(0), out.be16(jumbo_payload), out.be32(static_cast<std::uint32_t>(8 + length));
    return;
  }
  out.u8(0x45);
  out.u8(ends.traffic_class);
  out.be16(is_big(ends, length) ? 0 : static_cast<unsigned>(20 + length));
  out.be16(0);                                // no identification for what is never fragmented (RFC 6864)
  out.be16(df ? 0x4000 : 0);
  out.u8(ends.hop_limit);
  out.u8(protocol);
  out.be16(0);
  out.address(ends.source);
  out.address(ends.destination);
  out.set_be16(begin + 10, checksum(add_bytes(0, out.written(begin))));
}

void put_headers(Writer& out, const Ends& ends, std::uint8_t protocol, std::size_t length, bool df, Offload offload) {
  if ((offload.flags & vnet::needs_csum) != 0) {
    offload.csum_start = static_cast<std::uint16_t>(ethernet_size + ip_size(ends, length));
    offload.csum_offset = protocol == ip::tcp ? 16 : 6;
  }
  if (offload.gso_size != 0) offload.header_size = static_cast<std::uint16_t>(offload.header_size + ethernet_size + ip_size(ends, length));
  put_link(out, offload, ends.destination_mac, ends.source_mac, ends.source.is_v4() ? 0x0800 : 0x86dd);
  put_ip(out, ends, protocol, length, df);
}

}  // namespace build

namespace {

using build::Offload;
using build::Writer;

std::size_t options_size(const tcp::Header& segment) {
  std::size_t size = 0;
  if (segment.mss != 0) size += 4;
  if (segment.scaled) size += 4;
  if (segment.sack_permitted) size += 4;
  if (segment.block_count != 0) size += 4 + 8u * segment.block_count;
  return size;
}

// Each option padded in front to four bytes, as RFC 7323, appendix A, does it.
void put_options(Writer& out, const tcp::Header& segment) {
  if (segment.mss != 0) out.u8(2), out.u8(4), out.be16(segment.mss);
  if (segment.sack_permitted) out.be16(0x0101), out.u8(4), out.u8(2);
  if (segment.scaled) out.u8(1), out.u8(3), out.u8(3), out.u8(segment.scale);
  if (segment.block_count == 0) return;
  out.be16(0x0101), out.u8(5), out.u8(2 + 8u * segment.block_count);
  for (std::size_t i = 0; i < segment.block_count; ++i) out.be32(segment.blocks[i].begin), out.be32(segment.blocks[i].end);
}

void put_tcp(Writer& out, const Ends& ends, const tcp::Header& segment, std::size_t options) {
  out.be16(ends.source_port);
  out.be16(ends.destination_port);
  out.be32(segment.seq);
  out.be32(segment.ack);
  out.u8(static_cast<unsigned>((20 + options) / 4) << 4);
  out.u8(segment.flags);
  out.be16(segment.window);
  out.be16(0);
  out.be16(0);
  put_options(out, segment);
}

// What a kernel expects where it will add the rest: the pseudo header's sum, folded but not inverted.
std::uint16_t partial(const Ends& ends, std::uint8_t protocol, std::size_t length) {
  return fold(pseudo_header(ends.source, ends.destination, protocol, length));
}

}  // namespace

Ends reply_to(const Packet& packet) {
  return {.source_mac = packet.destination_mac, .destination_mac = packet.source_mac, .source = packet.destination,
          .destination = packet.source, .source_port = packet.destination_port, .destination_port = packet.source_port};
}

std::size_t build_tcp(Headers out, const Ends& ends, const tcp::Header& segment, std::size_t payload_size,
                      std::uint16_t gso_size) {
  const std::size_t options = options_size(segment), length = 20 + options + payload_size;
  Offload offload{.flags = vnet::needs_csum};
  if (gso_size != 0 && payload_size > gso_size) {
    offload.gso_type = ends.source.is_v4() ? vnet::gso_tcp4 : vnet::gso_tcp6;
    offload.gso_size = gso_size;
    offload.header_size = static_cast<std::uint16_t>(20 + options);
  }
  Writer writer(out);
  build::put_headers(writer, ends, ip::tcp, length, true, offload);
  const std::size_t begin = writer.size();
  put_tcp(writer, ends, segment, options);
  writer.set_be16(begin + 16, partial(ends, ip::tcp, length));
  return writer.size();
}

std::size_t build_udp(Headers out, const Ends& ends, std::size_t payload_size, bool df, std::uint16_t gso_size) {
  const std::size_t length = 8 + payload_size;
  Offload offload{.flags = vnet::needs_csum};
  if (gso_size != 0 && payload_size > gso_size) {
    offload.gso_type = vnet::gso_udp_l4;
    offload.gso_size = gso_size;
    offload.header_size = 8;
  }
  Writer writer(out);
  build::put_headers(writer, ends, ip::udp, length, df, offload);
  writer.be16(ends.source_port);
  writer.be16(ends.destination_port);
  writer.be16(static_cast<unsigned>(length));
  writer.be16(partial(ends, ip::udp, length));
  return writer.size();
}

std::size_t build_icmp(Headers out, const Ends& ends, const Icmp& icmp, View payload) {
  const bool v6 = !ends.source.is_v4();
  const std::size_t length = 8 + payload.size();
  Writer writer(out);
  build::put_headers(writer, ends, v6 ? ip::icmp6 : ip::icmp4, length, false, {});
  const std::size_t begin = writer.size();
  writer.u8(icmp.type);
  writer.u8(icmp.code);
  writer.be16(0);
  writer.be16(icmp.id);
  writer.be16(icmp.seq);
  std::uint64_t sum = add_bytes(0, writer.written(begin));
  if (v6) sum += pseudo_header(ends.source, ends.destination, ip::icmp6, length);
  writer.set_be16(begin + 2, checksum(add_bytes(sum, payload)));
  return writer.size();
}

std::size_t build_quoted_syn(std::span<std::uint8_t, 60> out, const Ends& ends, std::uint32_t seq) {
  Writer writer(out);
  build::put_ip(writer, ends, ip::tcp, 20, true);
  put_tcp(writer, ends, {.seq = seq, .flags = tcp::flag::syn}, 0);
  return writer.size();
}

std::size_t build_reset(Headers out, const Packet& stray) {
  const tcp::Header& from = stray.segment;
  if (stray.kind != Kind::tcp || from.has(tcp::flag::rst)) return 0;
  tcp::Header reset{.flags = tcp::flag::rst};
  if (from.has(tcp::flag::ack)) {
    reset.seq = from.ack;
  } else {
    reset.flags |= tcp::flag::ack;
    reset.ack = from.seq + stray.payload_length + (from.has(tcp::flag::syn) ? 1u : 0u) + (from.has(tcp::flag::fin) ? 1u : 0u);
  }
  return build_tcp(out, reply_to(stray), reset, 0, 0);
}

}  // namespace net
