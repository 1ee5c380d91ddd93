// Malformed, lying and forged frames: the engine drops them, stays up and serves the others. With SANITIZE=1 the same
// is a search for what a sanitizer sees.
#include "world/frames.h"

#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <random>
#include <unistd.h>

using namespace world;

namespace {

constexpr std::uint16_t ip4 = 0x0800, ip6 = 0x86dd, arp = 0x0806;

class FramesTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    if (net == nullptr) return;
    sandbox = &start();
    tap = std::make_unique<RawTap>(*sandbox);
  }
  void TearDown() override {
    tap.reset();
    NetTest::TearDown();
  }
  Ip from_sandbox(int version, int protocol = 0) {
    return {.source = sandbox->address(version), .target = web.at(version), .protocol = protocol};
  }
  static std::uint16_t type_of(int version) { return version == 4 ? ip4 : ip6; }

  // A flow that was there before and a new one.
  void expect_alive() {
    ASSERT_TRUE(sandbox->engine());
    for (const int version : families) {
      Socket listener = listen_at(net->beyond, web.at(version), 7999);
      Connected made = sandbox->connect(web.at(version), 7999, 3s);
      ASSERT_EQ(errno_name(made.error), "ok") << sandbox->finish().err;
      auto accepted = listener.accept();
      ASSERT_TRUE(accepted);
      EXPECT_EQ(made.socket.send_all("alive"), 0);
      EXPECT_EQ(accepted->receive(5), "alive");
      Socket server = bind_at(net->beyond, web.at(version), 7998), client = sandbox->datagrams(web.at(version), 7998);
      EXPECT_EQ(client.send_all("alive"), 0);
      EXPECT_TRUE(server.receive_from());
    }
  }

  Sandbox* sandbox = nullptr;
  std::unique_ptr<RawTap> tap;
};

TEST_F(FramesTest, WellFormedOnesPass) {
  for (const int version : families) {
    Socket server = bind_at(net->beyond, web.at(version), 7001);
    tap->send(type_of(version), make_udp(from_sandbox(version), 1234, 7001, "by hand"));
    EXPECT_EQ(server.receive_from().value_or(""), "by hand") << "control: what the other tests spoil";
    Wire wire(*net);
    tap->send(type_of(version), make_tcp(from_sandbox(version), {.target = 7002}));
    EXPECT_TRUE(eventually([&] { return wire.sent_to(web.at(version), 7002) > 0; }, 2s));
  }
}

TEST_F(FramesTest, ForgedSourcesGoNowhere) {
  Wire wire(*net);
  for (const int version : families) {
    Words forged = version == 4 ? Words{"127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "10.99.0.2", web.at(4), sandbox->gateway(4)}
                                : Words{"::1", "::", "ff02::1", "::ffff:127.0.0.1", web.at(6), sandbox->gateway(6)};
    for (const std::string& source : forged) {
      Ip ip = from_sandbox(version);
      ip.source = source;
      tap->send(type_of(version), make_udp(ip, 1234, 7001, "forged"));
      tap->send(type_of(version), make_tcp(ip, {.target = 7001}));
    }
    Ip land = from_sandbox(version);  // from itself to itself
    land.target = land.source;
    tap->send(type_of(version), make_tcp(land, {.source = 80, .target = 80}));
    EXPECT_EQ(wire.sent_to(web.at(version), 7001), 0U) << wire.text();
  }
  expect_alive();
}

TEST_F(FramesTest, MappedAndLoopbackTargetsGoNowhere) {
  Socket v4 = bind_at(net->host, "127.0.0.1", 7001), v6 = bind_at(net->host, "::1", 7001);
  Socket listener = listen_at(net->host, "127.0.0.1", 7001), listener6 = listen_at(net->host, "::1", 7001);
  for (const std::string target : {"::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:93.184.20.10"}) {
    Ip ip = from_sandbox(6);
    ip.target = target;
    tap->send(ip6, make_udp(ip, 1234, 7001, "x")), tap->send(ip6, make_tcp(ip, {.target = 7001}));
  }
  for (const std::string target : {"127.0.0.1", "0.0.0.0", "127.255.255.254", "0.1.2.3"}) {
    Ip ip = from_sandbox(4);
    ip.target = target;
    tap->send(ip4, make_udp(ip, 1234, 7001, "x")), tap->send(ip4, make_tcp(ip, {.target = 7001}));
  }
  expect_alive();
  EXPECT_FALSE(v4.receive_from(100ms) || v6.receive_from(100ms) || listener.accept(100ms) || listener6.accept(100ms));
}

TEST_F(FramesTest, LyingHeadersAreDropped) {
  Wire wire(*net);
  for (const int version : families) {
    const Ip plain = from_sandbox(version);
    const std::string good = make_tcp(plain, {.target = 7001}), datagram = make_udp(plain, 1234, 7001, "x");
    for (std::size_t length = 0; length < good.size(); ++length) tap->send(type_of(version), good.substr(0, length));
    for (std::size_t length = 0; length < datagram.size() - 1; ++length) tap->send(type_of(version), datagram.substr(0, length));
    for (const int length : {0, 1, 19, 21, 39, 1000, 65535}) {
      Ip lying = plain;
      lying.length = length;
      tap->send(type_of(version), make_tcp(lying, {.target = 7001}));
      tap->send(type_of(version), make_udp(plain, 1234, 7001, "content", length == 21 ? 7 : length));
    }
    for (unsigned first : {0x40U, 0x41U, 0x44U, 0x4fU, 0x55U, 0x65U, 0x05U}) {
      Ip odd = plain;
      odd.version_and_length = first;
      if (version == 4) tap->send(ip4, make_tcp(odd, {.target = 7001}));
    }
    for (unsigned offset : {0U, 1U, 4U, 15U}) tap->send(type_of(version), make_tcp(plain, {.target = 7001, .offset = offset}));
    std::string damaged = good;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);  // the checksum is wrong now
    tap->send(type_of(version), damaged);
    EXPECT_EQ(wire.sent_to(web.at(version), 7001), 0U) << wire.text();
  }
  expect_alive();
  EXPECT_GT(sandbox->report().at("network").at("malformed").get<int>(), 50) << sandbox->report().dump(1);
}

