// TCP through the engine: every byte in order, both ways, at any speed of either end; every way to end.
#include "world/net_test.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/utsname.h>
#include <thread>

using namespace world;

namespace {

bool soak() { return std::getenv("SBX_SOAK") != nullptr; }

// A connection from the sandbox to `web`, with both of its ends here.
struct Pair {
  Socket inside, outside;
};

class TcpTest : public NetTest {
 protected:
  Pair connect_pair(Sandbox& sandbox, int version, int port = 7001, int receive_buffer = 0) {
    Socket listener = listen_at(net->beyond, web.at(version), port);
    Pair out;
    if (receive_buffer == 0) {
      Connected made = sandbox.connect(web.at(version), port);
      EXPECT_EQ(errno_name(made.error), "ok");
      out.inside = std::move(made.socket);
    } else {
      const Address to(web.at(version), port);
      out.inside = make_socket(sandbox.inside(), to.family(), SOCK_STREAM);
      out.inside.set(SOL_SOCKET, SO_RCVBUF, receive_buffer);
      EXPECT_EQ(::connect(out.inside.fd(), to.raw(), to.length), 0);
    }
    if (auto accepted = listener.accept()) out.outside = std::move(*accepted);
    EXPECT_TRUE(out.outside) << "nobody came";
    return out;
  }
};

void expect_whole(const Socket::Received& got, std::uint64_t bytes, const char* direction) {
  EXPECT_EQ(got.bytes, bytes) << direction << " " << errno_name(got.error);
  EXPECT_TRUE(got.intact) << direction;
}

TEST_F(TcpTest, BytesArriveBothWaysAtOnce) {
  const std::uint64_t bytes = soak() ? 2ULL << 30 : 64ULL << 20;
  const Limit limit = soak() ? Limit(170s) : Limit(60s);
  Sandbox& sandbox = start();
  for (const int version : families) {
    Pair pair = connect_pair(sandbox, version);
    std::jthread up([&] { EXPECT_EQ(errno_name(pair.inside.send_pattern(bytes, limit)), "ok"); });
    std::jthread down([&] { EXPECT_EQ(errno_name(pair.outside.send_pattern(bytes, limit, 77)), "ok"); });
    Socket::Received below;
    std::jthread reader([&] { below = pair.inside.receive_pattern(bytes, limit, 77); });
    const auto above = pair.outside.receive_pattern(bytes, limit);
    up.join(), down.join(), reader.join();
    expect_whole(above, bytes, "up"), expect_whole(below, bytes, "down");
    EXPECT_EQ(sandbox.losses(), "") << "on a clean path";
  }
}

TEST_F(TcpTest, ASlowReaderOutsideLosesNothing) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Pair pair = connect_pair(sandbox, version);
    constexpr std::uint64_t bytes = 48 << 20;
    std::jthread up([&] { EXPECT_EQ(errno_name(pair.inside.send_pattern(bytes, 60s)), "ok"); });
    std::this_thread::sleep_for(1500ms);  // all buffers are full by now
    EXPECT_LT(sandbox.engine_kib(), 96U << 10);
    for (std::uint64_t at = 0; at < 20'000; at += 1000) {
      expect_whole(pair.outside.receive_pattern(1000, 5s, at), 1000, "slowly");
      std::this_thread::sleep_for(10ms);
    }
    expect_whole(pair.outside.receive_pattern(bytes - 20'000, 60s, 20'000), bytes - 20'000, "at full speed");
    up.join();
    EXPECT_EQ(sandbox.losses(), "") << "on a clean path";
  }
}

TEST_F(TcpTest, ASlowReaderInsideLosesNothing) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Pair pair = connect_pair(sandbox, version);
    constexpr std::uint64_t bytes = 48 << 20;
    std::jthread down([&] { EXPECT_EQ(errno_name(pair.outside.send_pattern(bytes, 60s)), "ok"); });
    std::this_thread::sleep_for(1500ms);
    EXPECT_LT(sandbox.engine_kib(), 96U << 10);
    for (std::uint64_t at = 0; at < 20'000; at += 1000) {
      expect_whole(pair.inside.receive_pattern(1000, 5s, at), 1000, "slowly");
      std::this_thread::sleep_for(10ms);
    }
    expect_whole(pair.inside.receive_pattern(bytes - 20'000, 60s, 20'000), bytes - 20'000, "at full speed");
    down.join();
  }
}

