// Names in their one form: case, final dots, and what could be read as another name.
#include "net/name.h"

#include <gtest/gtest.h>

#include <string>

namespace {

std::string made(std::string_view in) {
  const auto name = net::make_name(in);
  return name ? std::string(name->view()) : "-";
}

}  // namespace

TEST(NetName, OneFormOfEachName) {
  EXPECT_EQ(made("Example.COM"), "example.com");
  EXPECT_EQ(made("example.com."), "example.com");
  EXPECT_EQ(made("_sip._tcp.example.com"), "_sip._tcp.example.com");
  EXPECT_EQ(made("0/25.2.0.192.in-addr.arpa"), "0/25.2.0.192.in-addr.arpa");
  EXPECT_EQ(made(""), "");
  EXPECT_EQ(made("."), "");
}

TEST(NetName, WhatReadsAsAnotherNameIsNone) {
  for (const std::string_view bad : {"a..b", ".a", "a..", "..", "a b", "a\tb", "a\\.b", "b\xc3\xbc.de", "a\x7f"}) EXPECT_EQ(made(bad), "-");
  EXPECT_EQ(made(std::string_view("a\0b", 3)), "-");
}

TEST(NetName, LengthsAreThoseOfDns) {
  EXPECT_EQ(made(std::string(63, 'a')), std::string(63, 'a'));
  EXPECT_EQ(made(std::string(64, 'a')), "-");
  std::string longest;
  while (longest.size() < 252) longest += "a.";
  EXPECT_EQ(made(longest + "a").size(), 253U);
  EXPECT_EQ(made(longest + "a.").size(), 253U);
  EXPECT_EQ(made(longest + "aa"), "-");
}

TEST(NetName, BelowIsByLabels) {
  EXPECT_TRUE(net::is_below("a.example.com", "example.com"));
  EXPECT_TRUE(net::is_below("a.b.example.com", "example.com"));
  EXPECT_FALSE(net::is_below("example.com", "example.com"));
  EXPECT_FALSE(net::is_below("badexample.com", "example.com"));
  EXPECT_FALSE(net::is_below(".example.com", "example.com"));
  EXPECT_FALSE(net::is_below("com", "example.com"));
}