TEST_F(FramesTest, OptionsThatLoopOrLieAreSurvived) {
  for (const int version : families)
    for (const std::string& options : {std::string(4, '\x02'), std::string("\x02\x00\x00\x00", 4), std::string("\x02\xff\x05\xb4", 4), std::string("\x03\x03\xff\x01", 4),
                                       std::string("\x02\x04\x00\x00", 4), std::string("\x02\x04\x00\x01", 4), std::string("\x05\x02\x05\x02", 4), std::string(40, '\x05'),
                                       std::string(40, '\x01'), std::string("\xfe\x04\xf9\x89", 4)})
      for (const unsigned flags : {2U, 18U, 16U, 0U, 41U, 63U})
        tap->send(type_of(version), make_tcp(from_sandbox(version), {.source = 41000, .target = 7001, .flags = flags,
                  .offset = static_cast<unsigned>(5 + options.size() / 4), .options = options}));
  expect_alive();
}

TEST_F(FramesTest, ExtensionHeadersOfIpv6) {
  const std::string udp = make_udp(from_sandbox(6), 1234, 7001, "x").substr(40);
  for (const int type : {0, 43, 60, 44, 50, 51, 135, 139, 59})
    for (const int chain : {1, 3, 50, 180}) {
      Ip ip = from_sandbox(6, type);
      for (int i = 0; i < chain; ++i) ip.options += std::string{static_cast<char>(i + 1 < chain ? type : IPPROTO_UDP), 0, 1, 4, 0, 0, 0, 0};
      tap->send(ip6, make_ip(ip, udp));
      ip.options[1] = '\xff';  // longer than the packet
      tap->send(ip6, make_ip(ip, udp));
      tap->send(ip6, make_ip(ip, "").substr(0, 41));
    }
  expect_alive();
}

