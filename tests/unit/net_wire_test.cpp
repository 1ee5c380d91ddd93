// Frames read: each builder's output is what parse() understands, and each lie is rejected by its reason.
#include "net/build.h"
#include "net/checksum.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

using namespace net;

namespace {

using Frame = std::vector<std::uint8_t>;

Ends ends(bool v6) {
  return {.source_mac = {2, 0, 0, 0, 0, 1}, .destination_mac = {2, 0, 0, 0, 0, 2},
          .source = *parse_address(v6 ? "2001:db8::1" : "192.0.2.1"),
          .destination = *parse_address(v6 ? "fd00::2" : "10.0.2.2"), .source_port = 443, .destination_port = 40000};
}

Frame tcp_frame(bool v6, const tcp::Header& header, const std::string& bytes = {}, std::uint16_t gso = 0) {
  std::uint8_t headers[128];
  Frame out(headers, headers + build_tcp(headers, ends(v6), header, bytes.size(), gso));
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}
Frame udp_frame(bool v6, const std::string& bytes, std::uint16_t gso = 0) {
  std::uint8_t headers[128];
  Frame out(headers, headers + build_udp(headers, ends(v6), bytes.size(), true, gso));
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}
// As a program that writes to a packet socket: nothing promised, the checksum complete.
Frame sealed(Frame frame, bool v6, std::size_t at) {
  const std::size_t l4 = frame_start + (v6 ? 40 : 20);
  std::fill_n(frame.begin(), vnet::size, std::uint8_t{0});
  frame[l4 + at] = frame[l4 + at + 1] = 0;
  const View body = View(frame.data(), frame.size()).from(l4);
  const Ends e = ends(v6);
  const std::uint16_t sum = checksum(add_bytes(pseudo_header(e.source, e.destination, at == 16 ? ip::tcp : ip::udp, body.size()), body));
  frame[l4 + at] = static_cast<std::uint8_t>(sum >> 8);
  frame[l4 + at + 1] = static_cast<std::uint8_t>(sum);
  return frame;
}
void fix_ip(Frame& frame) {
  frame[34] = frame[35] = 0;
  const std::uint16_t sum = checksum(add_bytes(0, View(frame.data(), frame.size()).from(frame_start, (frame[24] & 15u) * 4u)));
  frame[34] = static_cast<std::uint8_t>(sum >> 8);
  frame[35] = static_cast<std::uint8_t>(sum);
}
Packet parsed;
Reject read(const Frame& frame) { return parse(View(frame.data(), frame.size()), parsed); }
const tcp::Header syn{.seq = 7, .flags = tcp::flag::syn, .window = 1000, .mss = 1460, .scaled = true, .scale = 10, .sack_permitted = true};

}  // namespace

TEST(Wire, TcpIsReadAsItWasBuilt) {
  for (const bool v6 : {false, true}) {
    ASSERT_EQ(read(tcp_frame(v6, syn)), Reject::none);
    EXPECT_EQ(parsed.kind, Kind::tcp);
    EXPECT_EQ(parsed.v6, v6);
    EXPECT_EQ(parsed.source, ends(v6).source);
    EXPECT_EQ(parsed.destination, ends(v6).destination);
    EXPECT_EQ(parsed.source_port, 443);
    EXPECT_EQ(parsed.destination_port, 40000);
    EXPECT_EQ(parsed.segment.mss, 1460);
    EXPECT_TRUE(parsed.segment.scaled && parsed.segment.sack_permitted);
    EXPECT_EQ(parsed.segment.scale, 10);
    EXPECT_EQ(parsed.payload_length, 0U);
    tcp::Header data{.seq = 8, .ack = 9, .flags = tcp::flag::ack | tcp::flag::psh, .window = 3};
    data.block_count = 4;
    data.blocks = {{{1, 2}, {3, 4}, {5, 6}, {7, 8}}};
    const Frame frame = tcp_frame(v6, data, "payload");
    ASSERT_EQ(read(frame), Reject::none);
    EXPECT_EQ(parsed.segment.blocks, data.blocks);
    EXPECT_EQ(parsed.segment.ack, 9U);
    EXPECT_EQ(parsed.segment.window, 3);
    const View body = parsed.body(View(frame.data(), frame.size()));
    EXPECT_EQ(std::string(body.data(), body.data() + body.size()), "payload");
  }
}

