// Which mask is gone, as mountinfo tells (proc_pid_mountinfo(5)).
#include "supervise/init.h"

#include <gtest/gtest.h>

namespace supervise {
namespace {

using Masks = std::vector<std::pair<std::uint64_t, std::string>>;

constexpr std::string_view mountinfo =
    "21 25 0:19 / /sys ro,nosuid - sysfs sysfs ro\n"
    "123 21 0:20 /file /w/hidden\\040name ro - tmpfs none ro\n"
    "1234 21 0:20 /directory /w/123 rw master:7 - tmpfs 99 rw\n";

TEST(SuperviseInit, NothingIsLostWhileAllAreListed) {
  EXPECT_EQ(lost_mask({}, mountinfo), nullptr);
  EXPECT_EQ(lost_mask({}, ""), nullptr);
  const Masks masks{{123, "/w/hidden name"}, {1234, "/w/123"}};
  EXPECT_EQ(lost_mask(masks, mountinfo), nullptr);
}

TEST(SuperviseInit, TheFirstThatIsGoneIsNamed) {
  const Masks masks{{123, "/a"}, {12, "/b"}, {99, "/c"}};
  const std::string* lost = lost_mask(masks, mountinfo);
  ASSERT_NE(lost, nullptr);
  EXPECT_EQ(*lost, "/b") << "12 is no prefix of 123, and no other field counts";
  const Masks parent{{25, "/p"}};
  ASSERT_NE(lost_mask(parent, mountinfo), nullptr) << "a parent's number is not a mount's";
}

TEST(SuperviseInit, AnEmptyOrDamagedListLosesAll) {
  const Masks masks{{123, "/a"}};
  for (const char* text : {"", "\n", "x123 \n", "123x 1\n", "-123 1\n", "18446744073709551739 1\n"}) {
    const std::string* lost = lost_mask(masks, text);
    ASSERT_NE(lost, nullptr) << text;
    EXPECT_EQ(*lost, "/a");
  }
  EXPECT_EQ(lost_mask(masks, "123"), nullptr);
}

TEST(SuperviseInit, LargeIdsAreIds) {
  const Masks masks{{UINT64_MAX, "/a"}};
  EXPECT_EQ(lost_mask(masks, "18446744073709551615 1 0:1 / / rw\n"), nullptr);
  EXPECT_NE(lost_mask(masks, "18446744073709551614 1 0:1 / / rw\n"), nullptr);
}

}  // namespace
}  // namespace supervise
