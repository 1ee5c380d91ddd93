// Reading of control files.
#include "supervise/cgroup.h"

#include <gtest/gtest.h>

namespace supervise {
namespace {

TEST(SuperviseCgroup, FlatFiles) {
  const std::string stat = "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\nnr_throttled 3\n";
  EXPECT_EQ(flat_value(stat, "usage_usec"), 1234u);
  EXPECT_EQ(flat_value(stat, "nr_throttled"), 3u);
  EXPECT_EQ(flat_value(stat, "usage"), std::nullopt);
  EXPECT_EQ(flat_value("", "usage_usec"), std::nullopt);
  EXPECT_EQ(flat_value("oom 1\noom_kill 2\noom_group_kill 1\n", "oom_kill"), 2u);
  EXPECT_EQ(flat_value("oom_kill many\n", "oom_kill"), std::nullopt);
}

TEST(SuperviseCgroup, DevicesAreSummed) {
  const std::string io = "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=0 rios=1 wios=0\n7:0 \n";
  EXPECT_EQ(nested_sum(io, "rbytes"), 15u);
  EXPECT_EQ(nested_sum(io, "wbytes"), 20u);
  EXPECT_EQ(nested_sum(io, "bytes"), 0u);
  EXPECT_EQ(nested_sum("", "rbytes"), 0u);
}

TEST(SuperviseCgroup, Pressure) {
  const auto pressure = parse_pressure("some avg10=12.05 avg60=0.00 avg300=0.00 total=1500\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=700\n");
  ASSERT_TRUE(pressure);
  EXPECT_EQ(pressure->avg10, 1205u);
  EXPECT_EQ(pressure->some.count(), 1500);
  EXPECT_EQ(pressure->full.count(), 700);
  EXPECT_FALSE(parse_pressure(""));
}

}  // namespace
}  // namespace supervise
