// What may leave: levels, special places, pinned names, and the ways around them.
#include "net/policy.h"

#include <gtest/gtest.h>

#include <memory>

using net::Address;
using net::Builtin;
using net::Protocol;
using net::Verdict;

namespace {

constexpr net::Milliseconds second = 1000;

Address at(std::string_view text) {
  const auto address = net::parse_address(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(Address{});
}

struct World {
  // "+RULE" allows, "-RULE" denies, "/" begins the next level.
  explicit World(std::string_view levels, Verdict otherwise = Verdict::deny) {
    config.levels.emplace_back();
    for (const std::string& word : split(levels, ' ')) {
      if (word == "/") config.levels.emplace_back();
      if (word.empty() || word == "/") continue;
      const auto parsed = net::parse_rule(word[0] == '+' ? Verdict::allow : Verdict::deny, word.substr(1));
      EXPECT_TRUE(parsed) << word;
      config.levels.back().push_back(*parsed);
    }
    config.otherwise = otherwise;
    config.host_ports = {5432};
    auto& own = config.addressing;
    own.guest4 = at("10.98.0.2"), own.gateway4 = at("10.98.0.1"), own.host4 = at("169.254.1.2");
    own.guest6 = at("fd98::2"), own.gateway6 = at("fd98::1"), own.host6 = at("fd98::3");
    host.addresses = {at("203.0.114.9"), at("192.168.1.10"), at("2600::9")};
    policy = std::make_unique<net::Policy>(config, host);
  }

  net::Decision decide(std::string_view address, std::uint16_t port = 443, Protocol protocol = Protocol::tcp,
                       net::Milliseconds now = 0) const {
    return policy->decide(protocol, at(address), port, now);
  }
  bool allows(std::string_view address, std::uint16_t port = 443, Protocol protocol = Protocol::tcp,
              net::Milliseconds now = 0) const {
    return decide(address, port, protocol, now).allowed();
  }
  std::string why(std::string_view address, std::uint16_t port = 443, Protocol protocol = Protocol::tcp) const {
    return std::string(policy->text(decide(address, port, protocol).rule));
  }
  bool pin(std::string_view name, std::string_view address, std::uint32_t ttl = 60, net::Milliseconds now = 0) {
    return policy->pin(name, at(address), ttl, now).allowed();
  }
  bool asks(std::string_view name) const { return policy->decide_name(name).allowed(); }

  net::Config config;
  net::HostNetwork host;
  std::unique_ptr<net::Policy> policy;
};

// Everything that is the host, a metadata service, link-local, or for many.
const std::vector<std::string_view> shut{
    "127.0.0.1", "127.0.0.53", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "::127.0.0.1", "64:ff9b::127.0.0.1",
    "203.0.114.9", "192.168.1.10", "2600::9", "::ffff:192.168.1.10", "64:ff9b::192.168.1.10", "2002:c0a8:10a::1",
    "169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "64:ff9b::169.254.169.254", "100.100.100.200", "168.63.129.16",
    "169.254.7.7", "fe80::1", "224.0.0.251", "ff02::1", "255.255.255.255"};
const std::vector<std::string_view> around{"10.1.2.3", "192.168.1.11", "172.16.0.1", "100.64.0.1", "fd12::1",
                                           "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"};
const std::vector<std::string_view> internet{"1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "203.0.114.10"};

}  // namespace

TEST(NetPolicy, BroadRulesLeaveTheSpecialPlacesShut) {
  for (const std::string_view levels : {"+*", "+@internet +@lan", "+0.0.0.0/0 +::/0 +0.0.0.0/1 +128.0.0.0/1",
                               "+64:ff9b::/96", ""}) {
    const World world(levels, Verdict::allow);
    for (const auto address : shut)
      for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::icmp})
        EXPECT_FALSE(world.allows(address, 80, protocol)) << address;
  }
  const World world("+*");
  EXPECT_EQ(world.why("127.0.0.1"), "host");
  EXPECT_EQ(world.why("192.168.1.10"), "host");
  EXPECT_EQ(world.why("169.254.169.254"), "metadata");
  EXPECT_EQ(world.why("fe80::1"), "link-local");
  EXPECT_EQ(world.why("ff02::1"), "multicast");
}

