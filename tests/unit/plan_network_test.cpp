// What the mode of the network means for namespaces, files and walls.
#include "plan/network.h"

#include "plan/describe.h"
#include "plan/make.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace plan {
namespace {

Host alice() {
  Host host;
  host.uid = host.gid = 1000;
  host.user = host.group = "alice", host.home = "/home/alice", host.shell = "/bin/bash";
  host.cwd = host.project = "/home/alice/work";
  host.kernel_major = 6, host.kernel_minor = 18;
  host.overlay = true;
  host.landlock_abi = 7;
  host.resolv_conf = "nameserver 192.0.2.1\n";
  return host;
}

profile::Profile with_mode(const std::string& mode) {
  profile::Profile profile;
  profile.net_mode = profile::Item{mode, {"t"}};
  return profile;
}

Plan planned(const profile::Profile& profile, const Host& host = alice()) {
  auto plan = make(profile, host, {"true"});
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *std::move(plan) : Plan{};
}

const File* etc_file(const Plan& plan, const std::string& name) {
  for (const MountStep& step : plan.mounts)
    if (const auto* etc = std::get_if<Layered>(&step))
      for (const File& file : etc->files)
        if (file.inside == name) return &file;
  return nullptr;
}

template <class Step>
bool has_step(const Plan& plan, const std::string& inside) {
  return std::ranges::any_of(plan.mounts, [&](const MountStep& step) {
    return std::holds_alternative<Step>(step) && inside_of(step) == inside;
  });
}

TEST(PlanNetwork, NoneHasANamespaceAndAsksNobody) {
  for (const profile::Profile& profile : {profile::Profile{}, with_mode("none")}) {
    EXPECT_FALSE(wants_network(profile));
    const Plan plan = planned(profile);
    EXPECT_TRUE(plan.has(Namespace::net));
    EXPECT_EQ(plan.network.mode, NetworkMode::none);
    EXPECT_EQ(plan.landlock.abi, 0);
    EXPECT_TRUE(has_step<Sysfs>(plan, "/sys"));
    ASSERT_NE(etc_file(plan, "resolv.conf"), nullptr);
    EXPECT_EQ(etc_file(plan, "resolv.conf")->content.find("nameserver"), std::string::npos);
  }
}

TEST(PlanNetwork, HostSharesTheNamespaceAndItsFiles) {
  EXPECT_TRUE(wants_network(with_mode("host")));
  const Plan plan = planned(with_mode("host"));
  EXPECT_FALSE(plan.has(Namespace::net));
  EXPECT_EQ(etc_file(plan, "resolv.conf"), nullptr);
  EXPECT_EQ(etc_file(plan, "hosts"), nullptr);
  EXPECT_NE(etc_file(plan, "hostname"), nullptr);
}

TEST(PlanNetwork, HostBindsTheHostsSysWithoutItsMounts) {
  const Plan plan = planned(with_mode("host"));
  EXPECT_FALSE(has_step<Sysfs>(plan, "/sys"));
  EXPECT_TRUE(has_step<Bind>(plan, "/sys"));
  for (const char* place : {"/sys/fs", "/sys/kernel/debug", "/sys/kernel/security"}) EXPECT_TRUE(has_step<Mask>(plan, place)) << place;
  for (const MountStep& step : plan.mounts)
    if (const auto* bind = std::get_if<Bind>(&step); bind != nullptr && bind->inside == "/sys") { EXPECT_TRUE(bind->read_only); }
}

TEST(PlanNetwork, HostCopiesAResolvConfThatLiesElsewhere) {
  Host host = alice();
  host.resolv_conf_is_elsewhere = true;
  const Plan plan = planned(with_mode("host"), host);
  ASSERT_NE(etc_file(plan, "resolv.conf"), nullptr);
  EXPECT_EQ(etc_file(plan, "resolv.conf")->content, "nameserver 192.0.2.1\n");
}

TEST(PlanNetwork, HostTakesScopesOnlyUnlessFilesAreAskedFor) {
  const Plan plan = planned(with_mode("host"));
  EXPECT_EQ(plan.landlock.abi, 7);
  EXPECT_TRUE(plan.landlock.read_only.empty() && plan.landlock.read_write.empty());
  profile::Profile both = with_mode("host");
  both.landlock = profile::Item{"require", {"t"}};
  EXPECT_FALSE(planned(both).landlock.read_only.empty());
  profile::Profile nested = with_mode("host");
  nested.nested_userns = profile::Item{"true", {"t"}};
  EXPECT_EQ(planned(nested).landlock.abi, 7);
}

TEST(PlanNetwork, HostWithoutScopesIsRefusedOrDegraded) {
  Host old = alice();
  old.landlock_abi = 5;
  profile::Profile off = with_mode("host");
  off.landlock = profile::Item{"off", {"t"}};
  for (auto& [profile, host] : {std::pair(with_mode("host"), old), std::pair(off, alice())}) {
    const auto refused = make(profile, host, {"true"});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("abstract sockets"), std::string::npos);
    EXPECT_NE(refused.error().hint.find("--allow-degraded abstract-sockets"), std::string::npos);
    profile::Profile allowed = profile;
    allowed.allow_degraded = {{"abstract-sockets", {"t"}}};
    const Plan plan = planned(allowed, host);
    EXPECT_EQ(plan.degraded, std::vector<std::string>{"abstract-sockets"});
    EXPECT_EQ(plan.landlock.abi, 0);
  }
}

