// The grammar of network rules and of published ports, and what a mistake is answered with.
#include "net/config.h"

#include <gtest/gtest.h>

using net::Protocol;
using net::Verdict;
using net::What;

namespace {

net::Rule rule(std::string_view text) {
  auto parsed = net::parse_rule(Verdict::allow, text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : net::Rule{};
}

Error mistake(std::string_view text, Verdict verdict = Verdict::allow) {
  const auto parsed = net::parse_rule(verdict, text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? Error{} : parsed.error();
}

std::string published(std::string_view text) {
  const auto parsed = net::parse_publish(text);
  if (!parsed) return "-";
  std::string out;
  for (const auto& entry : *parsed)
    out += ::text(out.empty() ? "" : " ", net::protocol_names[entry.protocol], ",", net::to_text(entry.address), ",", entry.outside, ",",
                  entry.inside, ",", entry.count);
  return out;
}

}  // namespace

TEST(NetConfig, WhatARuleNames) {
  EXPECT_EQ(rule("*").what, What::any);
  EXPECT_EQ(rule("@internet").what, What::internet);
  EXPECT_EQ(rule("@lan").what, What::lan);
  EXPECT_EQ(rule("@host:5432").what, What::host);
  EXPECT_EQ(rule("@metadata").what, What::metadata);
  EXPECT_EQ(rule("GitHub.COM.").name, "github.com");
  EXPECT_EQ(rule("github.com").what, What::name);
  EXPECT_EQ(rule("*.GitHub.com:443").what, What::suffix);
  EXPECT_EQ(rule("*.GitHub.com:443").name, "github.com");
  EXPECT_EQ(rule("_dmarc.example.org").name, "_dmarc.example.org");
  EXPECT_EQ(rule("localhost").what, What::name);
  EXPECT_EQ(net::to_text(rule("10.1.2.3").prefix), "10.1.2.3/32");
  EXPECT_EQ(net::to_text(rule("10.0.0.0/8:22").prefix), "10.0.0.0/8");
  EXPECT_EQ(net::to_text(rule("fd00::/8").prefix), "fd00::/8");
  EXPECT_EQ(net::to_text(rule("[fd00::/8]:22").prefix), "fd00::/8");
  EXPECT_EQ(net::to_text(rule("[fd00::]/8:22").prefix), "fd00::/8");
  EXPECT_EQ(net::to_text(rule("[fd00::]/8").prefix), "fd00::/8");
  EXPECT_EQ(rule("[fd00::]/8:22").last_port, 22);
  EXPECT_EQ(net::to_text(rule("::1").prefix), "::1/128");
  EXPECT_EQ(net::to_text(rule("::ffff:10.0.0.1").prefix), "10.0.0.1/32");
}

TEST(NetConfig, PortsAndProtocols) {
  const auto all = rule("github.com");
  EXPECT_EQ(all.first_port, 0);
  EXPECT_EQ(all.last_port, 65535);
  EXPECT_EQ(all.protocol, Protocol::any);
  const auto range = rule("udp://[2001:db8::1]:8000-8080");
  EXPECT_EQ(range.protocol, Protocol::udp);
  EXPECT_EQ(range.first_port, 8000);
  EXPECT_EQ(range.last_port, 8080);
  EXPECT_EQ(rule("tcp://github.com:443").first_port, 443);
  EXPECT_EQ(rule("tcp://github.com:443").last_port, 443);
  EXPECT_EQ(rule("icmp://@internet").protocol, Protocol::icmp);
  EXPECT_EQ(rule("tcp://fd00::/8").first_port, 0);
  EXPECT_TRUE(rule("github.com:443,tls").tls);
  EXPECT_FALSE(rule("github.com:443").tls);
  EXPECT_EQ(rule("tcp://*.Example.com:443,tls").text, "tcp://*.Example.com:443,tls");
  EXPECT_EQ(net::parse_rule(Verdict::deny, "*")->verdict, Verdict::deny);
}

TEST(NetConfig, WhatIsNoRule) {
  for (const char* text : {"", ":443", "github.com:", "github.com:0", "github.com:65536", "github.com:443-80", "github.com:a", "github.com:-5",
                           "github.com:1-2-3", "any://github.com", "sctp://github.com", "TCP://github.com", "git hub.com", "github..com",
                           ".github.com", "*.", "*.*.com", "*github.com", "git*.com", "@", "@lam", "300.1.2.3", "1.2", "10.0.0.1/8",
                           "[::1", "[::1]80", "[::1", "[fd00::/8]/8:22", "[::1]/:80", "[fd00::]/8:", "[fd00::1]/8:22", "[github.com]:443", "[10.0.0.1]:80", "[]:80", "fe80::1%eth0", "a/b", "b\xc3\xbc.de",
                           "github.com,443", "github.com:443,TLS", ",tls", "a\\b.com", "https://github.com/x"}) {
    const Error error = mistake(text);
    EXPECT_TRUE(error.message.contains("network rule '")) << text;
    EXPECT_FALSE(error.hint.empty()) << text;
  }
  EXPECT_FALSE(net::parse_rule(Verdict::allow, std::string(64, 'a') + ".com"));
  EXPECT_FALSE(net::parse_rule(Verdict::allow, std::string_view("git\0hub.com", 11)));
  std::string longest;
  while (longest.size() < 250) longest += "a.";
  EXPECT_TRUE(net::parse_rule(Verdict::allow, longest + "com"));
  EXPECT_FALSE(net::parse_rule(Verdict::allow, longest + "ab.com"));
}

TEST(NetConfig, AMistakeNamesTheRuleAndTheWayOut) {
  EXPECT_EQ(mistake("git\nhub.com").message, "network rule 'git\\nhub.com' is not usable");
  EXPECT_TRUE(mistake("@lam").hint.contains("@lan")) << mistake("@lam").hint;
  EXPECT_TRUE(mistake("10.0.0.1/8").hint.contains("10.0.0.0/8"));
  EXPECT_TRUE(mistake("https://github.com").hint.contains("not a URL"));
  EXPECT_TRUE(mistake("github.com/x").hint.contains("not a URL"));
  EXPECT_TRUE(mistake("*github.com").hint.contains("*.example.com"));
  EXPECT_TRUE(mistake("b\xc3\xbc.de").hint.contains("xn--"));
  EXPECT_TRUE(mistake("github.com:http").hint.contains("65535"));
  EXPECT_TRUE(mistake("icmp://github.com:7").hint.contains("leave the port out"));
  EXPECT_TRUE(mistake("x y").hint.contains("WHAT"));
}

TEST(NetConfig, TlsNeedsANameOverTcp) {
  for (const char* text : {"@internet,tls", "10.0.0.0/8:443,tls", "udp://github.com:443,tls", "icmp://github.com,tls", "*,tls"})
    EXPECT_TRUE(mistake(text).message.contains("cannot have tls")) << text;
  EXPECT_TRUE(mistake("github.com,tls", Verdict::deny).message.contains("cannot have tls"));
}

TEST(NetConfig, PublishedPorts) {
  EXPECT_EQ(published("8080:80"), "tcp,127.0.0.1,8080,80,1 tcp,::1,8080,80,1");
  EXPECT_EQ(published("8080:80/tcp"), published("8080:80"));
  EXPECT_EQ(published("10.0.0.1:53:53/udp"), "udp,10.0.0.1,53,53,1");
  EXPECT_EQ(published("[::1]:8080-8089:80-89"), "tcp,::1,8080,80,10");
  EXPECT_EQ(published("[::]:1-65535:1-65535"), "tcp,::,1,1,65535");
  EXPECT_EQ(published("0.0.0.0:1:2"), "tcp,0.0.0.0,1,2,1");
  for (const char* bad : {"", "80", ":80", "80:", ":80:80", "0:80", "80:0", "80-81:80", "80:80-81", "81-80:81-80", "65536:1", "localhost:80:80",
                          "::1:80:80", "[127.0.0.1]:80:80", "[::1:80:80", "80:80/sctp", "80:80/udp/udp", "a:b", "1:2:3:4", "10.0.0.0/8:80:80"}) {
    EXPECT_EQ(published(bad), "-") << bad;
    const auto parsed = net::parse_publish(bad);
    EXPECT_TRUE(!parsed && parsed.error().message.contains(bad) && !parsed.error().hint.empty()) << bad;
  }
}