TEST(NetPolicy, InternetAndLanAreApart) {
  const World out("+@internet"), in("+@lan"), all("+*"), none("");
  for (const auto address : internet) {
    EXPECT_TRUE(out.allows(address)) << address;
    EXPECT_FALSE(in.allows(address)) << address;
    EXPECT_TRUE(all.allows(address)) << address;
    EXPECT_FALSE(none.allows(address)) << address;
  }
  for (const auto address : around) {
    EXPECT_FALSE(out.allows(address)) << address;
    EXPECT_TRUE(in.allows(address)) << address;
    EXPECT_TRUE(all.allows(address)) << address;
    EXPECT_FALSE(none.allows(address)) << address;
  }
  for (const std::string_view nowhere : {"192.88.99.1", "100::1", "240.0.0.1"}) {
    EXPECT_FALSE(out.allows(nowhere));
    EXPECT_FALSE(in.allows(nowhere));
  }
}

TEST(NetPolicy, WhatIsNamedIsOpened) {
  const World host("+@host:8080");
  for (const std::string_view address : {"127.0.0.1", "::1", "192.168.1.10", "203.0.114.9", "2600::9"}) {
    EXPECT_TRUE(host.allows(address, 8080)) << address;
    EXPECT_FALSE(host.allows(address, 8081)) << address;
  }
  EXPECT_FALSE(host.allows("192.168.1.11", 8080));
  EXPECT_FALSE(host.allows("169.254.169.254", 8080));
  EXPECT_TRUE(World("+@metadata").allows("169.254.169.254", 80));
  EXPECT_TRUE(World("+@metadata").allows("fd00:ec2::254", 80));
  EXPECT_FALSE(World("+@metadata").allows("169.254.7.7", 80));
  EXPECT_TRUE(World("+169.254.169.254:80").allows("169.254.169.254", 80));
  EXPECT_TRUE(World("+169.254.0.0/16").allows("169.254.7.7"));
  EXPECT_TRUE(World("+fe80::/10").allows("fe80::1"));
  EXPECT_TRUE(World("+192.168.0.0/16").allows("192.168.1.10"));
  EXPECT_TRUE(World("+127.0.0.0/8").allows("127.0.0.1"));
  EXPECT_FALSE(World("+127.0.0.0/8").allows("64:ff9b::127.0.0.1"));
  EXPECT_FALSE(World("+224.0.0.0/4").allows("224.0.0.251"));
}

TEST(NetPolicy, TheHostsAddressesChange) {
  World world("+@internet +@lan");
  const net::HostNetwork moved{.addresses = {at("10.1.2.3")}, .ranges = {*net::parse_prefix("10.9.0.0/16"), *net::parse_prefix("fd09::/64")}, .resolvers = {}};
  ASSERT_TRUE(world.policy->set_host(moved));
  EXPECT_FALSE(world.allows("10.1.2.3"));
  for (const char* routed : {"10.9.0.1", "10.9.255.255", "fd09::1", "64:ff9b::10.9.0.1"}) EXPECT_FALSE(world.allows(routed)) << routed;
  for (const char* open : {"192.168.1.10", "10.8.255.255", "10.10.0.0", "fd09:0:0:1::1"}) EXPECT_TRUE(world.allows(open)) << open;
  EXPECT_FALSE(world.policy->set_host({.addresses = std::vector<Address>(100000), .ranges = {}, .resolvers = {}}));
  EXPECT_FALSE(world.policy->set_host({.addresses = {}, .ranges = std::vector<net::Prefix>(1000), .resolvers = {}}));
  EXPECT_FALSE(world.allows("10.1.2.3"));
  EXPECT_FALSE(world.allows("10.9.0.1"));
}

TEST(NetPolicy, ItsOwnAddressesAndHostPorts) {
  const World world("+* +10.98.0.0/16 +169.254.1.2");
  for (const std::string_view gateway : {"10.98.0.1", "fd98::1"}) {
    EXPECT_FALSE(world.allows(gateway, 80));
    EXPECT_EQ(world.why(gateway, 80), "gateway");
  }
  for (const std::string_view host : {"169.254.1.2", "fd98::3"}) {
    EXPECT_TRUE(world.allows(host, 5432));
    EXPECT_EQ(world.why(host, 5432), "host-port");
    EXPECT_FALSE(world.allows(host, 5433));
    EXPECT_FALSE(world.allows(host, 5432, Protocol::udp));
  }
}

