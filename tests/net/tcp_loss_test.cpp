// TCP while the sandbox's side of the tap loses, doubles and reorders frames, as nft(8) and tc(8) arrange it there
// (this kernel kind often has no netem). The bytes must stay the bytes, and a little loss must not cost everything.
#include "world/net_test.h"

#include <chrono>
#include <thread>

using namespace world;

namespace {

class LossTest : public NetTest {
 protected:
  // Rules for both directions of the tap; what `nft` says when it cannot.
  std::string set_rules(Sandbox& sandbox, const std::string& rule) {
    const std::string device = sandbox.tap();
    std::string script = "PATH=$PATH:/usr/sbin:/sbin; nft 'flush ruleset; table netdev t {\n";
    for (const char* hook : {"ingress", "egress"})
      script += std::string("chain ") + hook + " { type filter hook " + hook + " device \"" + device + "\" priority 0\n" + rule + "\n}\n";
    return run_in(sandbox.inside(), {.argv = {"sh", "-ec", script + "}'"}}).err;
  }

  // MiB/s of a transfer in that direction.
  double transfer(Sandbox& sandbox, int version, bool up, std::uint64_t bytes, Limit limit = 40s) {
    Socket listener = listen_at(net->beyond, web.at(version), 7001);
    Connected made = sandbox.connect(web.at(version), 7001, 10s);
    EXPECT_EQ(errno_name(made.error), "ok");
    auto accepted = listener.accept();
    EXPECT_TRUE(accepted);
    if (!accepted) return 0;
    Socket& from = up ? made.socket : *accepted;
    Socket& to = up ? *accepted : made.socket;
    const auto start_time = std::chrono::steady_clock::now();
    std::jthread sending([&] { EXPECT_EQ(errno_name(from.send_pattern(bytes, limit)), "ok"); });
    const auto got = to.receive_pattern(bytes, limit);
    sending.join();
    EXPECT_EQ(got.bytes, bytes) << errno_name(got.error) << (up ? " up" : " down") << " IPv" << version;
    EXPECT_TRUE(got.intact) << (up ? " up" : " down") << " IPv" << version;
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_time).count();
    return static_cast<double>(bytes) / took / (1 << 20);
  }
  // One segment, one frame: loss hits single segments, as on a wire.
  static void without_offload(Sandbox& sandbox) {
    script_in(sandbox.inside(), "ip link set " + sandbox.tap() + " gso_max_segs 1");
  }
};

#define SKIP_OR_SET(sandbox, rule)                                                               \
  if (const std::string why_ = set_rules(sandbox, rule); !why_.empty()) GTEST_SKIP() << "nft: " << why_

TEST_F(LossTest, LossLeavesTheBytesWhole) {
  Sandbox& sandbox = start();
  without_offload(sandbox);
  for (const char* rate : {"1000 < 1", "100 < 1", "100 < 5"}) {
    SKIP_OR_SET(sandbox, std::string("numgen random mod ") + rate + " drop");
    for (const int version : families)
      for (const bool up : {true, false}) transfer(sandbox, version, up, 2 << 20);
  }
}

TEST_F(LossTest, LossOfWholeSuperframes) {
  Sandbox& sandbox = start();
  SKIP_OR_SET(sandbox, "numgen random mod 100 < 3 drop");
  for (const int version : families)
    for (const bool up : {true, false}) transfer(sandbox, version, up, 8 << 20);
}

TEST_F(LossTest, OnePercentCostsNoMoreThanTwoThirds) {
  Sandbox& sandbox = start();
  without_offload(sandbox);
  for (const bool up : {true, false}) {
    const double wanted = up ? 0.02 : 0.3;  // up is the congestion control of the sandbox's own kernel
    double best = 0;
    for (int pair = 0; pair < 8 && best < wanted; ++pair) {  // a busy machine slows one of the two at times
      SKIP_OR_SET(sandbox, "");
      const double clean = transfer(sandbox, 4, up, 32 << 20);
      SKIP_OR_SET(sandbox, "numgen random mod 100 < 1 drop");
      const double lossy = transfer(sandbox, 4, up, 32 << 20);
      std::printf("%s: clean %.0f MiB/s, 1%% loss %.0f MiB/s\n", up ? "up" : "down", clean, lossy);
      best = std::max(best, lossy / clean);
    }
    EXPECT_GT(best, wanted);
  }
}

TEST_F(LossTest, DoubledFramesCountOnce) {
  Sandbox& sandbox = start();
  SKIP_OR_SET(sandbox, "numgen random mod 100 < 20 dup to \"" + sandbox.tap() + "\"");
  for (const int version : families)
    for (const bool up : {true, false}) transfer(sandbox, version, up, 4 << 20);
}

// Some segments take a detour over an ifb device with a slow queue: they come later than those sent after them.
TEST_F(LossTest, ReorderedSegmentsComeInOrder) {
  Sandbox& sandbox = start();
  without_offload(sandbox);
  const std::string device = sandbox.tap();
  const Outcome made = run_in(sandbox.inside(), {.argv = {"sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin\n"
      "ip link add ifb0 type ifb; ip link set ifb0 up\n"
      "tc qdisc add dev ifb0 root tbf rate 80mbit burst 4k latency 20ms\n"
      "tc qdisc add dev " + device + " clsact\n"
      "tc filter add dev " + device + " egress protocol ip u32 match u8 0 0x38 at 27 action mirred egress redirect dev ifb0\n"
      "tc filter add dev " + device + " egress protocol ipv6 u32 match u8 0 0x38 at 47 action mirred egress redirect dev ifb0\n"}});
  if (made.status != 0) GTEST_SKIP() << "tc: " << made.err;
  for (const int version : families) transfer(sandbox, version, true, 4 << 20);
}

// A frame held for some milliseconds in each direction: windows must carry the product.
TEST_F(LossTest, ADelayIsFilledByTheWindow) {
  Sandbox& sandbox = start();
  const Outcome made = run_in(sandbox.inside(), {.argv = {"sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin\n"
      "tc qdisc add dev " + sandbox.tap() + " root netem delay 20ms"}});
  if (made.status != 0) GTEST_SKIP() << "no netem here: " << made.err;
  for (const int version : families)
    for (const bool up : {true, false}) EXPECT_GT(transfer(sandbox, version, up, 32 << 20), 10) << "MiB/s";
}

}  // namespace
