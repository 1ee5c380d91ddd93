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

TEST(PlanNetwork, DryRunSaysWhichOne) {
  const std::string none = describe_text(planned(with_mode("none"))), host = describe_text(planned(with_mode("host")));
  EXPECT_NE(none.find("network     none      own namespace, loopback only"), std::string::npos) << none;
  EXPECT_NE(host.find("network     host      the host's namespace"), std::string::npos) << host;
  EXPECT_NE(host.find("landlock    abi 7     scopes"), std::string::npos) << host;
}

}  // namespace
}  // namespace plan