TEST(NetPolicy, LevelsInOrderAndDenyBeatsAllow) {
  EXPECT_FALSE(World("+@internet -1.1.1.1").allows("1.1.1.1"));
  EXPECT_FALSE(World("-1.1.1.1 +@internet").allows("1.1.1.1"));
  EXPECT_TRUE(World("+1.1.1.1 / -@internet").allows("1.1.1.1"));
  EXPECT_FALSE(World("-1.1.1.1 / +@internet").allows("1.1.1.1"));
  EXPECT_TRUE(World("-1.1.1.1 / +@internet").allows("1.0.0.1"));
  EXPECT_FALSE(World("-1.1.1.1", Verdict::allow).allows("1.1.1.1"));
  EXPECT_TRUE(World("-1.1.1.1", Verdict::allow).allows("1.0.0.1"));
  EXPECT_EQ(World("+1.0.0.1 / +@internet").decide("1.1.1.1").rule, 1);
  EXPECT_EQ(World("+1.0.0.1 / -@internet:25").why("1.1.1.1", 443), "default");
  EXPECT_EQ(World("+1.0.0.1 / -@internet:25").why("1.1.1.1", 25), "@internet:25");
}

TEST(NetPolicy, WhatIsEmbeddedIsDeniedToo) {
  const World world("+* -10.0.0.0/8 -1.1.1.1");
  for (const std::string_view address : {"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::1", "64:ff9b::1.1.1.1"})
    EXPECT_FALSE(world.allows(address)) << address;
  EXPECT_FALSE(World("+10.0.0.0/8").allows("64:ff9b::10.1.2.3"));
}

TEST(NetPolicy, PortsAndProtocols) {
  const World world("+tcp://1.1.1.1:443 +udp://1.1.1.1:53 +1.0.0.1:80-90 +icmp://9.9.9.9");
  EXPECT_TRUE(world.allows("1.1.1.1", 443));
  EXPECT_FALSE(world.allows("1.1.1.1", 444));
  EXPECT_FALSE(world.allows("1.1.1.1", 443, Protocol::udp));
  EXPECT_TRUE(world.allows("1.1.1.1", 53, Protocol::udp));
  EXPECT_FALSE(world.allows("1.1.1.1", 53));
  EXPECT_TRUE(world.allows("1.0.0.1", 80));
  EXPECT_TRUE(world.allows("1.0.0.1", 90, Protocol::udp));
  EXPECT_FALSE(world.allows("1.0.0.1", 79));
  EXPECT_FALSE(world.allows("1.0.0.1", 91));
  EXPECT_FALSE(world.allows("1.0.0.1", 85, Protocol::icmp));  // a port says nothing of ping
  EXPECT_TRUE(world.allows("9.9.9.9", 0, Protocol::icmp));
  EXPECT_FALSE(world.allows("9.9.9.9", 443));
  EXPECT_TRUE(World("+@internet").allows("9.9.9.9", 77, Protocol::icmp));
}

TEST(NetPolicy, ANameIsItsPinnedAddresses) {
  World world("+github.com:443");
  EXPECT_FALSE(world.allows("1.2.3.4"));  // hard-coded, before and after others are pinned
  EXPECT_TRUE(world.pin("github.com", "1.2.3.4"));
  EXPECT_TRUE(world.pin("other.example", "1.2.3.5"));
  EXPECT_TRUE(world.allows("1.2.3.4"));
  EXPECT_EQ(world.decide("1.2.3.4").name, "github.com");
  EXPECT_FALSE(world.allows("1.2.3.4", 22));  // wrong port
  EXPECT_EQ(world.decide("1.2.3.4", 22).name, "github.com");
  EXPECT_FALSE(world.allows("1.2.3.5"));
  EXPECT_EQ(world.decide("1.2.3.5").name, "other.example");
  EXPECT_FALSE(world.allows("1.2.3.4", 853));  // DoT
  EXPECT_FALSE(world.allows("1.2.3.4", 0, Protocol::icmp));
  EXPECT_FALSE(world.allows("8.8.8.8", 443));  // DoH
  EXPECT_TRUE(world.allows("1.2.3.4", 443, Protocol::udp));  // QUIC follows the same pins
}

