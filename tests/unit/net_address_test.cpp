// Addresses: their text, prefixes of either family, and where they lead whatever form they are written in.
#include "net/address.h"

#include <gtest/gtest.h>

using net::Reach;

namespace {

std::string shown(const char* in) {
  const auto address = net::parse_address(in);
  return address ? net::to_text(*address) : "-";
}

std::string shown_prefix(const char* in) {
  const auto prefix = net::parse_prefix(in);
  return prefix ? net::to_text(*prefix) : "-";
}

Reach reach(const char* in) {
  const auto address = net::parse_address(in);
  EXPECT_TRUE(address) << in;
  return address ? net::reach_of(*address) : Reach::global;
}

bool contains(const char* prefix, const char* address) {
  return net::parse_prefix(prefix)->contains(*net::parse_address(address));
}

void expect_reach(Reach wanted, std::initializer_list<const char*> addresses) {
  for (const char* address : addresses) EXPECT_EQ(reach(address), wanted) << address;
}

}  // namespace

TEST(NetAddress, TextOfIPv4) {
  for (const char* same : {"0.0.0.0", "10.0.2.3", "255.255.255.255", "127.0.0.1"}) EXPECT_EQ(shown(same), same);
  for (const char* bad : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "+1.2.3.4",
                          "1..2.3", "0x7f.0.0.1", "1.2.3.-4", "1.2.3.0004"})
    EXPECT_EQ(shown(bad), "-") << bad;
}

