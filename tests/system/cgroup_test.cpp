// A control group of the sandbox's own, where one is delegated (tests/setup/with_cgroup.sh) but has no controllers: who
// is in it, its freezer, its end. What controllers do is tested in tests/vm.
#include "harness/surroundings.h"

#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace harness;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

// The line of version 2, of a process that may be gone.
std::string cgroup_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::")) return line.substr(3);
  return {};
}

// The launch of a test that runs beside this one may have removed it already.
bool is_empty(const std::string& leaf) {
  const std::string events = read_file(leaf + "/cgroup.events");
  return events.empty() || contains(events, "populated 0");
}

class CgroupTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    base_path_ = cgroup_of("self");
    if (const std::string leaf = "/supervisor"; base_path_.ends_with(leaf)) base_path_.resize(base_path_.size() - leaf.size());
    base_ = "/sys/fs/cgroup" + base_path_;
    struct stat found {};
    const bool ours = ::stat((base_ + "/cgroup.events").c_str(), &found) == 0 && ::stat((base_ + "/cgroup.procs").c_str(), &found) == 0 && found.st_uid == ::getuid();
    if (!ours) GTEST_SKIP() << "no control group is delegated to the tests: make test as root sees to it";
  }

  Command command(Words arguments) const {
    Command made = sbx(std::move(arguments));
    made.cwd = dir.path();
    return made;
  }
  // Of that launcher: usually one, or none.
  Words leaves_of(pid_t launcher) const {
    Words found;
    for (const auto& each : fs::directory_iterator(base_))
      if (each.path().filename().string().starts_with("sbx-" + std::to_string(launcher) + "-")) found.push_back(each.path());
    return found;
  }
  // A sandbox that runs until its input ends.
  struct Running {
    explicit Running(const Command& command) : process(command) {}
    Process process;
    std::string leaf;
  };
  std::unique_ptr<Running> start(Words options = {"--name", "try"}) const {
    options.insert(options.end(), {"--", "sh", "-c", "echo up; read line; exit 3"});
    auto made = std::make_unique<Running>(command(std::move(options)));
    made->process.send("");
    EXPECT_TRUE(made->process.wait_for("up\n")) << made->process.finish().err;
    const Words leaves = leaves_of(made->process.pid());
    EXPECT_EQ(leaves.size(), 1u);
    if (!leaves.empty()) made->leaf = leaves.front();
    return made;
  }
  static void freeze(const std::string& leaf) {
    std::ofstream(leaf + "/cgroup.freeze") << "1";
    EXPECT_TRUE(eventually([&] { return contains(read_file(leaf + "/cgroup.events"), "frozen 1"); }));
  }
  bool has_controller(const std::string& name) const { return contains(read_file(base_ + "/cgroup.controllers"), name); }

  std::string base_, base_path_;
};

TEST_F(CgroupTest, OneWithANameHasOneAndOneWithoutHasNone) {
  const auto active_of = [&](Words options) {
    const std::string file = dir / "report.json";
    options.insert(options.begin(), {"--report", file});
    options.insert(options.end(), {"--", "true"});
    const Outcome outcome = run_sbx(std::move(options));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return Json::parse(read_file(file))["active"]["cgroup"];
  };
  EXPECT_EQ(active_of({"--name", "try"}), "delegated");
  EXPECT_EQ(active_of({}), "none");
}

TEST_F(CgroupTest, ThePayloadIsInItAndTheLauncherIsNot) {
  const auto running = start();
  const pid_t launcher = running->process.pid();
  EXPECT_EQ(cgroup_of(std::to_string(launcher)), base_path_ + "/supervisor");
  const Words inside = [&] {
    Words pids;
    std::ifstream file(running->leaf + "/cgroup.procs");
    for (std::string line; std::getline(file, line);) pids.push_back(line);
    return pids;
  }();
  EXPECT_EQ(inside.size(), 2u);  // init and the shell
  for (const std::string& pid : inside) EXPECT_NE(pid, std::to_string(launcher));
  running->process.send("\n");
  EXPECT_EQ(running->process.finish().status, 3);
  EXPECT_EQ(leaves_of(launcher), Words{});
}

TEST_F(CgroupTest, TheNetworksEngineIsOutside) {
  const auto running = start({"--name", "try", "--net", "user"});
  std::size_t engines = 0;
  for (const pid_t child : children_of(running->process.pid())) engines += cgroup_of(std::to_string(child)) == base_path_ + "/supervisor";
  EXPECT_EQ(engines, 1u);
}

TEST_F(CgroupTest, InsideItIsTheRootAndCannotBeChanged) {
  const Outcome outcome = run_sbx({"--name", "try", "--", "sh", "-c",
                                   "cat /proc/self/cgroup; head -1 /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x; echo 1 >/sys/fs/cgroup/cgroup.freeze"});
  EXPECT_PRED2(contains, outcome.out, "0::/\n1\n");
  EXPECT_PRED2(contains, outcome.err, "Read-only file system");
  EXPECT_NE(outcome.status, 0);
}

