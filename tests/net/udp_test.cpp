// Datagrams: every size, their borders, the errors that come back, path MTU, and ping.
#include "world/net_test.h"

#include <cerrno>
#include <cstring>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

using namespace world;

namespace {

class UdpTest : public NetTest {
 protected:
  // Sent from inside, seen outside, sent back, seen inside.
  void expect_echo(Socket& inside, Socket& server, std::size_t size) {
    const std::string sent = pattern(size, size);
    ASSERT_EQ(::send(inside.fd(), sent.data(), sent.size(), 0), static_cast<ssize_t>(size)) << std::strerror(errno);
    Address from;
    const auto seen = server.receive_from(2s, &from);
    ASSERT_TRUE(seen) << size << " bytes did not leave";
    EXPECT_TRUE(*seen == sent) << size << " bytes changed on their way";
    ASSERT_EQ(errno_name(server.send_to(*seen, from)), "ok");
    const auto back = inside.receive_from(2s);
    ASSERT_TRUE(back) << size << " bytes did not come back";
    EXPECT_TRUE(*back == sent) << size;
  }

  void set_route_mtu(int mtu) {
    const std::string suffix = mtu == 0 ? "" : " mtu " + std::to_string(mtu);
    for (const int version : families) script_in(net->host, "ip route replace default via " + router.at(version) + suffix);
  }
};

TEST_F(UdpTest, EverySizeGoesBothWays) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket server = bind_at(net->beyond, web.at(version), 7001), client = sandbox.datagrams(web.at(version), 7001);
    for (const std::size_t size : {0UL, 1UL, 1452UL, 1453UL, 1472UL, 1473UL, 9000UL, 65487UL, 65507UL}) expect_echo(client, server, size);
  }
}

TEST_F(UdpTest, AFlowIsOneSocketAndHearsItsPeerOnly) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket server = bind_at(net->beyond, web.at(version), 7001), stranger = bind_at(net->beyond, other.at(version), 7001);
    Socket client = make_socket(sandbox.inside(), Address(web.at(version), 1).family(), SOCK_DGRAM);
    Address first, second;
    ASSERT_EQ(client.send_to("one", Address(web.at(version), 7001)), 0);
    ASSERT_TRUE(server.receive_from(2s, &first));
    ASSERT_EQ(client.send_to("two", Address(web.at(version), 7001)), 0);
    ASSERT_TRUE(server.receive_from(2s, &second));
    EXPECT_EQ(first.port(), second.port()) << "the same flow";
    EXPECT_EQ(first.host(), host.at(version));
    ASSERT_EQ(stranger.send_to("uninvited", first), 0);
    EXPECT_FALSE(client.receive_from(300ms)) << "a stranger was heard";
    ASSERT_EQ(server.send_to("invited", first), 0);
    EXPECT_EQ(client.receive_from().value_or(""), "invited") << "control";
  }
}

TEST_F(UdpTest, AClosedPortIsToldAtOnce) {
  Sandbox& sandbox = start();
  const auto error_from = [](Socket client, int version) {
    client.set(version == 4 ? IPPROTO_IP : IPPROTO_IPV6, version == 4 ? IP_RECVERR : IPV6_RECVERR, 1);
    EXPECT_EQ(client.send_all("x"), 0);
    int error = 0;
    eventually([&] { return (error = client.get(SOL_SOCKET, SO_ERROR)) != 0; }, 2s);
    return errno_name(error);
  };
  for (const int version : families)
    for (const Place& place : {web, unreachable, prohibited}) {
      Wire wire(*net);
      const std::string on_host = error_from(datagrams_to(net->host, place.at(version), 7009), version);
      EXPECT_NE(on_host, "ok") << place.at(version);
      EXPECT_EQ(error_from(sandbox.datagrams(place.at(version), 7009), version), on_host) << place.at(version) << "\n" << wire.text();
    }
}