TEST(Wire, SoftwareChecksumsAreCheckedWhereNobodyVouches) {
  for (const bool v6 : {false, true}) {
    for (const std::string& bytes : {std::string("odd"), std::string("even"), std::string(), std::string(3001, 'z')}) {
      Frame good = sealed(tcp_frame(v6, syn, bytes), v6, 16);
      EXPECT_EQ(read(good), Reject::none) << v6 << bytes.size();
      good.back() ^= 1;
      EXPECT_EQ(read(good), Reject::checksum);
      good[0] = vnet::needs_csum;
      EXPECT_EQ(read(good), Reject::vnet) << "the word must name the right place";
      Frame datagram = sealed(udp_frame(v6, bytes), v6, 6);
      EXPECT_EQ(read(datagram), Reject::none);
      datagram.back() ^= 1;
      EXPECT_EQ(read(datagram), Reject::checksum);
    }
  }
  Frame without = sealed(udp_frame(false, "x"), false, 6);
  without[50] = without[51] = 0;
  EXPECT_EQ(read(without), Reject::none) << "IPv4 may go without (RFC 768)";
}

// RFC 2675; for IPv4 as Linux's receiving side has it since 6.3: no length, and the frame's own counts.
TEST(Wire, BeyondTheLengthFieldItIsBigTcp) {
  for (const bool v6 : {false, true}) {
    const std::size_t ip = v6 ? 48 : 20, most = 65535 - 20 - (v6 ? 0 : 20);
    for (const bool big : {false, true}) {
      const std::size_t size = most + (big ? 1 : 0);
      std::uint8_t headers[128];
      const std::size_t written = build_tcp(headers, ends(v6), {.seq = 1, .flags = tcp::flag::ack}, size, 1400);
      const View frame(headers, written);
      EXPECT_EQ(written, frame_start + (v6 && !big ? 40 : ip) + 20) << v6 << big;
      const std::uint16_t length = frame.be16(frame_start + (v6 ? 4 : 2));
      EXPECT_EQ(length, big ? 0 : 65535) << v6 << big;
      std::uint16_t start = 0, header_size = 0;
      std::memcpy(&header_size, headers + 2, 2), std::memcpy(&start, headers + 6, 2);
      EXPECT_EQ(start, written - vnet::size - 20);
      EXPECT_EQ(header_size, written - vnet::size);
      if (!v6) {
        EXPECT_EQ(checksum(add_bytes(0, frame.from(frame_start, 20))), 0);
      }
      if (!v6 || !big) continue;
      EXPECT_EQ(frame.u8(frame_start + 6), 0) << "hop-by-hop options";
      EXPECT_EQ(frame.u8(frame_start + 40), 6) << "TCP behind them";
      EXPECT_EQ(frame.be32(frame_start + 42) >> 16, 0xc204U);
      EXPECT_EQ(frame.be32(frame_start + 44), 8 + 20 + size);
    }
  }
}

