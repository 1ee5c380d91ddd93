// The readers of mountinfo, subuid(5) and an AppArmor profile.
#include "launch/surroundings.h"

#include <gtest/gtest.h>

namespace launch {
namespace {

constexpr const char* mountinfo =
    "22 1 0:20 / / rw - ext4 /dev/vda rw\n"
    "23 22 0:21 / /proc rw,nosuid - proc proc rw\n"
    "24 23 0:22 / /proc/kcore rw - tmpfs tmpfs rw\n"
    "25 23 0:22 / /proc/with\\040space rw - tmpfs tmpfs rw\n"
    "26 22 0:23 / /process rw - tmpfs tmpfs rw\n"
    "short line\n";

TEST(LaunchSurroundings, MountsBelow) {
  EXPECT_EQ(mounts_below(mountinfo, "/proc"), (std::vector<std::string>{"/proc/kcore", "/proc/with\\040space"}));
  EXPECT_EQ(mounts_below(mountinfo, "/sys"), std::vector<std::string>{});
  EXPECT_EQ(mounts_below(mountinfo, "").size(), 5U);
  EXPECT_EQ(mounts_below("", ""), std::vector<std::string>{});
}

TEST(LaunchSurroundings, FirstFreeId) {
  EXPECT_EQ(first_free_id(""), 100000U);
  EXPECT_EQ(first_free_id("ann:100000:65536\nbob:165536:65536\n"), 231072U);
  EXPECT_EQ(first_free_id("bob:165536:65536\nann:100000:65536"), 231072U);
  EXPECT_EQ(first_free_id("ann:1000:1\nbroken\nx:y:z\n"), 100000U);
  EXPECT_EQ(first_free_id("ann:4294967000:65536\n"), UINT32_MAX);
}

TEST(LaunchSurroundings, BinaryOfAppArmorProfile) {
  EXPECT_EQ(binary_of_apparmor_profile("abi <abi/4.0>,\nprofile sbx /usr/bin/sbx flags=(unconfined) {\n  userns,\n}\n"), "/usr/bin/sbx");
  EXPECT_EQ(binary_of_apparmor_profile("# nothing\n"), "");
}

TEST(LaunchSurroundings, OfThisMachine) {
  const auto around = probe_surroundings();
  ASSERT_TRUE(around) << around.error().message;
  EXPECT_GE(around->kernel_major, 5);
  EXPECT_TRUE(around->executable.ends_with("/unit_tests")) << around->executable;
  EXPECT_FALSE(around->chrooted);
}

}  // namespace
}  // namespace launch
