// Where a control group lies in the file system.
#include "launch/delegation.h"

#include <gtest/gtest.h>

namespace launch {
namespace {

TEST(LaunchDelegation, TheLineOfVersion2) {
  EXPECT_EQ(cgroup_path_of("1:cpu:/a\n0::/user.slice/x\n"), "/user.slice/x");
  EXPECT_EQ(cgroup_path_of("0::/\n"), "/");
  EXPECT_EQ(cgroup_path_of("1:name=systemd:/a\n"), "");
}

TEST(LaunchDelegation, TheMountIsTheUsualOneOrTheOnlyOne) {
  const std::string hybrid = "38 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n40 31 0:9 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
  EXPECT_EQ(cgroup_mount_of(hybrid)->directory, "/sys/fs/cgroup/unified");
  EXPECT_EQ(cgroup_mount_of(hybrid + "50 1 0:31 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")->root, "/docker/x");
  EXPECT_EQ(cgroup_mount_of("50 1 0:31 / /sys/fs/cgroup rw - cgroup2 c rw\n38 31 0:31 / /other rw - cgroup2 c rw\n")->directory, "/sys/fs/cgroup");
  EXPECT_FALSE(cgroup_mount_of(hybrid)->guarded);
  EXPECT_TRUE(cgroup_mount_of("50 1 0:31 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n")->guarded);
  EXPECT_FALSE(cgroup_mount_of("40 31 0:9 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"));
}

TEST(LaunchDelegation, AScopeOfOnesOwnIsToldFromOneThatWasThere) {
  const std::string unit = scope_name("web-1", 77);
  EXPECT_EQ(own_scope_of("/sys/fs/cgroup/user.slice/" + unit + "/sbx-77-4711"), unit);
  EXPECT_EQ(own_scope_of("/sys/fs/cgroup/user.slice/" + unit + "/sbx-78-4712"), "");
  EXPECT_EQ(own_scope_of("/sys/fs/cgroup/run-77.scope/sbx-77-4711"), "");
  EXPECT_EQ(own_scope_of("/sbx-77-4711"), "");
  EXPECT_EQ(own_scope_of(""), "");
}

TEST(LaunchDelegation, DirectoriesSeenThroughAMount) {
  const CgroupMount whole{"/sys/fs/cgroup", "/", false}, part{"/sys/fs/cgroup", "/docker/x", false};
  EXPECT_EQ(cgroup_directory(whole, "/"), "/sys/fs/cgroup");
  EXPECT_EQ(cgroup_directory(whole, "/a/b"), "/sys/fs/cgroup/a/b");
  EXPECT_EQ(cgroup_directory(part, "/docker/x"), "/sys/fs/cgroup");
  EXPECT_EQ(cgroup_directory(part, "/docker/x/y"), "/sys/fs/cgroup/y");
  EXPECT_FALSE(cgroup_directory(part, "/docker/xy"));
  EXPECT_FALSE(cgroup_directory(part, "/"));
  EXPECT_FALSE(cgroup_directory(whole, "/../other"));
  EXPECT_FALSE(cgroup_directory(whole, "/a/.."));
}

}  // namespace
}  // namespace launch