TEST(Wire, SegmentationMustFitTheFrame) {
  for (const bool v6 : {false, true}) {
    Frame frame = tcp_frame(v6, {.flags = tcp::flag::ack}, std::string(5000, 'x'), 1440);
    ASSERT_EQ(read(frame), Reject::none);
    EXPECT_EQ(parsed.gso_size, 1440);
    EXPECT_EQ(frame[2], v6 ? 74 : 54) << "hdr_len";
    EXPECT_EQ(frame[6], v6 ? 54 : 34) << "csum_start";
    EXPECT_EQ(frame[8], 16) << "csum_offset";
    for (const auto& [at, value] : {std::pair{1, 3}, {1, 5}, {1, v6 ? 1 : 4}, {1, 77}, {6, 33}, {8, 6}, {0, 0}}) {
      Frame bad = frame;
      bad[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
      EXPECT_EQ(read(bad), Reject::vnet) << at << " " << value;
    }
    Frame zero = frame;
    zero[4] = zero[5] = 0;
    EXPECT_EQ(read(zero), Reject::vnet);
    ASSERT_EQ(read(udp_frame(v6, std::string(5000, 'x'), 1200)), Reject::none);
    EXPECT_EQ(parsed.gso_type, vnet::gso_udp_l4);
  }
}

TEST(Wire, ADatagramIsNotCutIntoThousands) {
  for (const bool v6 : {false, true}) {
    EXPECT_EQ(read(udp_frame(v6, std::string(128 * 7, 'x'), 7)), Reject::none);
    EXPECT_EQ(read(udp_frame(v6, std::string(128 * 7 + 1, 'x'), 7)), Reject::vnet);
    EXPECT_EQ(read(udp_frame(v6, std::string(60000, 'x'), 1)), Reject::vnet);
  }
}

TEST(Wire, EveryTruncationIsRejectedAndPaddingIsNot) {
  for (const bool v6 : {false, true}) {
    for (const Frame& whole : {tcp_frame(v6, syn, "abc"), udp_frame(v6, "abc")}) {
      for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_NE(read(Frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), Reject::none) << size;
      Frame padded = whole;
      padded.resize(padded.size() + 46);
      ASSERT_EQ(read(padded), Reject::none);
      EXPECT_EQ(parsed.payload_length, 3U);
    }
  }
}

TEST(Wire, LyingLengthsOfIpv4) {
  const Frame good = tcp_frame(false, syn, "abc");
  const auto with = [&good](std::size_t at, unsigned value) {
    Frame out = good;
    out[at] = static_cast<std::uint8_t>(value);
    fix_ip(out);
    return read(out);
  };
  EXPECT_EQ(with(24, 0x44), Reject::ip_header_length);
  EXPECT_EQ(with(24, 0x65), Reject::ip_version);
  EXPECT_EQ(with(26, 0xff), Reject::ip_total_length);
  EXPECT_EQ(with(27, 10), Reject::ip_total_length);
  EXPECT_EQ(with(36, 224), Reject::source);
  Frame bad = good;
  bad[34] ^= 1;
  EXPECT_EQ(read(bad), Reject::ip_checksum);
  bad = good;
  bad[56] = 0x40;
  EXPECT_EQ(read(bad), Reject::tcp_header);
  bad[56] = 0xf0;
  EXPECT_EQ(read(bad), Reject::tcp_header);
  bad = udp_frame(false, "abc");
  bad[49] = 200;
  EXPECT_EQ(read(bad), Reject::udp_length);
  bad[49] = 7;
  EXPECT_EQ(read(bad), Reject::udp_length);
}

TEST(Wire, OptionsOfWrongLengthSpoilTheSegment) {
  const Frame good = tcp_frame(false, syn);
  const std::size_t options = frame_start + 20 + 20;
  const auto with = [&](std::initializer_list<std::uint8_t> bytes) {
    Frame out = good;
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(options));
    return read(out);
  };
  EXPECT_EQ(with({2, 3}), Reject::tcp_options);
  EXPECT_EQ(with({99, 0}), Reject::tcp_options);
  EXPECT_EQ(with({99, 1}), Reject::tcp_options);
  EXPECT_EQ(with({99, 13}), Reject::tcp_options);
  EXPECT_EQ(with({5, 11}), Reject::tcp_options);
  EXPECT_EQ(with({3, 4, 0, 0}), Reject::tcp_options);
  EXPECT_EQ(with({99, 12}), Reject::none) << "unknown ones are passed over";
  EXPECT_EQ(with({0, 2, 3}), Reject::none) << "nothing is read behind the end of the list";
  EXPECT_EQ(with({3, 3, 200, 0}), Reject::none);
  EXPECT_EQ(parsed.segment.scale, 14);
}

