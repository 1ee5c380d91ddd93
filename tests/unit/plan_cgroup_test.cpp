// From keys of [resources] to control files.
#include "plan/cgroup.h"

#include "plan/describe.h"
#include "plan/make.h"
#include "profile/set.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace plan {
namespace {

using Words = std::vector<std::string>;

Host make_host() {
  Host host;
  host.uid = host.gid = 1000;
  host.user = host.group = "ann";
  host.home = "/home/ann";
  host.cwd = host.project = "/srv/work";
  host.kernel_major = 6;
  return host;
}

profile::Profile asking(const Words& settings) {
  profile::Profile profile;
  for (const std::string& setting : settings) {
    const auto done = profile::set(profile, setting, {"test"});
    EXPECT_TRUE(done) << setting << ": " << done.error().message;
  }
  return profile;
}

// "memory.max=1048576", with a "?" at the end of what is not required.
Words settings_of(const Words& asked) {
  const auto cgroup = make_cgroup(asking(asked), make_host());
  EXPECT_TRUE(cgroup) << cgroup.error().message;
  Words out;
  for (const CgroupSetting& each : cgroup->settings)
    out.push_back(text(each.file, "=", each.device, each.device.empty() ? "" : " ", each.value, each.required ? "" : "?"));
  return out;
}

std::string refusal(const Words& asked) {
  const auto cgroup = make_cgroup(asking(asked), make_host());
  return cgroup ? "" : cgroup.error().message;
}

TEST(PlanCgroup, NothingAskedNothingNeeded) {
  const auto cgroup = make_cgroup({}, make_host());
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->need, CgroupNeed::none);
  EXPECT_EQ(make_cgroup(asking({"sandbox.name=web"}), make_host())->need, CgroupNeed::welcome);
  EXPECT_EQ(make_cgroup(asking({"sandbox.name=web", "resources.pids=9"}), make_host())->need, CgroupNeed::required);
  EXPECT_EQ(make_cgroup(asking({"resources.parent=/x"}), make_host())->need, CgroupNeed::required);
}

TEST(PlanCgroup, AMemoryLimitIsNoLimitOfMemoryAndSwap) {
  EXPECT_EQ(settings_of({"resources.memory=2M"}), (Words{"memory.swap.max=0?", "memory.max=2097152", "memory.oom.group=1?"}));
  EXPECT_EQ(settings_of({"resources.memory=2M", "resources.swap=1M"})[0], "memory.swap.max=1048576");
  EXPECT_EQ(settings_of({"resources.memory=2M", "resources.swap=total:2M"})[0], "memory.swap.max=0");
  EXPECT_EQ(settings_of({"resources.memory=2M", "resources.swap=total:3M"})[0], "memory.swap.max=1048576");
  EXPECT_EQ(settings_of({"resources.memory=2M", "resources.swap=max"}), (Words{"memory.max=2097152", "memory.oom.group=1?"}));
  EXPECT_NE(refusal({"resources.swap=total:3M"}), "");
  EXPECT_NE(refusal({"resources.memory=2M", "resources.swap=total:1M"}), "");
}

TEST(PlanCgroup, MaxLiftsWhatWasSetAndNeedsNothing) {
  EXPECT_EQ(make_cgroup(asking({"resources.memory=max", "resources.cpus=max", "resources.pids=max"}), make_host())->need, CgroupNeed::none);
  const auto lifted = make_cgroup_settings(asking({"resources.memory=max", "resources.cpus=max", "resources.pids=max"}), make_host());
  ASSERT_EQ(lifted->size(), 3u);
  for (const CgroupSetting& each : *lifted) EXPECT_TRUE(each.value.starts_with("max")) << each.file;
}