TEST_F(UdpTest, SegmentedSendsKeepTheirBorders) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket server = bind_at(net->beyond, web.at(version), 7001), client = sandbox.datagrams(web.at(version), 7001);
    server.set(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    client.set(IPPROTO_UDP, UDP_SEGMENT, 1200);
    const std::string sent = pattern(0, 1200 * 20 + 333);
    ASSERT_EQ(::send(client.fd(), sent.data(), sent.size(), 0), static_cast<ssize_t>(sent.size())) << std::strerror(errno);
    Address from;
    std::string all;
    for (int i = 0; i < 21; ++i) {
      const auto part = server.receive_from(2s, &from);
      ASSERT_TRUE(part) << i;
      EXPECT_EQ(part->size(), i < 20 ? 1200U : 333U) << i;
      all += *part;
    }
    EXPECT_TRUE(all == sent);
    server.set(IPPROTO_UDP, UDP_SEGMENT, 1000);
    ASSERT_EQ(errno_name(server.send_to(pattern(5, 1000 * 30 + 1), from)), "ok");
    all.clear();
    for (int i = 0; i < 31; ++i) {
      const auto part = client.receive_from();
      ASSERT_TRUE(part) << i;
      EXPECT_EQ(part->size(), i < 30 ? 1000U : 1U) << i;
      all += *part;
    }
    EXPECT_TRUE(all == pattern(5, 30'001));
  }
}

TEST_F(UdpTest, DatagramsOfOneBurstStayApart) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket server = bind_at(net->beyond, web.at(version), 7001), client = sandbox.datagrams(web.at(version), 7001);
    client.set(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    client.set(IPPROTO_UDP, UDP_GRO, 1);  // the kernel may join what is alike, and tells how
    ASSERT_EQ(client.send_all("hello"), 0);
    Address from;
    ASSERT_TRUE(server.receive_from(2s, &from));
    std::size_t sent = 0, got = 0;
    for (const std::size_t size : {100UL, 100UL, 100UL, 7UL, 0UL, 1400UL, 1400UL, 3UL}) {
      ASSERT_EQ(server.send_to(pattern(0, size), from), 0);
      sent += size;
    }
    while (got < sent) {
      const auto part = client.receive_from(5s);
      ASSERT_TRUE(part) << got;
      got += part->size();
    }
    EXPECT_FALSE(client.receive_from(300ms)) << "none comes twice";
    EXPECT_EQ(got, sent);
  }
}

// What QUIC does: probes that must not be fragmented.
TEST_F(UdpTest, ThePathsMtuIsToldInside) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    set_route_mtu(0);
    Socket server = bind_at(net->beyond, web.at(version), 7001), client = sandbox.datagrams(web.at(version), 7001);
    const int level = version == 4 ? IPPROTO_IP : IPPROTO_IPV6;
    client.set(level, version == 4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, version == 4 ? int{IP_PMTUDISC_DO} : int{IPV6_PMTUDISC_DO});
    expect_echo(client, server, 1400);
    set_route_mtu(1300);
    // The first is dropped and answered; a later one is refused by the sandbox's own kernel.
    EXPECT_TRUE(eventually([&] { return ::send(client.fd(), pattern(0, 1400).data(), 1400, 0) < 0 && errno == EMSGSIZE; }, 3s));
    EXPECT_EQ(client.get(level, version == 4 ? IP_MTU : IPV6_MTU), 1300);
    while (server.receive_from(50ms)) {}
    client.get(SOL_SOCKET, SO_ERROR);
    expect_echo(client, server, 1200);
    Socket plain = sandbox.datagrams(web.at(version), 7001);
    plain.set(level, version == 4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, version == 4 ? int{IP_PMTUDISC_DONT} : int{IPV6_PMTUDISC_DONT});
    expect_echo(plain, server, 1400);
  }
  set_route_mtu(0);
}