TEST(Wire, FragmentsAndExtensions) {
  Frame frame = udp_frame(false, std::string(16, 'x'));
  frame[30] = 0x20;                                   // more
  fix_ip(frame);
  EXPECT_EQ(read(frame), Reject::none);
  EXPECT_EQ(parsed.kind, Kind::fragment);
  EXPECT_TRUE(parsed.fragment.more);
  EXPECT_EQ(parsed.payload_length, 24U);
  frame[30] = 0x1f, frame[31] = 0xff;
  fix_ip(frame);
  EXPECT_EQ(read(frame), Reject::fragment) << "past 65535";
  Frame v6 = udp_frame(true, std::string(16, 'x'));
  const auto insert = [&v6](std::initializer_list<std::uint8_t> header, std::uint8_t kind) {
    Frame out = v6;
    out.insert(out.begin() + 64, header);
    out[30] = kind;
    out[29] = static_cast<std::uint8_t>(out[29] + header.size());
    out[0] = 0, out[6] = 0, out[8] = 0;
    out[0] = vnet::data_valid;
    return out;
  };
  EXPECT_EQ(read(insert({17, 0, 1, 4, 0, 0, 0, 0}, 0)), Reject::none);
  EXPECT_EQ(parsed.kind, Kind::udp);
  EXPECT_EQ(read(insert({17, 0, 0, 9, 0, 0, 0, 5}, 44)), Reject::none);
  EXPECT_EQ(parsed.kind, Kind::fragment);
  EXPECT_EQ(parsed.fragment.offset, 8);
  EXPECT_EQ(parsed.fragment.id, 5U);
  EXPECT_EQ(read(insert({17, 0, 0, 0, 0, 0, 0, 5}, 44)), Reject::none) << "atomic (RFC 6946)";
  EXPECT_EQ(parsed.kind, Kind::udp);
  EXPECT_EQ(read(insert({17, 9, 0, 0, 0, 0, 0, 0}, 60)), Reject::ipv6_extensions);
  EXPECT_EQ(read(insert({0, 0, 0, 0, 0, 0, 0, 0}, 60)), Reject::ipv6_extensions) << "hop-by-hop is first or nowhere";
  EXPECT_EQ(read(insert({17, 0, 0, 1, 0, 0, 0, 0}, 43)), Reject::ipv6_extensions) << "a source route";
}

TEST(Wire, MappedAddressesDoNotPassForIpv4) {
  Frame frame = udp_frame(true, "x");
  const Address mapped = Address::from_v4(0x7f000001);
  std::copy(mapped.bytes.begin(), mapped.bytes.end(), frame.begin() + 48);
  EXPECT_EQ(read(frame), Reject::source);
}

TEST(Wire, ResetsErrorsAndDiscoveryAreWellFormed) {
  for (const bool v6 : {false, true}) {
    const Frame frame = sealed(tcp_frame(v6, syn, "abc"), v6, 16);
    ASSERT_EQ(read(frame), Reject::none);
    const Packet stray = parsed;
    std::uint8_t headers[128];
    ASSERT_EQ(parse(View(headers, build_reset(headers, stray)), parsed), Reject::none);
    EXPECT_EQ(parsed.segment.flags, tcp::flag::rst | tcp::flag::ack);
    EXPECT_EQ(parsed.segment.ack, 7U + 1 + 3);
    EXPECT_EQ(parsed.destination_port, 443);
    std::uint8_t error[longest_error];
    const std::size_t size = build_error(error, reply_to(stray), Unreachable::too_big, 1280, stray.ip_packet(View(frame.data(), frame.size())));
    ASSERT_EQ(parse(View(error, size), parsed), Reject::none) << reject_names[parse(View(error, size), parsed)];
    EXPECT_EQ(parsed.icmp.type, v6 ? 2 : 3);
    EXPECT_EQ(parsed.icmp.code, v6 ? 0 : 4);
    EXPECT_EQ(parsed.icmp.seq, 1280);
    EXPECT_EQ(build_error(error, reply_to(stray), Unreachable::port, 0, parsed.ip_packet(View(error, size))), 0U) << "no error about an error";
    std::uint8_t quote[60];
    const std::size_t quoted = build_quoted_syn(quote, ends(v6), 77);
    EXPECT_EQ(quoted, v6 ? 60U : 40U);
    EXPECT_NE(build_error(error, reply_to(stray), Unreachable::host, 0, View(quote, quoted)), 0U);
  }
  Packet reset;
  reset.kind = Kind::tcp;
  reset.segment.flags = tcp::flag::rst;
  std::uint8_t headers[128];
  EXPECT_EQ(build_reset(headers, reset), 0U);
}

TEST(Wire, ChecksumOfEverySizeAndPlace) {
  std::vector<std::uint8_t> bytes(200);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 200);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size = 0; size + begin <= bytes.size(); ++size) {
      std::uint64_t plain = 0;
      for (std::size_t i = 0; i < size; ++i) plain += std::uint64_t{bytes[begin + i]} << (i % 2 == 0 ? 8 : 0);
      EXPECT_EQ(fold(add_bytes(0, View(bytes.data() + begin, size))), fold(plain)) << begin << "+" << size;
    }
  }
}