TEST(PlanCgroup, Processors) {
  EXPECT_EQ(settings_of({"resources.cpus=1.5", "resources.cpu_burst=20ms", "resources.cpu_weight=50"}),
            (Words{"cpu.max=150000 100000", "cpu.max.burst=20000", "cpu.weight=50"}));
  EXPECT_EQ(settings_of({"resources.cpu_idle=true", "resources.cpuset=3,1-2"}), (Words{"cpu.idle=1", "cpuset.cpus=1-3"}));
  EXPECT_NE(refusal({"resources.cpu_burst=20ms"}), "");
  EXPECT_NE(refusal({"resources.cpu_burst=200ms", "resources.cpus=1"}), "");
  EXPECT_NE(refusal({"resources.cpu_idle=true", "resources.cpu_weight=5"}), "");
}

TEST(PlanCgroup, InitIsNotTheUsersToCount) { EXPECT_EQ(settings_of({"resources.pids=1"}), (Words{"pids.max=2"})); }

TEST(PlanCgroup, DevicesByPathAndNumber) {
  EXPECT_EQ(settings_of({"resources.io_max=+8:0 rbps=1K", "resources.io_max=+~/x wiops=5", "resources.io_weight=200"}),
            (Words{"io.max=8:0 rbps=1024", "io.max=/home/ann/x wiops=5", "io.weight=200"}));
}

TEST(PlanCgroup, Qualities) {
  EXPECT_EQ(settings_of({"resources.qos=guaranteed", "resources.memory=10M", "resources.cpus=0.5"}),
            (Words{"memory.min=10485760", "memory.swap.max=0?", "memory.max=10485760", "memory.oom.group=1?", "cpu.max=50000 100000", "cpu.weight=50"}));
  EXPECT_NE(refusal({"resources.qos=guaranteed"}), "");
  EXPECT_NE(refusal({"resources.qos=guaranteed", "resources.memory=1G", "resources.cpus=1", "resources.cpu_burst=1ms"}), "");
  EXPECT_EQ(settings_of({"resources.qos=burstable", "resources.memory=10M", "resources.cpus=2"}),
            (Words{"memory.swap.max=0?", "memory.high=9437184", "memory.max=10485760", "memory.oom.group=1?", "cpu.max=200000 100000", "cpu.max.burst=200000?"}));
  const auto batch = make_cgroup(asking({"resources.qos=batch", "resources.memory=10M"}), make_host());
  EXPECT_EQ(batch->oom_score_adj, 1000);
  EXPECT_EQ(settings_of({"resources.qos=batch"}), (Words{"cpu.idle=1", "io.prio.class=idle?"}));
  EXPECT_NE(refusal({"resources.qos=batch", "resources.cpu_weight=5"}), "");
}

TEST(PlanCgroup, ControllersOfWhatIsRequired) {
  const auto cgroup = make_cgroup(asking({"resources.memory=2M", "resources.cpus=1", "resources.cpu_weight=9", "resources.io_weight=1"}), make_host());
  EXPECT_EQ(controllers_of(cgroup->settings), (Words{"memory", "cpu", "io"}));
  EXPECT_EQ(controllers_of(make_cgroup(asking({"resources.qos=batch"}), make_host())->settings), (Words{"cpu"}));
}

// The mount that shows it stands in the plan only with it.
TEST(PlanCgroup, ThePlanSaysSo) {
  const auto lines_of = [](const Words& asked) {
    const auto plan = make(asking(asked), make_host(), {"x"});
    EXPECT_TRUE(plan) << plan.error().message;
    return describe_text(*plan);
  };
  EXPECT_EQ(lines_of({}).find("cgroup2"), std::string::npos);
  const std::string named = lines_of({"sandbox.name=web"});
  EXPECT_NE(named.find("cgroup2   /sys/fs/cgroup"), std::string::npos) << named;
  EXPECT_NE(named.find("cgroup      welcome   delegated"), std::string::npos) << named;
  const std::string limited = lines_of({"resources.memory=2M", "resources.on_unavailable=warn", "resources.parent=/mine"});
  for (const char* part : {"cgroup      required  /mine", "memory.max", "what is missing is a note"}) EXPECT_NE(limited.find(part), std::string::npos) << limited;
  EXPECT_EQ(lines_of({"resources.memory=2M", "network.mode=host", "security.allow_degraded=+abstract-sockets"}).find("cgroup2"), std::string::npos);
}

}  // namespace
}  // namespace plan
