// Sizes, durations and numbers: the accepted spellings, and that no overflow gets through.
#include "base/units.h"

#include <gtest/gtest.h>

using namespace std::chrono_literals;

TEST(Units, SizesAreBinary) {
  EXPECT_EQ(*parse_size("0"), 0U);
  EXPECT_EQ(*parse_size("4096"), 4096U);
  EXPECT_EQ(*parse_size("512K"), 512U << 10);
  EXPECT_EQ(*parse_size("512M"), 512U << 20);
  EXPECT_EQ(*parse_size("512m"), 512U << 20);
  EXPECT_EQ(*parse_size("2G"), 2ULL << 30);
  EXPECT_EQ(*parse_size("2GiB"), 2ULL << 30);
  EXPECT_EQ(*parse_size("1T"), 1ULL << 40);
  EXPECT_EQ(*parse_size("10b"), 10U);
  EXPECT_EQ(*parse_size("1.5G"), 3ULL << 29);
  EXPECT_EQ(*parse_size("0.25MiB"), 256U << 10);
  EXPECT_EQ(*parse_size("0.000001T"), 1099511U);
}

TEST(Units, SizesThatAreNone) {
  for (const std::string_view in : {"", "M", "-1", "+1", " 1", "1 M", "1.5", "1.G", "1.0000001G", "0.0001K", ".5G", "1.5.5G", "1.-5G", "1X", "1MM", "0x10", "1M\n"}) {
    const auto size = parse_size(in);
    ASSERT_FALSE(size) << in;
    EXPECT_EQ(size.error().hint, "write bytes as 4096, 512M or 1.5G") << in;
  }
}

TEST(Units, SizesDoNotOverflow) {
  EXPECT_EQ(*parse_size("9223372036854775807"), 9223372036854775807ULL);
  for (const std::string_view in : {"9223372036854775808", "18446744073709551616", "8388608T", "8388607.999999999T", "9223372036854775807.5K", "99999999999999999999G"})
    EXPECT_FALSE(parse_size(in)) << in;
}

TEST(Units, DescribeSizeIsReadBack) {
  EXPECT_EQ(describe_size(0), "0");
  EXPECT_EQ(describe_size(1000), "1000");
  EXPECT_EQ(describe_size(64ULL << 20), "64M");
  EXPECT_EQ(describe_size(1ULL << 50), "1024T");
  for (const std::uint64_t bytes : {1ULL, 1023ULL, 1024ULL, 1536ULL, 3ULL << 30, (1ULL << 40) + 1})
    EXPECT_EQ(*parse_size(describe_size(bytes)), bytes);
}

TEST(Units, Durations) {
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration("30"), 30s);
  EXPECT_EQ(*parse_duration("10m"), 10min);
  EXPECT_EQ(*parse_duration("1h"), 1h);
  EXPECT_EQ(*parse_duration("2D"), 48h);
  EXPECT_EQ(*parse_duration("0.2s"), 200ms);
  EXPECT_EQ(*parse_duration("1.5"), 1500ms);
  EXPECT_EQ(*parse_duration("1.5m"), 90s);
}

TEST(Units, NegativeDurationsOnlyWhereAllowed) {
  EXPECT_EQ(*parse_duration("-30s", true), -30s);
  EXPECT_EQ(*parse_duration("30s", true), 30s);
  EXPECT_FALSE(parse_duration("-30s"));
  EXPECT_FALSE(parse_duration("--30s", true));
}

TEST(Units, DurationsThatAreNone) {
  for (const std::string_view in : {"", "s", "1.5ms", "1.s", "0.0001s", "1y", "1 s", "9223372036854775807s"}) {
    const auto value = parse_duration(in);
    ASSERT_FALSE(value) << in;
    EXPECT_EQ(value.error().hint, "write times as 250ms, 30s, 1.5m or 1h") << in;
  }
}

TEST(Units, DescribeDurationIsReadBack) {
  EXPECT_EQ(describe_duration(0ms), "0s");
  EXPECT_EQ(describe_duration(1500ms), "1500ms");
  EXPECT_EQ(describe_duration(90s), "90s");
  EXPECT_EQ(describe_duration(120s), "2m");
  EXPECT_EQ(describe_duration(7200s), "2h");
  for (const auto value : {1ms, 1000ms, 61000ms, 86400000ms, 123456789ms})
    EXPECT_EQ(*parse_duration(describe_duration(value)), value);
  EXPECT_EQ(*parse_duration(describe_duration(-120s), true), -120s);
}

TEST(Units, Numbers) {
  EXPECT_EQ(*parse_number("0"), 0U);
  EXPECT_EQ(*parse_number("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(*parse_number("65535", 65535), 65535U);
  EXPECT_EQ(parse_number("65536", 65535).error().message, "'65536' is more than 65535");
  for (const std::string_view in : {"", "-1", "+1", "1x", " 1", "18446744073709551616"})
    EXPECT_FALSE(parse_number(in)) << in;
}

TEST(Units, ErrorsPrintNoControlBytes) {
  EXPECT_EQ(parse_number("\x1b[2J").error().message, "'\\x1b[2J' is not a whole number");
  EXPECT_EQ(parse_duration("1\n").error().message, "'1\\n' has an unknown unit");
}
