// Replies that no resolver gives: names of the engine's own, reverse names, refusals.
#include "dns_bytes.h"
#include "net/dns_reply.h"

#include <gtest/gtest.h>

using namespace dns_bytes;

namespace {

std::string reversed(std::string_view in) {
  const auto address = net::reverse_address(in);
  return address ? net::to_text(*address) : "-";
}

net::Config config(bool ipv6 = true) {
  net::Config out;
  out.hostname = "Box";
  auto& own = out.addressing;
  own.guest4 = *net::parse_address("10.98.0.2"), own.gateway4 = *net::parse_address("10.98.0.1");
  own.host4 = *net::parse_address("169.254.1.2");
  own.guest6 = *net::parse_address("fd98::2"), own.gateway6 = *net::parse_address("fd98::1");
  own.host6 = *net::parse_address("fd98::3");
  own.ipv6 = ipv6;
  return out;
}

// "ADDRESS", "none" (the name is known, but not that), "no name" or "not ours".
std::string local(std::string_view asked, unsigned type, bool ipv6 = true) {
  std::array<std::uint8_t, 1024> place;
  net::MessageWriter out(place);
  const auto parsed = net::parse_query(query(3, asked, type, 1232));
  EXPECT_TRUE(parsed);
  if (!net::LocalNames(config(ipv6)).write(out, *parsed, net::to_name(parsed->question.name)->view())) return "not ours";
  const Read read(out.message());
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(read.asked, asked);
  if (read.rcode() == 3) return "no name";
  if (read.answers().empty()) return "none";
  const std::string& content = read.answers()[0].content;
  if (type == 12) return content;
  net::Address address = net::Address::from_v4(0);
  std::copy(content.begin(), content.end(), address.bytes.begin() + (content.size() == 4 ? 12 : 0));
  return net::to_text(address);
}

}  // namespace

TEST(NetDnsReply, ReverseNames) {
  EXPECT_EQ(reversed("1.2.0.192.in-addr.arpa"), "192.0.2.1");
  EXPECT_EQ(reversed("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"), "2001:db8::1");
  for (const std::string_view bad : {"2.0.192.in-addr.arpa", "5.1.2.0.192.in-addr.arpa", "256.2.0.192.in-addr.arpa", "01.2.0.192.in-addr.arpa",
                                     "a.2.0.192.in-addr.arpa", "in-addr.arpa", "1.2.0.192.in-addr.arpa.evil.com", "0.8.b.d.0.1.0.0.2.ip6.arpa",
                                     "g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "x", ""})
    EXPECT_EQ(reversed(bad), "-") << bad;
  EXPECT_TRUE(net::is_reverse("2.0.192.in-addr.arpa"));
  EXPECT_FALSE(net::is_reverse("xin-addr.arpa"));
}

TEST(NetDnsReply, ItsOwnNames) {
  EXPECT_EQ(local("host.sbx.internal", 1), "169.254.1.2");
  EXPECT_EQ(local("Host.SBX.internal", 28), "fd98::3");
  EXPECT_EQ(local("gateway.sbx.internal", 1), "10.98.0.1");
  EXPECT_EQ(local("box", 1), "10.98.0.2");
  EXPECT_EQ(local("box", 28), "fd98::2");
  EXPECT_EQ(local("box", 28, false), "none");
  EXPECT_EQ(local("box", 16), "none");
  EXPECT_EQ(local("localhost", 1), "127.0.0.1");
  EXPECT_EQ(local("a.b.localhost", 28), "::1");
  EXPECT_EQ(local("other.sbx.internal", 1), "no name");
  EXPECT_EQ(local("sbx.internal", 6), "no name");
  EXPECT_EQ(local("box.example", 1), "not ours");
  EXPECT_EQ(local("internal", 1), "not ours");
}

TEST(NetDnsReply, ItsOwnAddresses) {
  EXPECT_EQ(local("2.0.98.10.in-addr.arpa", 12), "box");
  EXPECT_EQ(local("2.1.254.169.in-addr.arpa", 12), "host.sbx.internal");
  EXPECT_EQ(local("1.0.0.127.in-addr.arpa", 12), "localhost");
  EXPECT_EQ(local("2.0.98.10.in-addr.arpa", 1), "none");
  EXPECT_EQ(local("9.0.98.10.in-addr.arpa", 12), "not ours");
}

TEST(NetDnsReply, RefusalsAreShortLived) {
  std::array<std::uint8_t, 512> place;
  net::MessageWriter out(place);
  const auto parsed = net::parse_query(query(3, "evil.example", 1, 1232));
  net::write_no_name(out, *parsed, net::blocked_error);
  const Read read(out.message());
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(read.rcode(), 3U);
  EXPECT_EQ(read.flags & 0x8000, 0x8000U);
  ASSERT_EQ(read.records[1].size(), 1U);
  EXPECT_LE(read.records[1][0].ttl, 5U);
  EXPECT_EQ(read.records[1][0].content.substr(read.records[1][0].content.size() - 4), std::string("\0\0\0\5", 4));
  EXPECT_EQ(read.extended_error(), 15);
  net::MessageWriter plain(place);
  net::write_no_name(plain, *net::parse_query(query(3, "evil.example", 1)), net::blocked_error);
  EXPECT_EQ(Read(plain.message()).extended_error(), -2);  // who speaks no EDNS gets none
}
