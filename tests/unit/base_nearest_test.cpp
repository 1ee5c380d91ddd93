// The "did you mean" of options, keys and profiles.
#include "base/nearest.h"

#include <gtest/gtest.h>

namespace {
const std::vector<std::string> options{"--profile", "--report", "--rootfs", "--ro", "--rw"};
}

TEST(Nearest, FindsTheMistyped) {
  EXPECT_EQ(nearest("--profle", options), "--profile");
  EXPECT_EQ(nearest("--porfile", options), "--profile");
  EXPECT_EQ(nearest("--rootf", options), "--rootfs");
  EXPECT_EQ(nearest("--report", options), "--report");
}

TEST(Nearest, IsSilentAboutWordsFarAway) {
  EXPECT_EQ(nearest("--completely-different", options), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
}

TEST(Nearest, TheFirstOfEquallyNearWins) { EXPECT_EQ(nearest("--rx", options), "--ro"); }

TEST(Nearest, Hint) {
  EXPECT_EQ(nearest_hint("--profle", options), "did you mean '--profile'?");
  EXPECT_EQ(nearest_hint("zzzzzzzzzzzz", options), "");
}

TEST(Nearest, ALongWordCostsNoMoreThanAShortOne) {
  EXPECT_EQ(nearest_hint(std::string(1 << 20, 'a'), options), "");
}
