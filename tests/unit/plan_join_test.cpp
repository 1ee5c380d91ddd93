// What --join shares, and what it rules out.
#include "plan/join.h"

#include "plan/describe.h"
#include "plan/make.h"
#include "plan/network.h"
#include "profile/set.h"

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
  host.subuids = host.subgids = {{100000, 65536}};
  host.resolv_conf = "nameserver 192.0.2.1\n";
  Joined& web = host.joined.emplace();
  web.sandboxes = "/home/alice/.local/state/sbx/sandboxes", web.instance = "17";
  web.identity = {.writer = MapWriter::init, .uids = {{1000, 1000, 1}}, .gids = {{1000, 1000, 1}}, .uid = 1000, .gid = 1000};
  web.hostname = "web", web.names = {"web"};
  return host;
}

Host with_user_network() {
  Host host = alice();
  host.joined->mode = NetworkMode::user, host.joined->ipv6 = true;
  host.joined->addressing.guest4 = *net::parse_address("10.0.2.2"), host.joined->addressing.gateway4 = *net::parse_address("10.0.2.1");
  host.joined->addressing.guest6 = *net::parse_address("fd73::2");
  return host;
}

profile::Profile asked(const std::vector<std::string>& settings, const char* source = "command line") {
  profile::Profile out;
  for (const std::string& setting : settings) {
    const auto set = profile::set(out, setting, {source});
    EXPECT_TRUE(set) << setting;
  }
  return out;
}

Plan planned(const std::vector<std::string>& settings, const Host& host = alice()) {
  auto plan = make(asked(settings), host, {"true"});
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *std::move(plan) : Plan{};
}

std::string refusal(const std::vector<std::string>& settings, const Host& host = alice()) {
  const auto plan = make(asked(settings), host, {"true"});
  EXPECT_FALSE(plan);
  EXPECT_TRUE(plan || !plan.error().hint.empty()) << plan.error().message;
  return plan ? "" : plan.error().message;
}

const LiveFile* live_file(const Plan& plan) {
  for (const MountStep& step : plan.mounts)
    if (const auto* live = std::get_if<LiveFile>(&step)) return live;
  return nullptr;
}

bool has(const std::string& in, const std::string& part) { return in.find(part) != std::string::npos; }

TEST(PlanJoin, SharesTheNetworkAndItsUserNamespace) {
  const Plan plan = planned({"sandbox.join=web"});
  ASSERT_TRUE(plan.join);
  EXPECT_EQ(plan.join->name, "web");
  EXPECT_EQ(plan.join->instance, "17");
  EXPECT_EQ(plan.join->shared, (std::vector{Namespace::user, Namespace::net}));
  for (const Namespace own : {Namespace::mount, Namespace::pid, Namespace::ipc, Namespace::uts, Namespace::cgroup})
    EXPECT_TRUE(plan.has(own) && !plan.shares(own));
  EXPECT_EQ(plan.identity.writer, MapWriter::joined);
  EXPECT_EQ(plan.identity.uids, alice().joined->identity.uids);
  EXPECT_EQ(plan.network.mode, NetworkMode::joined);
  EXPECT_EQ(plan.hostname, "sbx");
}

TEST(PlanJoin, WhatElseIsSharedIsNamed) {
  const Plan plan = planned({"sandbox.join=web:uts,ipc"});
  EXPECT_EQ(plan.join->shared, (std::vector{Namespace::user, Namespace::net, Namespace::ipc, Namespace::uts}));
  EXPECT_EQ(plan.hostname, "web");
  const std::string said = describe_text(plan);
  for (const char* line : {"new       mount pid cgroup\n", "shared    user net ipc uts with web\n", "shared    web\n", "joined    web"})
    EXPECT_TRUE(has(said, line)) << line << said;
  for (const char* bad : {"web:", "web:mnt", "web:net", ":ipc", "a/b", "web:ipc,"}) {
    profile::Profile profile;
    EXPECT_FALSE(profile::set(profile, text("sandbox.join=", bad), {"command line"})) << bad;
  }
}

// Nothing but a group of its own ends what it leaves among the others' processes.
TEST(PlanJoin, SharedProcessesNeedAControlGroup) {
  const Plan plan = planned({"sandbox.join=web:ipc,pid", "resources.on_unavailable=warn"});
  EXPECT_EQ(plan.join->shared, (std::vector{Namespace::user, Namespace::pid, Namespace::net, Namespace::ipc}));
  EXPECT_EQ(plan.cgroup.need, CgroupNeed::required);
  EXPECT_TRUE(plan.cgroup.ends_processes);
  EXPECT_TRUE(has(describe_text(plan), "shared    user pid net ipc with web\n")) << describe_text(plan);
  EXPECT_FALSE(planned({"sandbox.join=web:ipc"}).cgroup.ends_processes);
}

