// Forms and bounds of the limits.
#include "profile/resource_values.h"

#include "profile/parse.h"

#include <gtest/gtest.h>

namespace profile {
namespace {

TEST(ResourceValues, Memory) {
  EXPECT_EQ(*parse_memory("512M"), 512u << 20);
  EXPECT_EQ(*parse_memory("1048576"), 1u << 20);
  EXPECT_EQ(*parse_memory("max"), unlimited);
  for (const char* bad : {"", "0", "-5", "1023K", "512X", "1e9", "9999999T", "lots", "512M "}) EXPECT_FALSE(parse_memory(bad)) << bad;
}

TEST(ResourceValues, SwapAloneOrInTotal) {
  EXPECT_EQ(parse_swap("0")->bytes, 0u);
  EXPECT_FALSE(parse_swap("1G")->total);
  EXPECT_TRUE(parse_swap("total:1G")->total);
  EXPECT_EQ(parse_swap("total:1G")->bytes, 1u << 30);
  EXPECT_EQ(parse_swap("max")->bytes, unlimited);
  for (const char* bad : {"", "total:", "-2", "total:total:1"}) EXPECT_FALSE(parse_swap(bad)) << bad;
}

TEST(ResourceValues, Processors) {
  EXPECT_EQ(*parse_cpus("1.5"), 150'000u);
  EXPECT_EQ(*parse_cpus("2"), 200'000u);
  EXPECT_EQ(*parse_cpus("0.01"), 1000u);
  EXPECT_EQ(*parse_cpus("0.33333"), 33'333u);
  EXPECT_EQ(*parse_cpus("max"), unlimited);
  for (const char* bad : {"", "0", "0.001", "-1.5", "1.", ".5", "1,5", "1.5.5", "1.123456", "8193", "two", "1.-5"}) EXPECT_FALSE(parse_cpus(bad)) << bad;
}

TEST(ResourceValues, WeightsPidsAndBursts) {
  EXPECT_EQ(*parse_weight("1"), 1u);
  EXPECT_EQ(*parse_weight("10000"), 10000u);
  for (const char* bad : {"0", "10001", "-1", "", "max"}) EXPECT_FALSE(parse_weight(bad)) << bad;
  EXPECT_EQ(*parse_pids("1"), 1u);
  EXPECT_EQ(*parse_pids("-1"), unlimited);
  for (const char* bad : {"0", "-2", "4194305", ""}) EXPECT_FALSE(parse_pids(bad)) << bad;
  EXPECT_EQ(*parse_burst("20ms"), 20'000u);
  for (const char* bad : {"0", "-20ms", "2d", ""}) EXPECT_FALSE(parse_burst(bad)) << bad;
}

TEST(ResourceValues, ProcessorListsAreWrittenAsTheKernelPrintsThem) {
  for (const auto& [in, out] : {std::pair("0", "0"), {"3,0-1", "0-1,3"}, {"1,2,3,2-5", "1-5"}, {"0-0", "0"}, {"8191", "8191"}})
    EXPECT_EQ(*parse_cpuset(in), out);
  for (const char* bad : {"", ",", "1,", "3-1", "a", "1-", "-1", "8192", "0 1"}) EXPECT_FALSE(parse_cpuset(bad)) << bad;
}

TEST(ResourceValues, Devices) {
  const auto limit = parse_io_limit("/dev/sda  rbps=1M wiops=100 wbps=max");
  ASSERT_TRUE(limit) << limit.error().message;
  EXPECT_EQ(limit->device, "/dev/sda");
  EXPECT_EQ(limit->limits, "rbps=1048576 wiops=100 wbps=max");
  EXPECT_EQ(parse_io_limit("8:16 riops=1")->device, "8:16");
  EXPECT_TRUE(parse_io_limit("~/data rbps=1"));
  for (const char* bad : {"", "/dev/sda", "/dev/sda rbps", "/dev/sda rbps=0", "/dev/sda bps=1", "sda rbps=1", "8: rbps=1",
                          "/dev/sda riops=1M", "/dev/sda rbps=-1", "rbps=1"})
    EXPECT_FALSE(parse_io_limit(bad)) << bad;
}

TEST(ResourceValues, CgroupPaths) {
  EXPECT_TRUE(check_cgroup_path("/user.slice/a..b"));
  for (const char* bad : {"", "a", "/..", "/a/../b", "a/b"}) EXPECT_FALSE(check_cgroup_path(bad)) << bad;
}

TEST(ResourceValues, AFractionIsANumberInAProfile) {
  const auto parsed = parse_profile("[resources]\ncpus = 1.5\npids = 7\nmemory = 1048576\n", "t.toml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parse_cpus(parsed->cpus->value), 150'000u);
  EXPECT_EQ(parsed->pids->value, "7");
  const auto negative = parse_profile("[resources]\ncpus = -1.5\n", "t.toml");
  ASSERT_FALSE(negative);
  EXPECT_TRUE(negative.error().message.starts_with("t.toml:2:8: ")) << negative.error().message;
  const auto nothing = parse_profile("[resources]\nmemory = 0\n", "t.toml");
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().message.starts_with("t.toml:2:10: ")) << nothing.error().message;
}

}  // namespace
}  // namespace profile
