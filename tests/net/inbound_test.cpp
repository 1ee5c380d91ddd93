// --publish: who reaches a service in the sandbox, from where, and as whom.
#include "world/net_test.h"

#include <cerrno>
#include <netinet/in.h>
#include <thread>

using namespace world;

namespace {

class InboundTest : public NetTest {
 protected:
  static std::string any(int version) { return version == 4 ? "0.0.0.0" : "::"; }
};

TEST_F(InboundTest, LoopbackIsTheDefaultInBothFamilies) {
  Sandbox& sandbox = start({"-p", "8080:8000"});
  for (const int version : families) {
    Socket service = sandbox.listen(sandbox.address(version), 8000);  // on its address, not on all
    Connected visitor = connect_from(net->host, loopback.at(version), 8080);
    ASSERT_EQ(errno_name(visitor.error), "ok");
    Address from;
    auto accepted = service.accept(3s, &from);
    ASSERT_TRUE(accepted);
    EXPECT_NE(from.host(), loopback.at(version)) << "nobody is local";
    EXPECT_NE(from.host(), sandbox.address(version));
    EXPECT_EQ(visitor.socket.send_all("hello"), 0);
    EXPECT_EQ(accepted->receive(5), "hello");
    EXPECT_EQ(accepted->send_all("world"), 0);
    EXPECT_EQ(visitor.socket.receive(5), "world");
    EXPECT_EQ(errno_name(connect_from(net->host, host.at(version), 8080, 1s).error), "ECONNREFUSED");
    EXPECT_EQ(errno_name(connect_from(net->beyond, host.at(version), 8080, 1s).error), "ECONNREFUSED") << "from the LAN";
  }
}

TEST_F(InboundTest, AnAddressOfTheHostOpensItToItsNeighbours) {
  Sandbox& sandbox = start({"-p", host.at(4) + ":8080:8000", "-p", "[" + host.at(6) + "]:8080:8000"});
  for (const int version : families) {
    Socket service = sandbox.listen(any(version), 8000);
    Connected visitor = connect_from(net->beyond, host.at(version), 8080);
    ASSERT_EQ(errno_name(visitor.error), "ok");
    Address from;
    auto accepted = service.accept(3s, &from);
    ASSERT_TRUE(accepted);
    EXPECT_FALSE(from.host().starts_with("127.") || from.host() == "::1") << from.host();
    EXPECT_EQ(errno_name(connect_from(net->host, loopback.at(version), 8080, 1s).error), "ECONNREFUSED");
  }
}

TEST_F(InboundTest, BulkGoesBothWays) {
  Sandbox& sandbox = start({"-p", "8080:8000"});
  constexpr std::uint64_t bytes = 32 << 20;
  for (const int version : families) {
    Socket service = sandbox.listen(any(version), 8000);
    Connected visitor = connect_from(net->host, loopback.at(version), 8080);
    auto accepted = service.accept();
    ASSERT_TRUE(accepted);
    std::jthread in([&] {
      EXPECT_EQ(errno_name(visitor.socket.send_pattern(bytes)), "ok");
      ::shutdown(visitor.socket.fd(), SHUT_WR);
    });
    const auto above = accepted->receive_pattern(bytes + 1);
    in.join();
    EXPECT_EQ(above.bytes, bytes);
    EXPECT_TRUE(above.intact && above.ended);
    std::jthread out([&] {
      EXPECT_EQ(errno_name(accepted->send_pattern(bytes)), "ok");
      accepted->close();
    });
    const auto below = visitor.socket.receive_pattern(bytes + 1);
    out.join();
    EXPECT_EQ(below.bytes, bytes);
    EXPECT_TRUE(below.intact && below.ended);
  }
}

TEST_F(InboundTest, RangesKeepTheirOrder) {
  Sandbox& sandbox = start({"-p", "9000-9003:8000-8003"});
  for (const int version : families)
    for (const int offset : {0, 3}) {
      Socket service = sandbox.listen(any(version), 8000 + offset);
      Connected visitor = connect_from(net->host, loopback.at(version), 9000 + offset);
      EXPECT_TRUE(service.accept(3s)) << offset;
    }
  EXPECT_EQ(errno_name(connect_from(net->host, "127.0.0.1", 9004).error), "ECONNREFUSED");
}

TEST_F(InboundTest, DatagramsComeAndAreAnswered) {
  Sandbox& sandbox = start({"-p", "8053:5300/udp"});
  for (const int version : families) {
    Socket service = bind_at(sandbox.inside(), sandbox.address(version), 5300);
    Socket visitor = datagrams_to(net->host, loopback.at(version), 8053), second = datagrams_to(net->host, loopback.at(version), 8053);
    for (Socket* each : {&visitor, &second})
      for (const std::size_t size : {0UL, 1UL, 1400UL, 5000UL}) {
        ASSERT_EQ(::send(each->fd(), pattern(0, size).data(), size, 0), static_cast<ssize_t>(size));
        Address from;
        const auto got = service.receive_from(2s, &from);
        ASSERT_TRUE(got) << size;
        EXPECT_EQ(got->size(), size);
        EXPECT_FALSE(from.host().starts_with("127.") || from.host() == "::1") << from.host();
        ASSERT_EQ(service.send_to("re:" + *got, from), 0);
        EXPECT_TRUE(each->receive_from().value_or("nothing") == "re:" + pattern(0, size)) << size;
      }
  }
}

TEST_F(InboundTest, WhatListensOnTheSandboxsLoopbackStaysInside) {
  Sandbox& sandbox = start({"-p", "8080:8000"});
  for (const int version : families) {
    Socket service = sandbox.listen(loopback.at(version), 8000);
    Connected visitor = connect_from(net->host, loopback.at(version), 8080);
    if (visitor.error == 0) {
      visitor.socket.send_all("x");
      EXPECT_NE(errno_name(visitor.socket.wait_error(3s)), "ETIME") << "refused, not left waiting";
    }
    EXPECT_FALSE(service.accept(200ms));
  }
}

TEST_F(InboundTest, NobodyListeningIsARefusal) {
  Sandbox& sandbox = start({"-p", "8080:8000"});
  ASSERT_TRUE(sandbox.engine());
  for (const int version : families) {
    Connected visitor = connect_from(net->host, loopback.at(version), 8080);
    if (visitor.error != 0) {
      // The host's kernel accepts before the sandbox is asked; the reset may come before the visitor looks.
      EXPECT_TRUE(visitor.error == ECONNREFUSED || visitor.error == ECONNRESET) << errno_name(visitor.error);
      continue;
    }
    EXPECT_EQ(errno_name(visitor.socket.wait_error(3s)), "ECONNRESET");
  }
}

TEST_F(InboundTest, ATakenPortEndsTheLaunchAndIsNamed) {
  const Socket taken = listen_at(net->host, "127.0.0.1", 8080);
  const In in(net->host);
  const Outcome out = run_sbx({"--profile", "base", "--net", "user", "-p", "8080:8000", "--", "true"});
  EXPECT_EQ(out.status, 125);
  EXPECT_PRED2(contains, out.err, "8080");
}

// When sbx has ended its ports are free: the next launch may have them.
TEST_F(InboundTest, PublishedPortsAreClosedAtTheEnd) {
  const In in(net->host);
  for (int i = 0; i < 10; ++i) {
    const Outcome out = run_sbx({"--profile", "base", "--net", "user", "-p", "8080:8000", "-p", "8053:5300/udp", "--", "true"});
    ASSERT_EQ(out.status, 0) << i << " " << out.err;
    EXPECT_EQ(errno_name(connect_from(net->host, "127.0.0.1", 8080).error), "ECONNREFUSED");
  }
}

TEST_F(InboundTest, APublishedWebServer) {
  SKIP_WITHOUT("curl");
  Sandbox& sandbox = start({"-p", "8080:8000"});
  sandbox.run("cd /usr/share && python3 -m http.server --bind :: 8000 >/dev/null 2>&1 &");
  for (const int version : families) {
    const std::string at = version == 4 ? "127.0.0.1" : "[::1]";
    EXPECT_TRUE(eventually([&] { return host_run("curl -sS -m2 http://" + at + ":8080/").status == 0; }, 20s));
  }
  sandbox.run("pkill python3");
}

}  // namespace