TEST(PlanJoin, NamesLeadToTheSharedAddresses) {
  Host host = with_user_network();
  host.joined->names = {"web", "db"};
  const Plan plan = planned({"sandbox.join=web", "sandbox.name=own"}, host);
  ASSERT_NE(live_file(plan), nullptr);
  for (const char* line : {"\n10.0.2.2 own\n", "\nfd73::2 own\n", "\n127.0.0.1 web db\n", "\n::1 web db\n", "\n10.0.2.2 web db\n", "\nfd73::2 web db\n"})
    EXPECT_TRUE(has(live_file(plan)->content, line)) << line << live_file(plan)->content;
  // What the joined one's launcher writes there later, when nobody has come, is the same.
  Network there;
  there.mode = NetworkMode::user, there.ipv6 = true, there.config.addressing = host.joined->addressing;
  EXPECT_EQ(hosts_text(there, "own", {"web", "db"}), live_file(plan)->content);
  EXPECT_EQ(names_among_fellows(plan), std::vector<std::string>{"own"});
  EXPECT_EQ(names_among_fellows(planned({"sandbox.join=web"})), std::vector<std::string>{});
  EXPECT_EQ(names_among_fellows(planned({"sandbox.join=web", "sandbox.hostname=h"})), std::vector<std::string>{"h"});
  EXPECT_EQ(names_among_fellows(planned({"sandbox.join=web", "sandbox.name=n", "sandbox.hostname=h"})), (std::vector<std::string>{"n", "h"}));
}

TEST(PlanJoin, OnlyWhoMayHaveFellowsHasAFileThatChanges) {
  Host host = alice();
  host.joined.reset();
  EXPECT_EQ(live_file(planned({}, host)), nullptr);
  EXPECT_NE(live_file(planned({"sandbox.name=web"}, host)), nullptr);
  EXPECT_EQ(live_file(planned({"sandbox.name=web", "network.mode=host"}, host)), nullptr);
}

TEST(PlanJoin, AnotherNetworkIsRefusedByBothNames) {
  for (const char* other : {"network.mode=user", "network.mode=none", "network.mode=host"})
    EXPECT_EQ(refusal({"sandbox.join=web", other}), text("--join web and --net ", std::string_view(other).substr(13),
                                                         " exclude each other: the network is that of the joined one"));
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "network.allow=+example.com"}), "--join web and --allow example.com exclude"));
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "network.publish=+80:80"}), "--publish 80:80"));
  // A profile's own stands aside where the command line joins; in one profile the two contradict each other.
  profile::Profile profile = asked({"network.mode=user", "network.allow=+example.com"}, "dev");
  profile.join = profile::Item{"web", {"command line"}};
  const auto plan = make(profile, alice(), {"true"});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->network.mode, NetworkMode::joined);
  EXPECT_TRUE(std::ranges::any_of(plan->notes, [](const std::string& note) { return has(note, "hold nothing"); }));
  profile.join->origin.source = "dev";
  EXPECT_FALSE(make(profile, alice(), {"true"}));
}

TEST(PlanJoin, OtherIdsAreRefused) {
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "sandbox.user=root"}), "--join web and --user root contradict each other"));
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "sandbox.userns=range"}), "--userns range"));
  EXPECT_EQ(planned({"sandbox.join=web", "sandbox.user=self"}).identity.uid, 1000U);
}

TEST(PlanJoin, WhatCannotBeSharedIsRefused) {
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "sandbox.name=web"}), "cannot join itself"));
  EXPECT_TRUE(has(refusal({"sandbox.join=web:uts", "sandbox.hostname=other"}), "--hostname other"));
  EXPECT_EQ(planned({"sandbox.join=web:uts", "sandbox.hostname=web"}).hostname, "web");
  Host host = alice();
  host.joined->mode = NetworkMode::host;
  EXPECT_TRUE(has(refusal({"sandbox.join=web"}, host), "uses the host's"));
  host = alice(), host.joined->joins = "first";
  EXPECT_TRUE(has(refusal({"sandbox.join=web"}, host), "shares the network of 'first'"));
}

TEST(PlanJoin, NestedNamespacesAreTheJoinedOnesToAllow) {
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "security.nested_userns=true"}), "--nested-userns exclude"));
  Host host = alice();
  host.joined->nested_userns = true;
  EXPECT_TRUE(std::ranges::any_of(planned({"sandbox.join=web", "seccomp.default=deny"}, host).notes, [](const std::string& note) { return has(note, "filter of system calls alone"); }));
  EXPECT_TRUE(has(refusal({"sandbox.join=web", "seccomp.default=off"}, host), "without a filter"));
  planned({"sandbox.join=web", "security.nested_userns=true"}, host);
}

}  // namespace
}  // namespace plan
