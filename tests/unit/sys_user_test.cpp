// Lines of passwd(5) and subuid(5) as people and tools write them, and who runs this test.
#include "sys/user.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace sys {
namespace {

using Ranges = std::vector<IdRange>;

TEST(SysUser, APasswdLine) {
  const auto user = parse_passwd_line("alice:x:1000:1001:Alice,,,:/home/alice:/bin/bash");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->name, "alice");
  EXPECT_EQ(user->uid, 1000U);
  EXPECT_EQ(user->gid, 1001U);
  EXPECT_EQ(user->home, "/home/alice");
  EXPECT_EQ(user->shell, "/bin/bash");
}

TEST(SysUser, LinesWithGapsAreStillUsers) {
  EXPECT_EQ(parse_passwd_line("a::0:0:::")->home, "");
  EXPECT_EQ(parse_passwd_line("a::0:0:::\n")->shell, "") << "a line end is no shell";
  EXPECT_EQ(parse_passwd_line("a:x:4294967294:4294967294::/:/bin/sh")->uid, 4294967294U);
}

TEST(SysUser, WhatIsNoUserIsNone) {
  for (const char* line : {"", "# comment", "+::::::", "a:x:1000:1000:gecos:/home", ":x:1:1::/:/bin/sh", "a:x::1::/:/bin/sh", "a:x:-1:1::/:/bin/sh",
                           "a:x:1a:1::/:/bin/sh", "a:x:4294967295:1::/:/bin/sh", "a:x:1:99999999999::/:/bin/sh"})
    EXPECT_FALSE(parse_passwd_line(line)) << line;
}

TEST(SysUser, RangesByNameAndByNumber) {
  constexpr std::string_view all = "alice:100000:65536\nbob:200000:65536\n1000:300000:10\n10000:1:1\nalice2:1:1\n alice:400000:5 \n";
  EXPECT_EQ(parse_subordinate(all, "alice", 1000), (Ranges{{100000, 65536}, {300000, 10}, {400000, 5}}));
  EXPECT_EQ(parse_subordinate(all, "bob", 1001), (Ranges{{200000, 65536}}));
  EXPECT_TRUE(parse_subordinate(all, "carol", 1002).empty());
}

TEST(SysUser, BadRangesAreLeftOut) {
  for (const char* line : {"alice:100000", "alice:100000:1:2", "alice::1", "alice:1:", "alice:1:0", "alice:-1:5", "alice:x:5", "alice:4294967295:1",
                           "alice:4294967290:65536", "#alice:1:1", "alice 1 1", ""})
    EXPECT_TRUE(parse_subordinate(line, "alice", 1000).empty()) << line;
  EXPECT_EQ(parse_subordinate("alice:1:1\nalice:bad\nalice:7:2", "alice", 1000), (Ranges{{1, 1}, {7, 2}})) << "no line end at the end";
  EXPECT_EQ(parse_subordinate("alice:4294967290:4", "alice", 1), (Ranges{{4294967290, 4}}));
}

TEST(SysUser, TheCallerIsFound) {
  const auto user = find_user(caller_uid());
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(caller_uid(), ::getuid());
  EXPECT_EQ(caller_gid(), ::getgid());
  const auto root = find_user(0);
  ASSERT_TRUE(root && *root);
  EXPECT_EQ((*root)->name, "root");
  EXPECT_EQ(find_group_name(0)->value_or(""), "root");
}

TEST(SysUser, NobodyHasTheseIds) {
  const auto user = find_user(3999999999);
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_FALSE(*user);
  const auto group = find_group_name(3999999999);
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_FALSE(*group);
}

TEST(SysUser, KernelAndEnvironment) {
  EXPECT_GE(kernel_version().first, 5);
  ASSERT_EQ(::setenv("SBX_USER_TEST", "a=b", 1), 0);
  bool found = false;
  for (const auto& [key, value] : environment()) found = found || (key == "SBX_USER_TEST" && value == "a=b");
  EXPECT_TRUE(found);
  ::unsetenv("SBX_USER_TEST");
}

}  // namespace
}  // namespace sys
