// Many flows: bursts, idle ones, targets that never answer, no descriptors left. The others must not notice.
#include "world/net_test.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <thread>

using namespace world;

namespace {

bool soak() { return std::getenv("SBX_SOAK") != nullptr; }

class FlowsTest : public NetTest {
 protected:
  void SetUp() override {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    most_files = files.rlim_max;
    NetTest::SetUp();
  }

  static std::size_t descriptors(pid_t pid) {
    std::error_code ignored;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", ignored)) count += entry.exists(ignored);
    return count;
  }

  // Connected and echoing a byte, or the errno's name.
  std::string try_flow(Sandbox& sandbox, const std::string& address, int port = 7001) {
    Socket listener = listen_at(net->beyond, address, port);
    Connected made = sandbox.connect(address, port, 3s);
    if (made.error != 0) return errno_name(made.error);
    auto accepted = listener.accept();
    if (!accepted || made.socket.send_all("x") != 0) return "lost";
    return accepted->receive(1) == "x" ? "ok" : "no byte";
  }

  rlim_t most_files = 0;
};

Socket begin_connect(const Namespace& where, const Address& to) {
  Socket made = make_socket(where, to.family(), SOCK_STREAM | SOCK_NONBLOCK);
  if (::connect(made.fd(), to.raw(), to.length) != 0 && errno != EINPROGRESS) made.close();
  return made;
}

TEST_F(FlowsTest, ABurstOfConnectionsIsServed) {
  const std::size_t count = soak() ? 8000 : 2000;
  if (most_files < 2 * count + 100) GTEST_SKIP() << "only " << most_files << " descriptors are allowed here";
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket listener = listen_at(net->beyond, web.at(version), 7001, 4096);
    const In in(sandbox.inside());
    std::vector<Socket> inside, outside;
    const Address to(web.at(version), 7001);
    std::jthread accepting([&] {
      while (outside.size() < count)
        if (auto accepted = listener.accept(5s)) outside.push_back(std::move(*accepted));
        else break;
    });
    for (std::size_t i = 0; i < count; ++i) inside.push_back(begin_connect(sandbox.inside(), to));
    const auto started = std::chrono::steady_clock::now();
    std::size_t failed = 0;
    for (Socket& socket : inside) {
      pollfd wait{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
      failed += ::poll(&wait, 1, 10'000) != 1 || socket.get(SOL_SOCKET, SO_ERROR) != 0;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - started, 5s);
    accepting.join();
    EXPECT_EQ(failed, 0U);
    EXPECT_EQ(outside.size(), count);
    for (Socket& socket : inside) socket.reset();
  }
}

TEST_F(FlowsTest, IdleFlowsCostNothingAndAreFreed) {
  const std::size_t count = soak() ? 9000 : 1500;
  if (most_files < 2 * count + 100) GTEST_SKIP() << "only " << most_files << " descriptors are allowed here";
  Sandbox& sandbox = start();
  ASSERT_EQ(try_flow(sandbox, web.at(4)), "ok");
  ASSERT_TRUE(sandbox.engine());
  const std::size_t before = descriptors(sandbox.engine());
  for (const int version : families) {
    Socket listener = listen_at(net->beyond, web.at(version), 7002, 4096);
    std::vector<Socket> ends;
    for (std::size_t i = 0; i < count; ++i) {
      Connected made = sandbox.connect(web.at(version), 7002);
      ASSERT_EQ(errno_name(made.error), "ok") << i;
      ends.push_back(std::move(made.socket));
      auto accepted = listener.accept();
      ASSERT_TRUE(accepted) << i;
      ends.push_back(std::move(*accepted));
    }
    EXPECT_LE(sandbox.engine_kib(), 16U << 10) << count << " flows";
    std::this_thread::sleep_for(500ms);
    const double cpu = sandbox.engine_cpu();
    ASSERT_GE(cpu, 0);
    std::this_thread::sleep_for(2s);
    EXPECT_LT(sandbox.engine_cpu() - cpu, 0.01) << "seconds in two, with " << count << " idle flows";
    ends.clear();
    EXPECT_TRUE(eventually([&] { return descriptors(sandbox.engine()) <= before + 2; }, 10s))
        << before << " before, now " << descriptors(sandbox.engine());
  }
}

// All payload memory is held by flows whose frames are lost: what comes for another waits, and goes on when there is some.
TEST_F(FlowsTest, AFlowThatWaitedForMemoryGoesOn) {
  constexpr std::size_t count = 1000, each = 128 << 10;
  if (most_files < 2 * count + 100) GTEST_SKIP() << "only " << most_files << " descriptors are allowed here";
  Sandbox& sandbox = start();
  Socket listener = listen_at(net->beyond, web.at(4), 7003, 4096);
  std::vector<Connected> inside;
  std::vector<Socket> outside;
  for (std::size_t i = 0; i <= count; ++i) {
    inside.push_back(sandbox.connect(web.at(4), 7003));
    ASSERT_EQ(errno_name(inside.back().error), "ok") << i;
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted) << i;
    outside.push_back(std::move(*accepted));
  }
  const auto lose = [&](const std::string& rule) {
    return run_in(sandbox.inside(), {.argv = {"sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin; nft 'flush ruleset; table netdev t { chain in "
        "{ type filter hook ingress device \"" + sandbox.tap() + "\" priority 0; " + rule + "\n}\n}'"}}).err;
  };
  if (const std::string why = lose("meta length > 1000 drop"); !why.empty()) GTEST_SKIP() << "nft: " << why;
  std::this_thread::sleep_for(1500ms);  // until no timer of the opening is left, which would look again
  const std::string bytes(each, 'x');
  for (std::size_t i = 0; i < count; ++i) ASSERT_GT(::send(outside[i].fd(), bytes.data(), bytes.size(), MSG_DONTWAIT), 0);
  std::this_thread::sleep_for(200ms);
  ASSERT_EQ(outside[count].send_pattern(100), 0);
  pollfd wait{.fd = inside[count].socket.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&wait, 1, 200), 0) << "there is memory left";
  ASSERT_EQ(lose(""), "");
  EXPECT_EQ(inside[count].socket.receive_pattern(100, 20s).bytes, 100U);
}

TEST_F(FlowsTest, ShortConnectionsLeaveNothing) {
  const int count = soak() ? 20'000 : 1500;
  Sandbox& sandbox = start();
  ASSERT_EQ(try_flow(sandbox, web.at(6)), "ok");
  const std::size_t before = descriptors(sandbox.engine());
  for (const int version : families) {
    Socket listener = listen_at(net->beyond, web.at(version), 7001, 4096);
    for (int i = 0; i < count; ++i) {
      Connected made = sandbox.connect(web.at(version), 7001);
      ASSERT_EQ(errno_name(made.error), "ok") << i;
      auto accepted = listener.accept();
      ASSERT_TRUE(accepted) << i;
      ASSERT_EQ(made.socket.send_all("q"), 0);
      ASSERT_EQ(accepted->receive(1), "q");
      if (i % 2 == 0) accepted->close();  // either side ends first
      else made.socket.close();
    }
  }
  EXPECT_TRUE(eventually([&] { return descriptors(sandbox.engine()) <= before + 2; }, 10s)) << descriptors(sandbox.engine());
  EXPECT_LE(sandbox.engine_kib(), 16U << 10);
}

TEST_F(FlowsTest, AFloodToNowhereHurtsNobody) {
  const std::size_t count = std::min<std::size_t>(4000, most_files / 2);
  Sandbox& sandbox = start();
  std::vector<Socket> flood;
  for (const int version : families)
    for (std::size_t i = 0; i < count / 2; ++i)
      flood.push_back(begin_connect(sandbox.inside(), Address(blackhole.at(version), 1000 + static_cast<int>(i))));
  // One in 2,048 addresses shares the flood's share of what may open at a time (a table of 4,096), and not two at once.
  int working = 0;
  for (const int version : families)
    for (const Place& place : {web, other}) {
      const auto started = std::chrono::steady_clock::now();
      working += try_flow(sandbox, place.at(version)) == "ok" && std::chrono::steady_clock::now() - started < 1s;
    }
  EXPECT_GE(working, 3);
  EXPECT_LE(sandbox.engine_kib(), 32U << 10);
  flood.clear();
}

TEST_F(FlowsTest, WithoutDescriptorsNewFlowsAreRefusedAndOldOnesLive) {
  Socket listener = listen_at(net->beyond, web.at(4), 7002);
  Sandbox& sandbox = start();
  ASSERT_TRUE(sandbox.engine());
  const Outcome limited = run_in(net->host, {.argv = {"prlimit", "--nofile=64:64", "--pid", std::to_string(sandbox.engine())}});
  if (limited.status != 0) GTEST_SKIP() << "the engine's limit cannot be set from here: " << limited.err;
  std::vector<Socket> ends;
  int refused = 0;
  for (int i = 0; i < 84; ++i) {
    Connected made = sandbox.connect(web.at(4), 7002, 500ms);
    if (made.error != 0) {
      ++refused;
      continue;
    }
    ends.push_back(std::move(made.socket));
    if (auto accepted = listener.accept(1s)) ends.push_back(std::move(*accepted));
  }
  EXPECT_GT(refused, 5);
  ASSERT_GT(ends.size(), 10U);
  EXPECT_EQ(ends[0].send_all("alive"), 0);
  EXPECT_EQ(ends[1].receive(5), "alive");
  ends.clear();
  EXPECT_TRUE(eventually([&] { return try_flow(sandbox, web.at(4)) == "ok"; }, 5s)) << "descriptors came back";
}

// Readers that never read hold the engine's memory; what is left is for the others.
TEST_F(FlowsTest, StuckFlowsDoNotStopOthers) {
  Sandbox& sandbox = start();
  Socket listener = listen_at(net->beyond, web.at(4), 7002);
  std::vector<Socket> stuck;
  const std::string block = pattern(0, 1 << 16);
  for (int i = 0; i < 150; ++i) {
    Connected made = sandbox.connect(web.at(4), 7002);
    ASSERT_EQ(errno_name(made.error), "ok");
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted);
    while (::send(made.socket.fd(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {}
    while (::send(accepted->fd(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {}
    stuck.push_back(std::move(made.socket)), stuck.push_back(std::move(*accepted));
  }
  EXPECT_LE(sandbox.engine_kib(), 96U << 10) << "the cap is 64 MiB of payload";
  for (const int version : families) {
    Socket second = listen_at(net->beyond, other.at(version), 7003);
    Connected made = sandbox.connect(other.at(version), 7003, 3s);
    ASSERT_EQ(errno_name(made.error), "ok");
    auto accepted = second.accept();
    ASSERT_TRUE(accepted);
    std::jthread up([&] { EXPECT_EQ(errno_name(made.socket.send_pattern(4 << 20, 20s)), "ok"); });
    const auto got = accepted->receive_pattern(4 << 20, 20s);
    up.join();
    EXPECT_EQ(got.bytes, 4U << 20) << errno_name(got.error);
    EXPECT_TRUE(got.intact);
  }
}

}  // namespace
