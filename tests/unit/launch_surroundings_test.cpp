// The readers of subuid(5) and an AppArmor profile.
#include "launch/surroundings.h"

#include <gtest/gtest.h>

namespace launch {
namespace {

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
