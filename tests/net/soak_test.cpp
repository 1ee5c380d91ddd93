// Everything at once for a while: the memory of the engine must be a flat line, and its descriptors must come back.
// Only under `make soak`, for SBX_SOAK_SECONDS (120).
#include "world/net_test.h"

#include <algorithm>
#include <cstdlib>
#include <netinet/in.h>
#include <thread>

using namespace world;

namespace {

class SoakTest : public NetTest {
 protected:
  // Connections that end in each way, with some bytes both ways.
  static void short_flows(const Namespace& inside, const Namespace& beyond, int version) {
    Socket listener = listen_at(beyond, web.at(version), 7100);
    for (int i = 0; i < 60; ++i) {
      Connected made = connect_from(inside, web.at(version), 7100, 5s);
      ASSERT_EQ(errno_name(made.error), "ok");
      auto accepted = listener.accept();
      ASSERT_TRUE(accepted);
      EXPECT_EQ(made.socket.send_pattern(20'000), 0);
      EXPECT_EQ(accepted->receive_pattern(20'000).bytes, 20'000U);
      EXPECT_EQ(accepted->send_pattern(50'000), 0);
      EXPECT_EQ(made.socket.receive_pattern(50'000).bytes, 50'000U);
      if (i % 3 == 0) made.socket.reset();
      else if (i % 3 == 1) accepted->reset();
      else made.socket.close();
    }
  }

  static void bulk(const Namespace& inside, const Namespace& beyond, int version) {
    Socket listener = listen_at(beyond, other.at(version), 7101);
    Connected made = connect_from(inside, other.at(version), 7101, 5s);
    ASSERT_EQ(errno_name(made.error), "ok");
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted);
    std::jthread up([&] { EXPECT_EQ(errno_name(made.socket.send_pattern(64 << 20)), "ok"); });
    std::jthread down([&] { EXPECT_EQ(errno_name(accepted->send_pattern(64 << 20)), "ok"); });
    std::jthread reader([&] { EXPECT_TRUE(made.socket.receive_pattern(64 << 20).intact); });
    EXPECT_TRUE(accepted->receive_pattern(64 << 20).intact);
  }

  static void datagrams(const Namespace& inside, const Namespace& beyond, int version) {
    Socket server = bind_at(beyond, web.at(version), 7102);
    for (int i = 0; i < 100; ++i) {
      Socket client = datagrams_to(inside, web.at(version), 7102);
      Address from;
      if (::send(client.fd(), pattern(0, 3000).data(), static_cast<std::size_t>(i * 30), 0) < 0 || !server.receive_from(2s, &from)) continue;
      server.send_to("answer", from);
      client.receive_from();
    }
  }
};

TEST_F(SoakTest, MixedTrafficKeepsMemoryFlat) {
  const char* wanted = std::getenv("SBX_SOAK_SECONDS");
  if (wanted == nullptr && std::getenv("SBX_SOAK") == nullptr) GTEST_SKIP() << "make soak runs it, for SBX_SOAK_SECONDS (120)";
  const std::chrono::seconds length(wanted != nullptr ? std::atoi(wanted) : 120);
  serve({"--dns", resolver.at(4)});
  Sandbox& sandbox = start();
  std::vector<std::size_t> kib;
  for (const auto begin = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - begin < length || kib.size() < 6;) {
    for (const int version : families) {
      short_flows(sandbox.inside(), net->beyond, version);
      bulk(sandbox.inside(), net->beyond, version);
      datagrams(sandbox.inside(), net->beyond, version);
    }
    sandbox.run("for i in 1 2 3 4 5; do getent ahosts web.test; getent ahosts nothing.test; done");
    for (int i = 0; i < 20; ++i) sandbox.connect(web.at(4), 81), sandbox.connect(blackhole.at(6), 1000 + i, 1ms);
    kib.push_back(sandbox.engine_kib());
    ASSERT_FALSE(HasFatalFailure());
  }
  const auto third = static_cast<std::ptrdiff_t>(kib.size() / 3);
  const std::size_t early = *std::max_element(kib.begin() + third, kib.end() - third), late = *std::max_element(kib.end() - third, kib.end());
  std::printf("%zu rounds, engine %zu KiB after the first, at most %zu in the middle third and %zu in the last\n", kib.size(), kib.front(), early, late);
  EXPECT_LE(late, early + 2048);
}

}  // namespace
