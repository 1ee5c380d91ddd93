// What is mounted: the kernel's list and its text say the same.
#include "sys/mount_table.h"

#include "sys/file.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sys {
namespace {

TEST(SysMountTable, PlacesOfMountinfo) {
  constexpr const char* mountinfo =
      "22 1 0:20 / / rw - ext4 /dev/vda rw\n"
      "23 22 0:21 / /proc rw,nosuid - proc proc rw\n"
      "25 23 0:22 / /proc/with\\040space\\011and\\134 rw - tmpfs tmpfs rw\n"
      "short line\n"
      "\n"
      "26 22 0:23 / /cut\\04";
  EXPECT_EQ(places_in(mountinfo), (std::vector<std::string>{"/", "/proc", "/proc/with space\tand\\", "/cut\\04"}));
  EXPECT_EQ(places_in(""), std::vector<std::string>{});
}

TEST(SysMountTable, TheKernelsListIsThatOfMountinfo) {
  auto listed = mounted_places();
  ASSERT_TRUE(listed) << listed.error().message;
  auto written = places_in(read_file("/proc/self/mountinfo", 1 << 20).value());
  std::ranges::sort(*listed), std::ranges::sort(written);
  EXPECT_EQ(*listed, written);
  EXPECT_FALSE(written.empty());
}

}  // namespace
}  // namespace sys
