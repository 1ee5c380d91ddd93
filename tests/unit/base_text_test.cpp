// text(), printable() and the small string functions: what reaches a terminal must be harmless.
#include "base/text.h"

#include <gtest/gtest.h>

TEST(Text, JoinsStringsCharactersAndNumbers) {
  EXPECT_EQ(text("a", std::string("b"), std::string_view("c"), 'd', 7, -1L, 18446744073709551615ULL),
            "abcd7-118446744073709551615");
  EXPECT_EQ(text(), "");
}

TEST(Text, PrintableKeepsWhatATerminalOnlyShows) {
  EXPECT_EQ(printable("plain ~ text"), "plain ~ text");
  EXPECT_EQ(printable("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7"), "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
}

TEST(Text, PrintableEscapesControlBytes) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b" "31m"), "\\xc2\\x9b31m") << "C1 controls act on a terminal as ESC [ does";
}

TEST(Text, PrintableEscapesWhatIsNotSeen) {
  EXPECT_EQ(printable("a\xe2\x80\xae" "b"), "a\\xe2\\x80\\xaeb") << "U+202E turns what follows";
  for (const char* hidden : {"\u200b", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff"})
    EXPECT_EQ(printable(hidden).size(), 12U) << printable(hidden);
  for (const char* seen : {"\u200a", "\u2010", "\u2027", "\u202f", "\u205f", "\u206a", "\ufefc", "\u00e9", "\U0001f427"}) EXPECT_EQ(printable(seen), seen);
}

TEST(Text, PrintableEscapesInvalidUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc3("), "\\xc3(");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
}

TEST(Text, PrintableIsAlwaysValidAndWithoutControls) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string out = printable(std::string{static_cast<char>(first), static_cast<char>(second), 'x'});
      ASSERT_TRUE(is_utf8(out)) << first << " " << second;
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto byte = static_cast<unsigned char>(out[i]);
        ASSERT_TRUE(byte >= 0x20 && byte != 0x7f) << first << " " << second;
        ASSERT_FALSE(byte == 0xc2 && static_cast<unsigned char>(out[i + 1]) < 0xa0) << first << " " << second;
      }
    }
  }
}

TEST(Text, IsUtf8) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("\xf0\x90\x80\x80"));
  EXPECT_FALSE(is_utf8("\xf0\x8f\xbf\xbf")) << "overlong";
  EXPECT_FALSE(is_utf8("ab\xe2\x82")) << "cut short";
  EXPECT_FALSE(is_utf8("\x80"));
}

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a:b", ':'), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(split(":a:", ':'), (std::vector<std::string>{"", "a", ""}));
  EXPECT_EQ(split("", ':'), (std::vector<std::string>{""}));
}

TEST(Text, JoinIsTheInverseOfSplit) {
  for (const std::string_view in : {"", "a", "a,b", ",", "a,,b,"}) EXPECT_EQ(join(split(in, ','), ","), in);
  EXPECT_EQ(join({}, ","), "");
  EXPECT_EQ(join({"", "a"}, "--"), "--a");
}

TEST(Text, Trim) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, Octal) {
  EXPECT_EQ(octal(0755), "0755");
  EXPECT_EQ(octal(04711), "04711");
  EXPECT_EQ(octal(0), "0");
}

TEST(Text, MatchesPattern) {
  EXPECT_TRUE(matches_pattern("LANG", "LANG"));
  EXPECT_FALSE(matches_pattern("LANG", "LANGUAGE"));
  EXPECT_TRUE(matches_pattern("LC_*", "LC_"));
  EXPECT_TRUE(matches_pattern("LC_*", "LC_ALL"));
  EXPECT_FALSE(matches_pattern("LC_*", "XLC_ALL"));
  EXPECT_TRUE(matches_pattern("*_key", "ssh_host_rsa_key"));
  EXPECT_FALSE(matches_pattern("*_key", "ssh_host_rsa_key.pub"));
  EXPECT_TRUE(matches_pattern("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches_pattern("a*b*c", "a-c-b"));
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_FALSE(matches_pattern("", "a"));
}
