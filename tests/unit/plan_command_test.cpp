// Environment, working directory, terminal and limits.
#include "plan/command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sys/resource.h>

namespace plan {
namespace {

using Words = std::vector<std::string>;

Host alice() {
  Host host;
  host.uid = host.gid = 1000;
  host.user = "alice", host.home = "/home/alice", host.shell = "/bin/bash";
  host.cwd = host.project = "/w/deep";
  host.environment = {{"TERM", "xterm"}, {"LC_ALL", "C"}, {"LC_TIME", "de"}, {"TOKEN", "secret"}, {"PATH", "/evil"}, {"HOME", "/evil"}};
  return host;
}

Plan plan_with(std::vector<MountStep> mounts, Id uid = 1000) {
  Plan plan;
  plan.name = "box";
  plan.identity.uid = plan.identity.gid = uid;
  plan.mounts = std::move(mounts);
  return plan;
}

profile::Scalar scalar(const std::string& value) { return profile::Item{value, {"t"}}; }

Command made(const profile::Profile& profile, const Host& host = alice(), const Plan& plan = plan_with({}), Words argv = {"true"}) {
  auto command = make_command(profile, host, plan, std::move(argv));
  EXPECT_TRUE(command) << command.error().message;
  return command ? *std::move(command) : Command{};
}

std::string value_of(const Command& command, const std::string& name) {
  Words found;
  for (const std::string& each : command.environment)
    if (each.starts_with(name + "=")) found.push_back(each.substr(name.size() + 1));
  EXPECT_LE(found.size(), 1U) << name << " is set twice";
  return found.empty() ? "unset" : found[0];
}

TEST(PlanCommand, TheEnvironmentIsAnAllowList) {
  profile::Profile profile;
  profile.env_pass = {{"TERM", {"t"}}, {"LC_*", {"t"}}, {"MISSING", {"t"}}};
  const Command command = made(profile);
  EXPECT_EQ(value_of(command, "TERM"), "xterm");
  EXPECT_EQ(value_of(command, "LC_ALL"), "C");
  EXPECT_EQ(value_of(command, "LC_TIME"), "de");
  EXPECT_EQ(value_of(command, "TOKEN"), "unset");
  EXPECT_EQ(value_of(command, "MISSING"), "unset");
  EXPECT_EQ(value_of(command, "PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  EXPECT_EQ(value_of(command, "container"), "sbx");
  EXPECT_EQ(value_of(command, "SBX_NAME"), "box");
}

TEST(PlanCommand, SaysWhoAndWhereOneIs) {
  const Command self = made({});
  EXPECT_EQ(value_of(self, "HOME"), "/home/alice");
  EXPECT_EQ(value_of(self, "USER"), "alice");
  EXPECT_EQ(value_of(self, "LOGNAME"), "alice");
  EXPECT_EQ(value_of(self, "SHELL"), "/bin/bash");
  EXPECT_EQ(value_of(self, "PWD"), "/");
  const Command root = made({}, alice(), plan_with({}, 0));
  EXPECT_EQ(value_of(root, "HOME"), "/root");
  EXPECT_EQ(value_of(root, "USER"), "root");
  Host unusual = alice();
  unusual.shell = "/home/alice/bin/fish";
  EXPECT_EQ(value_of(made({}, unusual), "SHELL"), "/bin/sh") << "it may not be shown inside";
}

TEST(PlanCommand, WhatIsSetWinsButNotOverTheMarks) {
  profile::Profile profile;
  profile.env_pass = {{"*", {"t"}}};
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"PATH", "/own"}, {"HOME", "/h"}, {"A", "1"}, {"A", "2"}, {"EMPTY", ""}, {"container", "docker"}, {"SBX_NAME", "x"}})
    profile.env_set.emplace_back(name, profile::Item{value, {"t"}});
  const Command command = made(profile);
  EXPECT_EQ(value_of(command, "PATH"), "/own");
  EXPECT_EQ(command.search_path, "/own");
  EXPECT_EQ(value_of(command, "HOME"), "/h");
  EXPECT_EQ(value_of(command, "A"), "2");
  EXPECT_EQ(value_of(command, "EMPTY"), "");
  EXPECT_EQ(value_of(command, "TOKEN"), "secret") << "asked for by the pattern";
  EXPECT_EQ(value_of(command, "container"), "sbx");
  EXPECT_EQ(value_of(command, "SBX_NAME"), "box");
}

TEST(PlanCommand, WorkingDirectory) {
  const Plan shown = plan_with({Tmpfs{.inside = "/"}, Bind{.outside = "/w", .inside = "/project", .read_only = false}});
  EXPECT_EQ(made({}, alice(), shown).workdir, "/project/deep");
  EXPECT_EQ(value_of(made({}, alice(), shown), "PWD"), "/project/deep");
  EXPECT_EQ(made({}).workdir, "/") << "not shown inside";
  Host deleted = alice();
  deleted.cwd.clear();
  EXPECT_EQ(made({}, deleted, shown).workdir, "/");
  profile::Profile profile;
  profile.workdir = scalar("$PWD");
  EXPECT_EQ(made(profile, alice(), shown).workdir, "/project/deep");
  EXPECT_EQ(made(profile).workdir, "/w/deep") << "asked for: an error of the launch, not another place";
  profile.workdir = scalar("/project/../x");
  EXPECT_EQ(made(profile, alice(), shown).workdir, "/x");
  profile.workdir = scalar("x");
  EXPECT_EQ(make_command(profile, alice(), shown, {"true"}).error().message, "'x': x is relative");
}

TEST(PlanCommand, ACommandIsNeeded) {
  for (const Words& argv : {Words{}, Words{""}, Words{"", "x"}}) {
    const auto command = make_command({}, alice(), plan_with({}), argv);
    ASSERT_FALSE(command);
    EXPECT_EQ(command.error().message, "command is missing");
  }
  EXPECT_EQ(made({}, alice(), plan_with({}), {"a", "", "b c"}).argv, (Words{"a", "", "b c"}));
}

TEST(PlanCommand, Terminals) {
  Host at_terminal = alice();
  at_terminal.terminal = {false, false, true};
  EXPECT_FALSE(made({}).terminal);
  EXPECT_TRUE(made({}, at_terminal).terminal);
  EXPECT_FALSE(made({}, at_terminal).terminal_for_all);
  profile::Profile profile;
  profile.terminal = scalar("off");
  EXPECT_FALSE(made(profile, at_terminal).terminal);
  profile.terminal = scalar("on");
  EXPECT_TRUE(made(profile).terminal);
  EXPECT_TRUE(made(profile).terminal_for_all);
  profile.terminal = scalar("perhaps");
  EXPECT_FALSE(make_command(profile, alice(), plan_with({}), {"true"}));
}

profile::Map limits(const std::vector<std::pair<std::string, std::string>>& values) {
  profile::Map map;
  for (const auto& [name, value] : values) map.emplace_back(name, profile::Item{value, {"t"}});
  return map;
}

TEST(PlanCommand, Limits) {
  profile::Profile profile;
  profile.ulimit = limits({{"nofile", "64:128"}, {"core", "0"}, {"stack", "8M:unlimited"}, {"cpu", "-1"}});
  const auto made = make_limits(profile);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 4U);
  EXPECT_EQ((*made)[0].resource, RLIMIT_NOFILE);
  EXPECT_EQ((*made)[0].soft, 64U);
  EXPECT_EQ((*made)[0].hard, 128U);
  EXPECT_EQ((*made)[1].hard, 0U);
  EXPECT_EQ((*made)[2].soft, 8U << 20);
  EXPECT_EQ((*made)[2].hard, RLIM_INFINITY);
  EXPECT_EQ((*made)[3].soft, RLIM_INFINITY);
}