TEST_F(UdpTest, ASmallerPathDoesNotTroubleTcp) {
  Sandbox& sandbox = start();
  set_route_mtu(1280);
  for (const int version : families) {
    Socket listener = listen_at(net->beyond, web.at(version), 7002);
    Connected made = sandbox.connect(web.at(version), 7002);
    ASSERT_EQ(errno_name(made.error), "ok");
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted);
    EXPECT_EQ(made.socket.send_pattern(100'000), 0);
    EXPECT_TRUE(accepted->receive_pattern(100'000).intact);
    EXPECT_EQ(accepted->send_pattern(100'000), 0);
    const auto got = made.socket.receive_pattern(100'000);
    EXPECT_EQ(got.bytes, 100'000U);
  }
  set_route_mtu(0);
}

TEST_F(UdpTest, ManyFlowsAtOnce) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket server = bind_at(net->beyond, web.at(version), 7001);
    server.set(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    std::vector<Socket> clients;
    for (int i = 0; i < 400; ++i) {
      clients.push_back(sandbox.datagrams(web.at(version), 7001));
      ASSERT_EQ(clients.back().send_all(std::to_string(i)), 0);
    }
    int echoed = 0;
    Address from;
    while (const auto seen = server.receive_from(500ms, &from)) echoed += server.send_to(*seen, from) == 0;
    EXPECT_EQ(echoed, 400);
    for (int i = 0; i < 400; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)].receive_from().value_or("nothing"), std::to_string(i));
  }
}

TEST_F(UdpTest, NothingIsSentToGroups) {
  Sandbox& sandbox = start();
  Wire wire(*net);
  Socket v4 = make_socket(sandbox.inside(), AF_INET, SOCK_DGRAM), v6 = make_socket(sandbox.inside(), AF_INET6, SOCK_DGRAM);
  v4.set(SOL_SOCKET, SO_BROADCAST, 1);
  for (const char* target : {"224.0.0.251", "239.1.2.3", "255.255.255.255"}) v4.send_to("x", Address(target, 5353));
  for (const char* target : {"ff0e::fb", "ff05::2"}) v6.send_to("x", Address(target, 5353));
  Socket server = bind_at(net->beyond, web.at(4), 5353), control = sandbox.datagrams(web.at(4), 5353);
  ASSERT_EQ(control.send_all("x"), 0);
  EXPECT_TRUE(server.receive_from()) << "control";
  for (const Packet& packet : wire.packets())
    EXPECT_TRUE(!packet.outgoing || packet.protocol != IPPROTO_UDP || packet.target == web.at(4)) << wire.text();
}

TEST_F(UdpTest, PingAnswersWhereTheHostMayPing) {
  SKIP_WITHOUT("ping");
  net->allow_ping();
  for (const int version : families) {
    const Outcome on_host = host_run("ping -n -c1 -W2 " + web.at(version));
    if (on_host.status != 0) GTEST_SKIP() << "the host itself may not ping: " << on_host.err;
  }
  Sandbox& sandbox = start();
  for (const int version : families)
    for (const char* size : {"56", "1400", "8000"}) {
      const Outcome out = sandbox.run(std::string("ping -n -c2 -i0.2 -W2 -s ") + size + " " + web.at(version));
      EXPECT_EQ(out.status, 0) << out.out;
      EXPECT_PRED2(contains, out.out, "2 received");
    }
}

TEST_F(UdpTest, PingFailsAtOnceWhereTheHostMayNot) {
  SKIP_WITHOUT("ping");
  const Outcome allowed = host_run("python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)'");
  if (allowed.status == 0) GTEST_SKIP() << "the host may ping";
  Sandbox& sandbox = start();
  for (const int version : families) {
    const Outcome out = sandbox.run("ping -n -c1 -W3 " + web.at(version));
    EXPECT_NE(out.status, 0);
    EXPECT_LT(out.elapsed, 2500ms) << out.out;
  }
}

}  // namespace