// Where the file system can be mounted anew inside: no group can be made to outlive the sandbox.
TEST_F(CgroupTest, NothingIsMadeBelowIt) {
  if (!has_program("unshare")) GTEST_SKIP() << "unshare is not installed";
  Process process(command({"--name", "try", "--nested-userns", "--", "sh", "-c",
                           "unshare -UrmC sh -c 'mount -t cgroup2 none /tmp && echo mounted && mkdir /tmp/below'; echo $?"}));
  const pid_t launcher = process.pid();
  const Outcome outcome = process.finish();
  EXPECT_PRED2(contains, outcome.out, "mounted\n1\n") << outcome.err;
  EXPECT_EQ(leaves_of(launcher), Words{});
}

TEST_F(CgroupTest, WhoMountsItCannotChangeItsLimits) {
  if (!has_program("unshare")) GTEST_SKIP() << "unshare is not installed";
  Process process(command({"--name", "try", "--nested-userns", "--", "sh", "-c",
                           "unshare -UrmC sh -c 'mount -t cgroup2 none /tmp && echo 0 >/tmp/cgroup.max.depth; cat /tmp/cgroup.max.depth'; echo up; read line"}));
  process.send("");
  ASSERT_TRUE(process.wait_for("up\n")) << process.finish().err;
  const Words leaves = leaves_of(process.pid());
  ASSERT_EQ(leaves.size(), 1u);
  EXPECT_EQ(read_file(leaves.front() + "/cgroup.max.depth"), "max\n");
  process.kill(SIGKILL);
  process.finish();
  EXPECT_TRUE(eventually([&] { return is_empty(leaves.front()); }));
  EXPECT_EQ(run_sbx({"--name", "try", "--", "true"}).status, 0);
  EXPECT_FALSE(fs::exists(leaves.front()));
}