TEST(NetPolicy, SuffixesHoldBelowOnly) {
  World world("+*.example.com");
  world.pin("a.example.com", "1.2.3.4");
  world.pin("example.com", "1.2.3.5");
  world.pin("badexample.com", "1.2.3.6");
  EXPECT_TRUE(world.allows("1.2.3.4"));
  EXPECT_FALSE(world.allows("1.2.3.5"));
  EXPECT_FALSE(world.allows("1.2.3.6"));
}

TEST(NetPolicy, AnExpiredPinIsNone) {
  World world("+github.com");
  world.pin("github.com", "1.2.3.4", 100, 0);
  EXPECT_TRUE(world.allows("1.2.3.4", 443, Protocol::tcp, 400 * second - 1));
  EXPECT_FALSE(world.allows("1.2.3.4", 443, Protocol::tcp, 400 * second));
  EXPECT_TRUE(world.decide("1.2.3.4", 443, Protocol::tcp, 400 * second).name.empty());
}

TEST(NetPolicy, AFlowKeepsThePinThatAllowedIt) {
  World world("+github.com +1.2.3.0/24:80");
  world.pin("github.com", "1.2.3.4", 60, 0);
  world.policy->keep(1, at("1.2.3.4"), 359 * second);  // a rule about addresses rests on no pin
  EXPECT_FALSE(world.allows("1.2.3.4", 443, Protocol::tcp, 360 * second));
  world.policy->keep(world.decide("1.2.3.4").rule, at("1.2.3.4"), 359 * second);
  EXPECT_TRUE(world.allows("1.2.3.4", 443, Protocol::tcp, 600 * second));
}

TEST(NetPolicy, AnAddressOfTwoNames) {
  World world("+good.example:443 -evil.example:22 / +@internet");
  world.pin("good.example", "1.2.3.4");
  EXPECT_TRUE(world.allows("1.2.3.4", 22));
  world.pin("evil.example", "1.2.3.4");
  EXPECT_TRUE(world.allows("1.2.3.4", 443));
  EXPECT_EQ(world.decide("1.2.3.4", 443).name, "good.example");
  EXPECT_FALSE(world.allows("1.2.3.4", 22));
  EXPECT_EQ(world.decide("1.2.3.4", 22).name, "evil.example");
}

TEST(NetPolicy, RebindingIsRefused) {
  World world("+*.example.com +@internet");
  for (const auto address : shut) EXPECT_FALSE(world.pin("a.example.com", address)) << address;
  for (const auto address : around) EXPECT_FALSE(world.pin("a.example.com", address)) << address;
  for (const std::string_view own : {"10.98.0.1", "169.254.1.2", "fd98::3", "10.98.0.2"}) EXPECT_FALSE(world.pin("a.example.com", own)) << own;
  for (const auto address : shut) EXPECT_FALSE(world.allows(address)) << address;
  for (const auto address : around) EXPECT_FALSE(world.allows(address)) << address;
  EXPECT_EQ(world.policy->text(world.policy->pin("a.example.com", at("10.1.2.3"), 60, 0).rule), "rebinding");
  EXPECT_TRUE(world.pin("a.example.com", "1.2.3.4"));
}

TEST(NetPolicy, WhatARuleAllowsByAddressMayBePinned) {
  World lan("+intranet.example +@lan");
  EXPECT_TRUE(lan.pin("intranet.example", "10.1.2.3"));
  EXPECT_FALSE(lan.pin("intranet.example", "127.0.0.1"));
  EXPECT_FALSE(lan.pin("intranet.example", "192.168.1.10"));
  EXPECT_FALSE(lan.pin("intranet.example", "169.254.169.254"));
  World cidr("+intranet.example:443 +10.1.0.0/16:80");
  EXPECT_TRUE(cidr.pin("intranet.example", "10.1.2.3"));
  EXPECT_FALSE(cidr.pin("intranet.example", "10.2.2.3"));
  World host("+me.example +@host");
  EXPECT_TRUE(host.pin("me.example", "127.0.0.1"));
  World open("", Verdict::allow);
  EXPECT_TRUE(open.pin("intranet.example", "10.1.2.3"));
  EXPECT_FALSE(open.pin("intranet.example", "127.0.0.1"));
}