TEST(PlanCommand, TheLastLimitOfANameCounts) {
  profile::Profile profile;
  profile.ulimit = limits({{"nofile", "64"}, {"core", "0"}, {"nofile", "32"}});
  const auto made = make_limits(profile);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->size(), 2U);
  EXPECT_EQ(made->back().soft, 32U);
}

TEST(PlanCommand, BadLimitsAreRefused) {
  for (const auto& [name, value, message] : std::initializer_list<std::array<const char*, 3>>{
           {"nofiles", "1", "unknown limit nofiles"}, {"nofile", "2:1", "limit nofile: the soft value is above the hard one"},
           {"nofile", "unlimited:1", "limit nofile: the soft value is above the hard one"}}) {
    profile::Profile profile;
    profile.ulimit = limits({{name, value}});
    const auto made = make_limits(profile);
    ASSERT_FALSE(made) << value;
    EXPECT_EQ(made.error().message, message);
  }
  profile::Profile nearly;
  nearly.ulimit = limits({{"nofiles", "1"}});
  EXPECT_NE(make_limits(nearly).error().hint.find("nofile"), std::string::npos);
  for (const char* value : {"", "x", "1:", ":1", "1:2:3", "1x"}) {
    nearly.ulimit = limits({{"nofile", value}});
    EXPECT_FALSE(make_limits(nearly)) << value;
  }
}

}  // namespace
}  // namespace plan