// Whether or not there is a group inside the limited one.
TEST_F(CgroupTest, AFurtherCommandIsWhereTheFirstIs) {
  for (const Words& options : {Words{"--name", "try"}, Words{"--name", "try", "--nested-userns"}}) {
    const auto running = start(options);
    const Outcome outcome = run_sbx({"exec", "try", "--", "sh", "-c", "tail -1 /proc/self/cgroup; grep -c . /sys/fs/cgroup/cgroup.procs"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("0::/\n")) << outcome.out;
    running->process.send("\n");
    EXPECT_EQ(running->process.finish().status, 3);
    EXPECT_FALSE(fs::exists(running->leaf));
  }
}

TEST_F(CgroupTest, WhatWasUsedIsReported) {
  const std::string file = dir / "report.json";
  const Outcome outcome = run_sbx({"--name", "try", "--stats", "--report", file, "--", "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const Json json = Json::parse(read_file(file));
  EXPECT_GT(json["cpu"]["user_s"].get<double>(), 0.01);
  EXPECT_EQ(json["exit"]["reason"], "exited");
  if (fs::exists(base_ + "/cpu.pressure")) { EXPECT_GE(json["pressure"]["cpu"]["some_s"].get<double>(), 0); }
  EXPECT_EQ(json.contains("pids"), has_controller("pids"));
  EXPECT_PRED2(contains, outcome.err, "; cgroup delegated");
}

// Background processes are in it too, and end with it.
TEST_F(CgroupTest, NoneIsLeftHoweverItEnds) {
  struct Way {
    Words options, command;
    int status;
  };
  for (const Way& way : {Way{{}, {"sh", "-c", "sleep 60 & exit 4"}, 4}, Way{{}, {"sh", "-c", "kill -KILL $$"}, 137}, Way{{}, {"no-such-command"}, 127},
                         Way{{"--timeout", "100ms"}, {"sleep", "60"}, 124}, Way{{"--ro", "/no/such/place"}, {"true"}, 125},
                         Way{{"--timeout", "100ms", "--kill-after", "100ms"}, {"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, 124}}) {
    Words arguments{"--name", "try"};
    arguments.insert(arguments.end(), way.options.begin(), way.options.end());
    arguments.push_back("--");
    arguments.insert(arguments.end(), way.command.begin(), way.command.end());
    Process process(command(std::move(arguments)));
    const pid_t launcher = process.pid();
    EXPECT_EQ(process.finish().status, way.status) << way.command.back();
    EXPECT_EQ(leaves_of(launcher), Words{}) << way.command.back();
  }
}

TEST_F(CgroupTest, AKillFromOutsideIsNoWantOfMemory) {
  const std::string file = dir / "report.json";
  const auto running = start({"--name", "try", "--report", file});
  std::ofstream(running->leaf + "/cgroup.kill") << "1";
  EXPECT_EQ(running->process.finish().status, 137);
  EXPECT_EQ(Json::parse(read_file(file))["exit"]["reason"], "signaled");
  EXPECT_FALSE(fs::exists(running->leaf));
}

TEST_F(CgroupTest, ALauncherKilledWhileItIsFrozenLeavesNothing) {
  auto running = start();
  const std::string leaf = running->leaf;
  freeze(leaf);
  running->process.kill(SIGKILL);
  EXPECT_EQ(running->process.finish().signal, SIGKILL);
  EXPECT_TRUE(eventually([&] { return is_empty(leaf); }));
  // The next one clears up after it, and leaves those alone whose launcher lives.
  const auto other = start({"--name", "other"});
  EXPECT_EQ(run_sbx({"--name", "try", "--", "true"}).status, 0);
  EXPECT_FALSE(fs::exists(leaf));
  EXPECT_TRUE(fs::exists(other->leaf));
}

TEST_F(CgroupTest, ManyAtOnce) {
  std::vector<std::unique_ptr<Process>> all;
  std::vector<pid_t> launchers;
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::make_unique<Process>(command({"--name", "try" + std::to_string(i), "--", "sh", "-c", "exit 9"})));
    launchers.push_back(all.back()->pid());
  }
  for (const auto& each : all) EXPECT_EQ(each->finish().status, 9);
  for (const pid_t launcher : launchers) EXPECT_EQ(leaves_of(launcher), Words{});
}

TEST_F(CgroupTest, AParentByName) {
  const std::string parent = base_ + "/mine." + std::to_string(::getpid());
  ASSERT_TRUE(fs::create_directory(parent));
  const std::string path = base_path_ + "/mine." + std::to_string(::getpid());
  {
    Process process(command({"--set", "resources.parent=" + path, "--", "sh", "-c", "echo up; read line"}));
    process.send("");
    EXPECT_TRUE(process.wait_for("up\n")) << process.finish().err;
    std::size_t leaves = 0;
    for (const auto& each : fs::directory_iterator(parent)) leaves += each.path().filename().string().starts_with("sbx-" + std::to_string(process.pid()));
    EXPECT_EQ(leaves, 1u);
    process.close_input();
    process.finish();
  }
  EXPECT_TRUE(fs::remove(parent)) << "not empty";
  const Outcome not_ours = run_sbx({"--set", "resources.parent=/", "--", "true"});
  EXPECT_EQ(not_ours.status, 125);
  EXPECT_PRED2(contains, not_ours.err, "control group / is not yours to divide");
  EXPECT_EQ(run_sbx({"--set", "resources.parent=/no/such", "--", "true"}).status, 125);
}

TEST_F(CgroupTest, ALimitWithoutItsControllerIsRefusedWithTheFix) {
  if (has_controller("cpuset")) GTEST_SKIP() << "every controller is here";
  Process process(command({"--cpuset-cpus", "0", "--", "sh", "-c", "echo ran"}));
  const pid_t launcher = process.pid();
  const Outcome outcome = process.finish();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_EQ(outcome.out, "");
  EXPECT_PRED2(contains, outcome.err, "controller cpuset is not delegated");
  EXPECT_PRED2(contains, outcome.err, fs::exists("/run/systemd/system") ? "Delegate=cpu cpuset io memory pids" : "cgroup.subtree_control");
  EXPECT_EQ(leaves_of(launcher), Words{});
}

TEST_F(CgroupTest, OrGoneWithoutWhereTheProfileSaysSo) {
  if (has_controller("cpuset")) GTEST_SKIP() << "every controller is here";
  const std::string file = dir / "report.json";
  const Outcome outcome = run_sbx({"--cpuset-cpus", "0", "--set", "resources.on_unavailable=warn", "--report", file, "--", "sh", "-c", "echo ran"});
  EXPECT_EQ(outcome.out, "ran\n");
  EXPECT_PRED2(contains, outcome.err, "controller cpuset is not delegated");
  EXPECT_EQ(Json::parse(read_file(file))["degraded"], (Words{"cpuset.cpus"}));
}

using CgroupNone = SystemTest;

// Of every machine: nothing has to be delegated for these.
TEST_F(CgroupNone, ValuesThatAreNone) {
  for (const auto& [option, value] : {std::pair("-m", "0"), {"-m", "lots"}, {"--memory-swap", "1G"}, {"--cpus", "0"}, {"--cpus", "-1.5"}, {"--pids-limit", "0"},
                                      {"--cpuset-cpus", "3-1"}, {"--cpu-weight", "0"}, {"--io-max", "/dev/null"}, {"--io-max", "/dev/null rbps=0"}, {"--qos", "best"}}) {
    const Outcome outcome = run_sbx({option, value, "--", "sh", "-c", "echo ran"});
    EXPECT_EQ(outcome.status, 125) << option << " " << value;
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