profile::List items(const std::vector<std::string>& values, const std::string& source) {
  profile::List list;
  for (const std::string& value : values) list.push_back({value, {source}});
  return list;
}

Host host_with_routes(const std::vector<std::string>& routes) {
  Host host = alice();
  for (const std::string& route : routes) host.routes.push_back(*net::parse_prefix(route));
  host.ipv6 = host.ipv6_default = true;
  host.mtu = 1400;
  return host;
}

TEST(PlanNetwork, UserHasAddressesThatTheHostDoesNotRoute) {
  const net::Addressing plain = planned(with_mode("user"), host_with_routes({"192.168.1.0/24"})).network.config.addressing;
  EXPECT_EQ(net::to_text(plain.guest4), "10.0.2.2");
  EXPECT_EQ(net::to_text(plain.gateway4), "10.0.2.1");
  EXPECT_EQ(net::to_text(plain.host4), "169.254.1.2");
  EXPECT_EQ(plain.mtu, 1400);
  EXPECT_TRUE(plain.ipv6);
  for (const auto& [taken, expected] : {std::pair(std::vector<std::string>{"10.0.2.0/23"}, "10.73.0.2"),
                                        {{"10.0.2.7", "10.73.0.0/16"}, "172.30.0.2"},
                                        {{"10.0.0.0/8", "172.16.0.0/12"}, "192.168.0.2"},
                                        {{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}, "198.18.0.2"}})
    EXPECT_EQ(net::to_text(planned(with_mode("user"), host_with_routes(taken)).network.config.addressing.guest4), expected);
  const auto none = make(with_mode("user"), host_with_routes({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"}), {"true"});
  EXPECT_FALSE(none);
  const net::Addressing sixth = planned(with_mode("user"), host_with_routes({"fd73:6278::/64"})).network.config.addressing;
  for (const net::Address& address : {sixth.guest6, sixth.gateway6}) EXPECT_FALSE(net::parse_prefix("fd73:6278::/64")->contains(address));
  // Where --host-port leads is neither the gateway nor on the sandbox's own link.
  EXPECT_FALSE((net::Prefix{plain.guest6, plain.bits6}.contains(plain.host6)));
}

TEST(PlanNetwork, UserFollowsTheHostsMtuAndIpv6) {
  Host host = host_with_routes({});
  host.mtu = 9000;
  EXPECT_EQ(planned(with_mode("user"), host).network.config.addressing.mtu, 9000);
  host.mtu = 576;
  EXPECT_EQ(planned(with_mode("user"), host).network.config.addressing.mtu, 1280);
  host.ipv6_default = false;
  EXPECT_FALSE(planned(with_mode("user"), host).network.config.addressing.ipv6);
  EXPECT_TRUE(planned(with_mode("user"), host).network.ipv6);
  host.ipv6 = false;
  const Plan plan = planned(with_mode("user"), host);
  EXPECT_FALSE(plan.network.ipv6);
  EXPECT_EQ(etc_file(plan, "hosts")->content.find("fd73"), std::string::npos);
}

TEST(PlanNetwork, TheCommandLineIsALevelOfItsOwnBeforeTheProfiles) {
  profile::Profile profile = with_mode("user");
  profile.net_allow = items({"a.example", "@lan"}, "dev");
  profile.net_deny = items({"10.0.0.0/8"}, "dev");
  const auto mine = items({"10.1.2.3"}, "command line");
  profile.net_allow.insert(profile.net_allow.end(), mine.begin(), mine.end());
  const net::Config config = planned(profile, host_with_routes({})).network.config;
  ASSERT_EQ(config.levels.size(), 2u);
  ASSERT_EQ(config.levels[0].size(), 1u);
  EXPECT_EQ(config.levels[0][0].text, "10.1.2.3");
  ASSERT_EQ(config.levels[1].size(), 3u);
  EXPECT_EQ(config.levels[1][0].verdict, net::Verdict::deny);
  EXPECT_EQ(config.otherwise, net::Verdict::deny);
}

TEST(PlanNetwork, WithoutAnAllowRuleTheRestIsAllowed) {
  profile::Profile profile = with_mode("user");
  EXPECT_EQ(planned(profile, host_with_routes({})).network.config.otherwise, net::Verdict::allow);
  profile.net_deny = items({"@lan"}, "t");
  EXPECT_EQ(planned(profile, host_with_routes({})).network.config.otherwise, net::Verdict::allow);
}

TEST(PlanNetwork, PortsServersAndCaptureReachTheEngine) {
  profile::Profile profile = with_mode("user");
  profile.net_publish = items({"8080:80"}, "t");
  profile.net_host_ports = items({"5432"}, "t");
  profile.net_dns = items({"192.0.2.53"}, "t");
  profile.net_pcap = profile::Item{"$PWD/out", {"t"}};
  net::Config config = planned(profile, host_with_routes({})).network.config;
  EXPECT_EQ(config.publish.size(), 2u);
  EXPECT_EQ(config.host_ports, std::vector<std::uint16_t>{5432});
  EXPECT_EQ(net::to_text(config.dns.at(0)), "192.0.2.53");
  EXPECT_EQ(config.pcap, "/home/alice/work/out");
  EXPECT_EQ(config.hostname, "sbx");
  EXPECT_EQ(planned(profile).network.config.publish.size(), 1u) << "no IPv6 on this host";
}

TEST(PlanNetwork, RulesWithoutAnEngineAreRefused) {
  for (const char* mode : {"none", "host"}) {
    profile::Profile asked = with_mode(mode);
    asked.net_deny = items({"@lan"}, "command line");
    const auto refused = make(asked, alice(), {"true"});
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().hint, "add --net user");
  }
  profile::Profile of_profile = with_mode("host");
  of_profile.net_allow = items({"@internet"}, "dev");
  EXPECT_FALSE(make(of_profile, alice(), {"true"})) << "the profile contradicts itself";
  of_profile.net_mode->origin.source = "command line";
  const Plan chosen = planned(of_profile);
  EXPECT_TRUE(std::ranges::any_of(chosen.notes, [](const std::string& note) { return note.find("network rules hold nothing") != std::string::npos; }));
  profile::Profile off = of_profile;
  off.net_mode->value = "none";
  EXPECT_TRUE(make(off, alice(), {"true"})) << "less than the profile's is no contradiction";
}

TEST(PlanNetwork, UserHasItsOwnNameFiles) {
  Host host = host_with_routes({});
  host.resolv_conf = "nameserver 127.0.0.53\nsearch  a.example\tb.example\noptions edns0 trust-ad ndots:2\n# nameserver 1.2.3.4\n";
  const Plan plan = planned(with_mode("user"), host);
  EXPECT_EQ(etc_file(plan, "resolv.conf")->content, "nameserver 10.0.2.1\nsearch a.example b.example\noptions edns0 ndots:2\n");
  const std::string hosts = etc_file(plan, "hosts")->content;
  for (const char* line : {"10.0.2.2 sbx\n", "fd73:6278::2 sbx\n", "169.254.1.2 host.sbx.internal\n", "127.0.0.1 localhost\n"})
    EXPECT_NE(hosts.find(line), std::string::npos) << line;
}

TEST(PlanNetwork, DryRunSaysWhichOne) {
  const std::string none = describe_text(planned(with_mode("none"))), host = describe_text(planned(with_mode("host")));
  EXPECT_NE(none.find("network     none      own namespace, loopback only"), std::string::npos) << none;
  EXPECT_NE(host.find("network     host      the host's namespace"), std::string::npos) << host;
  EXPECT_NE(host.find("landlock    abi 7     scopes"), std::string::npos) << host;
}

}  // namespace
}  // namespace plan
