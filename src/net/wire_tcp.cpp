// The TCP header and its options. An option of a wrong length spoils the segment; unknown ones are passed over.
#include "net/wire_layers.h"

namespace net::wire {

namespace {

constexpr std::uint8_t end_of_list = 0, no_operation = 1, maximum_size = 2, window_scale = 3, sack_permitted = 4,
                       sack = 5;

Reject read_blocks(View option, tcp::Header& out) {
  const std::size_t count = (option.size() - 2) / 8;
  if (count == 0 || count > 4 || option.size() != 2 + count * 8) return Reject::tcp_options;
  out.block_count = static_cast<std::uint8_t>(count);
  for (std::size_t i = 0; i < count; ++i) out.blocks[i] = {option.be32(2 + 8 * i), option.be32(6 + 8 * i)};
  return Reject::none;
}

// MSS, scale and SACK-permitted count in a SYN only (RFC 9293 3.2, RFC 7323 2.2, RFC 2018 2).
Reject read_option(View option, tcp::Header& out) {
  const bool syn = out.has(tcp::flag::syn);
  switch (option.u8(0)) {
    case maximum_size:
      if (option.size() != 4) return Reject::tcp_options;
      if (syn) out.mss = option.be16(2);
      return Reject::none;
    case window_scale:
      if (option.size() != 3) return Reject::tcp_options;
      if (syn) {
        out.scaled = true;
        out.scale = option.u8(2) > 14 ? std::uint8_t{14} : option.u8(2);
      }
      return Reject::none;
    case sack_permitted:
      if (option.size() != 2) return Reject::tcp_options;
      out.sack_permitted = syn;
      return Reject::none;
    case sack:
      return read_blocks(option, out);
    default:
      return Reject::none;
  }
}

Reject read_options(View options, tcp::Header& out) {
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t kind = options.u8(at);
    if (kind == end_of_list) return Reject::none;
    if (kind == no_operation) {
      ++at;
      continue;
    }
    if (!options.has(at, 2)) return Reject::tcp_options;
    const std::size_t length = options.u8(at + 1);
    if (length < 2 || !options.has(at, length)) return Reject::tcp_options;
    if (const Reject why = read_option(options.from(at, length), out); why != Reject::none) return why;
    at += length;
  }
  return Reject::none;
}

}  // namespace

Reject parse_tcp(View frame, Packet& out) {
  const View segment = frame.from(out.l4, out.ip_end - out.l4);
  if (!segment.has(0, 20)) return Reject::tcp_header;
  const std::uint32_t length = (segment.u8(12) >> 4) * 4u;
  if (length < 20 || !segment.has(0, length)) return Reject::tcp_header;
  out.kind = Kind::tcp;
  out.source_port = segment.be16(0);
  out.destination_port = segment.be16(2);
  out.segment.seq = segment.be32(4);
  out.segment.ack = segment.be32(8);
  out.segment.flags = segment.u8(13);
  out.segment.window = segment.be16(14);
  out.payload = out.l4 + length;
  out.payload_length = out.ip_end - out.payload;
  return length == 20 ? Reject::none : read_options(segment.from(20, length - 20), out.segment);
}

}  // namespace net::wire