TEST_F(FramesTest, FragmentsThatOverlapOrNeverEnd) {
  Wire wire(*net);
  const std::string content = make_udp(from_sandbox(4), 1234, 7001, pattern(0, 3000)).substr(20);
  const auto piece = [&](std::size_t from, std::size_t length, bool more) {
    Ip ip = from_sandbox(4, IPPROTO_UDP);
    ip.fragment = static_cast<unsigned>(from / 8) | (more ? 0x2000U : 0U);
    tap->send(ip4, make_ip(ip, content.substr(from, length)));
  };
  piece(0, 1000, true), piece(800, 1000, true), piece(1800, 1208, false);       // they overlap: RFC 5722 says drop
  EXPECT_EQ(wire.sent_to(web.at(4), 7001), 0U) << wire.text();
  for (unsigned id = 0; id < 500; ++id) piece(8 * (id % 100), 8, true);         // ends never come
  Ip far = from_sandbox(4, IPPROTO_UDP);
  far.fragment = 0x1fff;
  tap->send(ip4, make_ip(far, std::string(1400, 'x')));                         // beyond 64 KiB
  for (const unsigned offset : {0U, 1U, 0x1ffcU, 0xfff8U, 0xfff9U}) {
    Ip ip = from_sandbox(6, IPPROTO_FRAGMENT);
    ip.options = std::string{IPPROTO_UDP, 0} + be16(offset) + be32(99);
    tap->send(ip6, make_ip(ip, std::string(1001, 'x')));
  }
  expect_alive();
  EXPECT_LE(sandbox->engine_kib(), 32U << 10);
}

TEST_F(FramesTest, OtherProtocolsAndEmptyFrames) {
  for (const std::uint16_t type : {std::uint16_t{0}, std::uint16_t{0x88cc}, std::uint16_t{0x8100}, std::uint16_t{0xffff}, arp})
    for (const std::size_t length : {0UL, 1UL, 27UL, 28UL, 1500UL}) tap->send(type, pattern(0, length));
  for (const int version : families)
    for (int protocol = 0; protocol < 256; ++protocol) tap->send(type_of(version), make_ip(from_sandbox(version, protocol), pattern(0, 40)));
  tap->send_frame(std::string(14, '\xff')), tap->send_frame(std::string(1500, '\xff'));
  expect_alive();
}

TEST_F(FramesTest, SegmentationThatCannotBe) {
  for (const int version : families)
    for (const char type : {'\x00', '\x01', '\x03', '\x04', '\x05', '\x7f'})
      for (const unsigned size : {0U, 1U, 8U, 1448U, 65535U})
        for (const unsigned start : {0U, 34U, 54U, 60U, 65535U}) {
          // virtio_net_hdr, little endian: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
          const auto le16 = [](unsigned value) { return std::string{static_cast<char>(value), static_cast<char>(value >> 8)}; };
          const std::string header = std::string{1, type} + le16(54) + le16(size) + le16(start) + le16(16);
          tap->send_offloaded(header, type_of(version), make_tcp(from_sandbox(version), {.target = 7001, .flags = 16, .content = pattern(0, 4000)}));
        }
  expect_alive();
}

// Good frames with some bytes changed: reproducible, and most of them get past the first check.
TEST_F(FramesTest, DamagedFramesByTheThousand) {
  std::mt19937 random(20260101);
  Socket listener = listen_at(net->beyond, web.at(4), 7001);
  std::vector<std::pair<int, std::string>> seeds;
  for (const int version : families) {
    seeds.emplace_back(version, make_tcp(from_sandbox(version), {.target = 7001, .offset = 10, .options = std::string("\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x08\x0a\0\0\0\1\0\0\0\0", 20)}));
    seeds.emplace_back(version, make_tcp(from_sandbox(version), {.target = 7001, .seq = 2, .ack = 7, .flags = 24, .content = "GET / HTTP/1.0\r\n\r\n"}));
    seeds.emplace_back(version, make_udp(from_sandbox(version), 1234, 7001, pattern(0, 50)));
    Ip to_gateway = from_sandbox(version);
    to_gateway.target = sandbox->gateway(version);
    seeds.emplace_back(version, make_udp(to_gateway, 1234, 53, std::string("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x04test\x00\x00\x01\x00\x01", 26)));
    Ip ping = from_sandbox(version, version == 4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
    seeds.emplace_back(version, make_ip(ping, std::string(version == 4 ? "\x08\x00" : "\x80\x00", 2) + pattern(0, 60)));
  }
  for (int i = 0; i < 30'000; ++i) {
    auto [version, packet] = seeds[random() % seeds.size()];
    for (unsigned changes = random() % 4; changes > 0; --changes) packet[random() % packet.size()] = static_cast<char>(random());
    if (random() % 8 == 0) packet.resize(random() % packet.size());
    tap->send(type_of(version), packet);
    if (i % 500 == 0) ::usleep(1000);
  }
  expect_alive();
  EXPECT_LE(sandbox->engine_kib(), 48U << 10);
}

}  // namespace