TEST(NetPolicy, APinOpensNoOtherPortOfAPrivateAddress) {
  World world("+*.example.com +10.1.2.3:5432 +127.0.0.1:8080 +169.254.169.254:80 +@host:9090");
  for (const std::string_view address : {"10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.1.10", "203.0.114.9"})
    EXPECT_TRUE(world.pin("a.example.com", address)) << address;  // the name may be looked up
  EXPECT_TRUE(world.allows("10.1.2.3", 5432));
  EXPECT_TRUE(world.allows("127.0.0.1", 8080));
  EXPECT_TRUE(world.allows("169.254.169.254", 80));
  EXPECT_TRUE(world.allows("192.168.1.10", 9090));
  for (const std::string_view address : {"10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.1.10", "203.0.114.9"})
    EXPECT_FALSE(world.allows(address, 22)) << address;
  EXPECT_EQ(world.decide("10.1.2.3", 22).name, "a.example.com");
  World denying("-evil.example.com / +@lan");
  denying.pin("evil.example.com", "10.1.2.3");
  EXPECT_FALSE(denying.allows("10.1.2.3"));
}

TEST(NetPolicy, AnAddressThatBecomesTheHostsIsShut) {
  World world("+a.example.com");
  EXPECT_TRUE(world.pin("a.example.com", "1.2.3.4"));
  EXPECT_TRUE(world.allows("1.2.3.4"));
  ASSERT_TRUE(world.policy->set_host({.addresses = {at("1.2.3.4")}, .ranges = {}, .resolvers = {}}));
  EXPECT_FALSE(world.allows("1.2.3.4"));
}

TEST(NetPolicy, NamesThatMayBeAsked) {
  const World list("+github.com:443 +*.npmjs.org -evil.npmjs.org +10.0.0.0/8");
  EXPECT_TRUE(list.asks("github.com"));
  EXPECT_TRUE(list.asks("registry.npmjs.org"));
  for (const std::string_view name : {"evil.npmjs.org", "npmjs.org", "gist.github.com", "c2VjcmV0.tunnel.example", "com", ""})
    EXPECT_FALSE(list.asks(name)) << name;
  const World open("+@internet -*.tracker.example -mail.example:25");
  EXPECT_TRUE(open.asks("anything.example"));
  EXPECT_FALSE(open.asks("a.tracker.example"));
  EXPECT_TRUE(open.asks("mail.example"));  // it has other ports
  EXPECT_TRUE(World("+@lan").asks("printer.home.arpa"));
  EXPECT_TRUE(World("+github.com / -*").asks("github.com"));
  EXPECT_FALSE(World("+github.com / -*").asks("gitlab.com"));
  EXPECT_FALSE(World("+github.com -*").asks("github.com"));
  EXPECT_TRUE(World("-evil.example", Verdict::allow).asks("good.example"));
  EXPECT_FALSE(World("-evil.example", Verdict::allow).asks("evil.example"));
  EXPECT_TRUE(list.policy->is_builtin(list.policy->decide_name("x.example").rule));
  EXPECT_EQ(list.policy->text(list.policy->decide_name("evil.npmjs.org").rule), "evil.npmjs.org");
}

TEST(NetPolicy, ReverseQueriesAreNoTunnel) {
  World world("+github.com:443 +10.1.0.0/16");
  world.pin("github.com", "1.2.3.4");
  world.pin("other.example", "1.2.3.5");
  const auto asks = [&](std::string_view address) { return world.policy->decide_reverse(at(address), 0).allowed(); };
  EXPECT_TRUE(asks("1.2.3.4"));
  EXPECT_TRUE(asks("10.1.2.3"));
  for (const std::string_view address : {"1.2.3.5", "10.2.2.3", "8.8.8.8", "2600::1234", "127.0.0.1", "192.168.1.10"})
    EXPECT_FALSE(asks(address)) << address;
  EXPECT_TRUE(World("+@internet").policy->decide_reverse(at("8.8.8.8"), 0).allowed());
  EXPECT_FALSE(World("", Verdict::allow).policy->decide_reverse(at("127.0.0.1"), 0).allowed());
  EXPECT_EQ(world.policy->text(world.policy->decide_reverse(at("8.8.8.8"), 0).rule), "dns");
}

