// Which datagrams may travel as one.
#include "net/udp_runs.h"

#include <gtest/gtest.h>

#include <vector>

namespace {
std::size_t run(std::vector<std::size_t> sizes, std::size_t largest = 1400) { return net::run_length(sizes, largest); }
}  // namespace

TEST(UdpRuns, OnlyTheLastMayBeShorter) {
  EXPECT_EQ(run({100, 100, 100}), 3U);
  EXPECT_EQ(run({100, 100, 40, 100}), 3U);
  EXPECT_EQ(run({100, 101}), 1U);
  EXPECT_EQ(run({100}), 1U);
}

TEST(UdpRuns, EmptyOnesTravelAlone) {
  EXPECT_EQ(run({0, 0, 0}), 1U);
  EXPECT_EQ(run({100, 0}), 1U);
  EXPECT_EQ(run({100, 100, 0}), 2U);
}

TEST(UdpRuns, SegmentsFitThePath) {
  EXPECT_EQ(run({1400, 1400}), 2U);
  EXPECT_EQ(run({1401, 1401}), 1U);
  EXPECT_EQ(run({100, 100}, 0), 1U);
}

TEST(UdpRuns, ARunFitsOnePacketAndOneCall) {
  EXPECT_EQ(run(std::vector<std::size_t>(100, 10)), net::most_in_run);
  const std::size_t length = run(std::vector<std::size_t>(60, 1400));
  EXPECT_EQ(length, net::largest_run / 1400);
}
