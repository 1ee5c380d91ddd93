// Lines of "key value": any value comes back, and stands in one line.
#include "base/key_lines.h"

#include <gtest/gtest.h>

namespace {

TEST(KeyLines, AnyValueComesBackFromOneLine) {
  for (const std::string value : {"", " ", "a b", "\\", "\\n", "a\nb\n", "\xff\x01", "\\\\\n"}) {
    std::string out;
    append_key_line(out, "key", value);
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
    std::string_view rest = out;
    const auto line = take_key_line(rest, "record");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->key, "key");
    EXPECT_EQ(parse_value(line->escaped), value);
    EXPECT_EQ(rest, "");
  }
}

TEST(KeyLines, TakesOneLineAfterTheOther) {
  std::string_view rest = "a 1\nb 2 3";
  EXPECT_EQ(take_key_line(rest, "record")->escaped, "1");
  EXPECT_EQ(take_key_line(rest, "record")->escaped, "2 3");
  EXPECT_EQ(rest, "");
}

TEST(KeyLines, ALineWithoutAValueIsDamage) {
  std::string_view rest = "a\x01\nb 2\n";
  const auto line = take_key_line(rest, "record");
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().message, "damaged record: 'a\\x01'");
}

}  // namespace