TEST(NetPolicy, TlsAsksForTheSameName) {
  World world("+a.example:443,tls +*.b.example:443,tls");
  for (const std::string_view name : {"a.example", "x.b.example", "other.example"}) world.pin(name, "1.2.3.4");
  world.pin("y.b.example", "1.2.3.5");
  const auto decision = world.decide("1.2.3.4");
  EXPECT_TRUE(decision.allowed());
  EXPECT_TRUE(decision.tls);
  EXPECT_FALSE(world.allows("1.2.3.4", 443, Protocol::udp));  // QUIC would hide the name
  EXPECT_FALSE(world.allows("1.2.3.4", 80));
  EXPECT_FALSE(world.allows("9.9.9.9"));
  const auto hello = [&](std::string_view name) { return world.policy->decide_tls(at("1.2.3.4"), 443, name, 0); };
  EXPECT_TRUE(hello("a.example").allowed());
  EXPECT_FALSE(hello("a.example").tls);
  EXPECT_TRUE(hello("x.b.example").allowed());
  EXPECT_EQ(hello("x.b.example").rule, 1);
  EXPECT_FALSE(hello("y.b.example").allowed());   // the name is allowed, but not for this address
  EXPECT_FALSE(hello("other.example").allowed());  // pinned here, but not allowed
  EXPECT_FALSE(hello("").allowed());               // none
}

TEST(NetPolicy, ARuleThatAsksForNoTlsIsTakenFirst) {
  World world("+a.example,tls +b.example");
  world.pin("a.example", "1.2.3.4");
  EXPECT_TRUE(world.decide("1.2.3.4").tls);
  world.pin("b.example", "1.2.3.4");
  EXPECT_FALSE(world.decide("1.2.3.4").tls);
  EXPECT_EQ(world.decide("1.2.3.4").rule, 1);
  World denied("+a.example,tls -1.2.3.4:443");
  denied.pin("a.example", "1.2.3.4");
  EXPECT_FALSE(denied.allows("1.2.3.4"));
  EXPECT_TRUE(denied.allows("1.2.3.4", 8443));
}

TEST(NetPolicy, CountersAndTextsOfEveryRule) {
  World world("+github.com:443 / -@internet:25");
  EXPECT_EQ(world.policy->rules(), 2 + static_cast<std::size_t>(Builtin::count_));
  world.policy->counters(1).bytes += 5;
  EXPECT_EQ(world.policy->counters(1).bytes, 5U);
  EXPECT_EQ(world.policy->text(0), "github.com:443");
  EXPECT_EQ(world.policy->text(1), "@internet:25");
  EXPECT_EQ(world.policy->text(world.policy->builtin_rule(Builtin::otherwise)), "default");
}

TEST(NetPolicy, ItExplains) {
  World world("+github.com:443 -1.1.1.1");
  world.pin("github.com", "1.2.3.4");
  const auto explain = [&](std::string_view address, std::uint16_t port) { return world.policy->explain(Protocol::tcp, at(address), port, 0); };
  EXPECT_EQ(explain("1.2.3.4", 443), "tcp to 1.2.3.4:443 (github.com) is allowed: rule 'github.com:443' of level 1 allows it");
  EXPECT_EQ(explain("1.1.1.1", 443), "tcp to 1.1.1.1:443 is denied: rule '1.1.1.1' of level 1 denies it");
  EXPECT_EQ(explain("8.8.8.8", 443), "tcp to 8.8.8.8:443 is denied: no rule matches");
  EXPECT_TRUE(explain("127.0.0.1", 80).contains("@host"));
  EXPECT_TRUE(explain("169.254.169.254", 80).contains("@metadata"));
  EXPECT_EQ(explain("::1", 80).substr(0, 15), "tcp to [::1]:80");
}