TEST(NetAddress, TextOfIPv6) {
  for (const char* same : {"::", "::1", "2001:db8::1", "fe80::1:2:3:4", "1:2:3:4:5:6:7:8", "2001:0:0:1::1", "1::", "64:ff9b::a00:1"})
    EXPECT_EQ(shown(same), same);
  EXPECT_EQ(shown("2001:0DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");   // the first of two runs
  EXPECT_EQ(shown("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");  // one group is no run
  EXPECT_EQ(shown("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(shown("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(shown("::FFFF:a00:1"), "10.0.0.1");
  EXPECT_EQ(shown("64:ff9b::10.0.0.1"), "64:ff9b::a00:1");
  EXPECT_EQ(shown("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304");
  for (const char* bad : {":", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345",
                          "::g", "fe80::1%eth0", "1.2.3.4::", "1:1.2.3.4::1", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "[::1]"})
    EXPECT_EQ(shown(bad), "-") << bad;
}

TEST(NetAddress, Prefixes) {
  for (const char* same : {"10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "fd00::/8", "2001:db8::/32"}) EXPECT_EQ(shown_prefix(same), same);
  EXPECT_EQ(shown_prefix("1.2.3.4"), "1.2.3.4/32");
  EXPECT_EQ(shown_prefix("::ffff:10.0.0.0/104"), "10.0.0.0/8");
  for (const char* bad : {"10.0.0.1/8", "10.0.0.0/33", "::/129", "fd00::1/64", "10.0.0.0/", "10.0.0.0/08x", "/8", "10.0.0.0/8/8", ""})
    EXPECT_EQ(shown_prefix(bad), "-") << bad;
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("10.128.0.0/9", "10.128.0.1"));
  EXPECT_FALSE(contains("10.128.0.0/9", "10.127.255.255"));
  EXPECT_TRUE(contains("0.0.0.0/0", "1.2.3.4"));
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
  EXPECT_TRUE(contains("::1", "::1"));
}

TEST(NetAddress, AFamilyDoesNotHoldTheOther) {
  EXPECT_FALSE(contains("::/0", "1.2.3.4"));
  EXPECT_FALSE(contains("::/64", "1.2.3.4"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  const auto overlap = [](const char* a, const char* b) { return net::parse_prefix(a)->overlaps(*net::parse_prefix(b)); };
  EXPECT_TRUE(overlap("10.0.0.0/8", "10.1.0.0/16"));
  EXPECT_TRUE(overlap("10.1.0.0/16", "10.0.0.0/8"));
  EXPECT_FALSE(overlap("10.1.0.0/16", "10.2.0.0/16"));
  EXPECT_FALSE(overlap("::/0", "10.0.0.0/8"));
}

TEST(NetAddress, EndpointsHaveBracketsAroundIPv6) {
  EXPECT_EQ(net::to_text(net::Endpoint{*net::parse_address("10.0.2.3"), 80}), "10.0.2.3:80");
  EXPECT_EQ(net::to_text(net::Endpoint{*net::parse_address("2001:db8::1"), 80}), "[2001:db8::1]:80");
}

TEST(NetAddress, ReachOfTheRegistryOfIPv4) {
  expect_reach(Reach::unspecified, {"0.0.0.0", "0.1.2.3"});
  expect_reach(Reach::loopback, {"127.0.0.1", "127.0.0.53", "127.255.255.255"});
  expect_reach(Reach::private_use, {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
                                    "100.64.0.0", "100.127.255.255", "198.18.0.1", "198.19.255.255"});
  expect_reach(Reach::link_local, {"169.254.0.1", "169.254.169.253"});
  expect_reach(Reach::metadata, {"169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192", "168.63.129.16"});
  expect_reach(Reach::reserved, {"192.0.0.1", "192.0.0.170", "192.88.99.1", "240.0.0.1", "255.255.255.254"});
  expect_reach(Reach::multicast, {"224.0.0.1", "239.255.255.255"});
  expect_reach(Reach::broadcast, {"255.255.255.255"});
  expect_reach(Reach::global, {"1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
                               "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
                               "192.0.0.9", "192.0.0.10", "192.0.1.0", "198.17.255.255", "198.20.0.0", "192.31.196.1", "192.52.193.1",
                               "192.175.48.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "223.255.255.255"});
}

TEST(NetAddress, ReachOfTheRegistryOfIPv6) {
  expect_reach(Reach::unspecified, {"::"});
  expect_reach(Reach::loopback, {"::1"});
  expect_reach(Reach::link_local, {"fe80::1", "febf::1"});
  expect_reach(Reach::private_use, {"fc00::1", "fdff::1", "fec0::1", "64:ff9b:1::1"});
  expect_reach(Reach::metadata, {"fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe"});
  expect_reach(Reach::multicast, {"ff02::1", "ff0e::1"});
  expect_reach(Reach::reserved, {"100::1", "100:0:0:1::1", "2001:2::1", "2001:10::1", "5f00::1",
                                 "4000::1", "1::1", "e000::1", "fe00::1", "2001:1::4"});
  expect_reach(Reach::global, {"2001:4860:4860::8888", "2606:4700::1", "3ffe::1", "3fff::1", "3fff:1000::1", "2001:db8::1", "2620:4f:8000::1", "2001:1::1", "2001:1::2",
                               "2001:3::1", "2001:4:112::1", "2001:20::1", "2001:30::1", "2001:200::1", "2001:db9::1"});
}

TEST(NetAddress, ReachOfWhatIsEmbedded) {
  expect_reach(Reach::loopback, {"::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "::ffff:0:127.0.0.1",
                                 "2001:0:4136:e378:8000:63bf:80ff:fffe"});  // Teredo holds the complement
  expect_reach(Reach::private_use, {"::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::192.168.1.1", "2002:a00:1::1", "2002:ac10:1::"});
  expect_reach(Reach::metadata, {"::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1"});
  expect_reach(Reach::link_local, {"64:ff9b::169.254.0.1"});
  expect_reach(Reach::unspecified, {"::ffff:0.0.0.0", "64:ff9b::", "2002::"});
  expect_reach(Reach::global, {"::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1", "2001:0:4136:e378:8000:63bf:fefe:fefe"});
  expect_reach(Reach::reserved, {"::1.1.1.1", "::ffff:0:1.1.1.1"});  // forms that lead nowhere
}