// The window stays closed while probes are answered, and what follows is quick.
TEST_F(TcpTest, AZeroWindowIsProbedUntilItOpens) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Pair pair = connect_pair(sandbox, version, 7001, 2048);
    constexpr std::uint64_t bytes = 4 << 20;
    std::jthread down([&] { EXPECT_EQ(errno_name(pair.outside.send_pattern(bytes, 170s)), "ok"); });
    std::this_thread::sleep_for(soak() ? 60s : 4s);
    const auto opened = std::chrono::steady_clock::now();
    const auto first = pair.inside.receive_pattern(1 << 20, 60s);
    const auto took = std::chrono::steady_clock::now() - opened;
    expect_whole(first, 1 << 20, "after the window opened");
    EXPECT_LT(took, 5s) << "a window of 2 KiB is slow, but not that slow";
    expect_whole(pair.inside.receive_pattern(bytes - (1 << 20), 100s, 1 << 20), bytes - (1 << 20), "the rest");
    down.join();
  }
}

TEST_F(TcpTest, EachDirectionEndsByItself) {
  Sandbox& sandbox = start();
  for (const int version : families)
    for (const bool inside_first : {true, false}) {
      Pair pair = connect_pair(sandbox, version);
      Socket& first = inside_first ? pair.inside : pair.outside;
      Socket& second = inside_first ? pair.outside : pair.inside;
      EXPECT_EQ(first.send_pattern(300'000), 0);
      EXPECT_EQ(::shutdown(first.fd(), SHUT_WR), 0);
      const auto request = second.receive_pattern(1 << 20);
      expect_whole(request, 300'000, "to the end of file");
      EXPECT_TRUE(request.ended);
      std::this_thread::sleep_for(100ms);
      std::jthread sending([&] {
        EXPECT_EQ(second.send_pattern(3'000'000), 0) << "the other direction lives";
        second.close();
      });
      const auto answer = first.receive_pattern(4 << 20);
      expect_whole(answer, 3'000'000, "the answer");
      EXPECT_TRUE(answer.ended);
      EXPECT_EQ(answer.error, 0) << "no reset";
    }
}

TEST_F(TcpTest, TheLastBytesMayComeWithTheEnd) {
  Sandbox& sandbox = start();
  for (const int version : families)
    for (const bool up : {true, false})
      for (const std::size_t size : {1UL, 1000UL, 40'000UL}) {
        Pair pair = connect_pair(sandbox, version);
        Socket& from = up ? pair.inside : pair.outside;
        Socket& to = up ? pair.outside : pair.inside;
        from.set(IPPROTO_TCP, TCP_CORK, 1);
        EXPECT_EQ(from.send_pattern(size), 0);
        from.close();
        const auto got = to.receive_pattern(1 << 20, 5s);
        expect_whole(got, size, up ? "up" : "down");
        EXPECT_TRUE(got.ended);
      }
}

TEST_F(TcpTest, FailuresAreTheHosts) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    auto fastest = std::chrono::microseconds::max();
    for (int i = 0; i < 5; ++i) {
      const Connected refused = sandbox.connect(web.at(version), 81);
      EXPECT_EQ(errno_name(refused.error), "ECONNREFUSED");
      fastest = std::min(fastest, refused.took);
    }
    EXPECT_LT(fastest, 5ms);
    for (const Place& place : {unreachable, prohibited}) {
      const Connected on_host = connect_from(net->host, place.at(version), 80);
      const Connected inside = sandbox.connect(place.at(version), 80, 3s);
      EXPECT_EQ(errno_name(inside.error), errno_name(on_host.error)) << place.at(version);
      EXPECT_LT(inside.took, on_host.took + 1s);
    }
    EXPECT_EQ(errno_name(sandbox.connect(blackhole.at(version), 80, 700ms).error), "ETIME") << "no answer is none inside";
  }
}

TEST_F(TcpTest, AResetPassesBothWays) {
  Sandbox& sandbox = start();
  for (const int version : families)
    for (const bool by_inside : {true, false}) {
      Pair pair = connect_pair(sandbox, version);
      Socket& breaks = by_inside ? pair.inside : pair.outside;
      Socket& other_end = by_inside ? pair.outside : pair.inside;
      EXPECT_EQ(other_end.send_pattern(100'000), 0);
      EXPECT_EQ(breaks.send_pattern(100'000), 0);
      expect_whole(other_end.receive_pattern(100'000), 100'000, "before the reset");
      breaks.reset();
      EXPECT_EQ(errno_name(other_end.wait_error()), "ECONNRESET") << "by " << (by_inside ? "inside" : "outside");
    }
}

TEST_F(TcpTest, AResetInTheMiddleOfATransferPasses) {
  Sandbox& sandbox = start();
  for (const int version : families)
    for (const bool up : {true, false}) {
      Pair pair = connect_pair(sandbox, version);
      Socket& sends = up ? pair.inside : pair.outside;
      Socket& reads = up ? pair.outside : pair.inside;
      std::jthread sending([&] {
        const std::string error = errno_name(sends.send_pattern(1ULL << 40, 20s));
        EXPECT_TRUE(error == "ECONNRESET" || error == "EPIPE") << error;
      });
      expect_whole(reads.receive_pattern(1 << 20), 1 << 20, "before");
      reads.reset();
      sending.join();
    }
}

TEST_F(TcpTest, UrgentBytesComeInLine) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Pair pair = connect_pair(sandbox, version);
    EXPECT_EQ(pair.inside.send_all("ab"), 0);
    EXPECT_EQ(::send(pair.inside.fd(), "c", 1, MSG_OOB), 1);
    EXPECT_EQ(pair.inside.send_all("d"), 0);
    EXPECT_EQ(pair.outside.receive(4), "abcd");
  }
}

// Probes of the sandbox's kernel are answered; those of idle flows go on.
TEST_F(TcpTest, KeepaliveKeepsAlive) {
  Sandbox& sandbox = start();
  std::vector<Pair> pairs;
  for (const int version : families) {
    Pair& pair = pairs.emplace_back(connect_pair(sandbox, version));
    pair.inside.set(SOL_SOCKET, SO_KEEPALIVE, 1);
    for (const int option : {TCP_KEEPIDLE, TCP_KEEPINTVL}) pair.inside.set(IPPROTO_TCP, option, 1);
    pair.inside.set(IPPROTO_TCP, TCP_KEEPCNT, 3);  // without an answer it would be over after four seconds
  }
  std::this_thread::sleep_for(4500ms);
  for (Pair& pair : pairs) {
    EXPECT_EQ(pair.outside.send_all("x"), 0);
    int error = 0;
    EXPECT_EQ(pair.inside.receive(1, 2s, &error), "x") << errno_name(error);
  }
}

TEST_F(TcpTest, TheEndOfAProgramEndsItsFlows) {
  SKIP_WITHOUT("socat");
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket listener = listen_at(net->beyond, web.at(version), 7003);
    const std::string at = version == 4 ? web.at(4) : "[" + web.at(6) + "]";
    sandbox.run("sleep 100 | socat -u - TCP:" + at + ":7003 >/dev/null 2>&1 &");
    auto accepted = listener.accept(10s);
    ASSERT_TRUE(accepted);
    sandbox.run("pkill -KILL socat; pkill sleep");
    const auto got = accepted->receive_pattern(1, 5s);
    EXPECT_TRUE(got.ended || got.error == ECONNRESET) << errno_name(got.error);
  }
}

// What waits in the sandbox's kernel has left the processor's cache when it is read: 32 streams lose by it.
TEST_F(TcpTest, BuffersFitTheDistanceToTheEngine) {
  Sandbox& sandbox = start();
  EXPECT_EQ(sandbox.run("cat /proc/sys/net/ipv4/tcp_rmem").out, "4096\t131072\t1048576\n");
  EXPECT_EQ(sandbox.run("cat /proc/sys/net/ipv4/tcp_wmem").out, "4096\t131072\t1048576\n");
}

// The host may send through a congestion control that paces; between the sandbox and the engine there is no congestion.
TEST_F(TcpTest, TheWayToTheEngineIsNotPaced) {
  std::ifstream file("/proc/sys/net/ipv4/tcp_allowed_congestion_control");
  const std::string allowed(std::istreambuf_iterator<char>(file), {});
  if (file.is_open() && !allowed.contains("reno")) GTEST_SKIP() << "this host keeps Reno for itself: " << allowed;
  Sandbox& sandbox = start();
  EXPECT_EQ(sandbox.run("cat /proc/sys/net/ipv4/tcp_congestion_control").out, "reno\n");
  EXPECT_EQ(sandbox.run("cat /proc/sys/net/ipv4/tcp_early_retrans").out, "0\n");
}

// What waited in the host's socket while the engine did not run comes in few frames: nothing else makes them so big. A
// host without 32 KiB in one piece for a frame makes its flow go on with ordinary ones, so there are some attempts.
TEST_F(TcpTest, FramesAreBiggerThan64KiBWhereTheKernelTakesThem) {
  utsname kernel{};
  ASSERT_EQ(::uname(&kernel), 0);
  if (::strverscmp(kernel.release, "6.6") < 0) GTEST_SKIP() << "a tap of kernels before 6.6 has no room for them: " << kernel.release;
  constexpr std::uint64_t warm = 32 << 20, held = 2 << 20;
  Sandbox& sandbox = start();
  const auto frames = [&] { return std::stoull(sandbox.run("awk '/eth0/ {print $3}' /proc/net/dev").out); };
  const auto frames_of_what_waited = [&](int version, int port) {
    Pair pair = connect_pair(sandbox, version, port);
    std::jthread first([&] { EXPECT_EQ(errno_name(pair.outside.send_pattern(warm, 60s)), "ok"); });
    expect_whole(pair.inside.receive_pattern(warm, 60s), warm, "until the window is wide");
    first.join();
    const unsigned long long before = frames();
    EXPECT_EQ(::kill(sandbox.engine(), SIGSTOP), 0);
    std::jthread second([&] { EXPECT_EQ(errno_name(pair.outside.send_pattern(held, 60s, warm)), "ok"); });
    std::this_thread::sleep_for(300ms);
    EXPECT_EQ(::kill(sandbox.engine(), SIGCONT), 0);
    expect_whole(pair.inside.receive_pattern(held, 60s, warm), held, "at once");
    return frames() - before;
  };
  for (const int version : families) {
    unsigned long long least = frames_of_what_waited(version, 7001);
    for (int port = 7002; port < 7011 && least >= held >> 16; ++port) least = std::min(least, frames_of_what_waited(version, port));
    EXPECT_LT(least, held >> 16) << "IPv" << version;
  }
}

// The engine adds no wait of its own: where nobody delays, an acknowledgement 40 ms late would cost 8 s here.
TEST_F(TcpTest, SmallExchangesAreQuick) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Pair pair = connect_pair(sandbox, version);
    for (Socket* socket : {&pair.inside, &pair.outside}) socket->set(IPPROTO_TCP, TCP_NODELAY, 1);
    const auto start_time = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(pair.inside.send_all("a"), 0);
      EXPECT_EQ(pair.inside.send_all("b"), 0);
      EXPECT_EQ(pair.outside.receive(2), "ab");
      EXPECT_EQ(pair.outside.send_all("c"), 0);
      EXPECT_EQ(pair.outside.send_all("d"), 0);
      EXPECT_EQ(pair.inside.receive(2), "cd");
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start_time, 2s);
  }
}

}  // namespace
