// Sandboxes with a name, and the verbs that take one: each is run the way a user would, and bad input is refused in
// words, with nothing left behind.
#include "harness/surroundings.h"

#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace harness;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

class LifecycleTest : public SystemTest {
 protected:
  void TearDown() override {
    for (const Json& each : listed()) run_sbx({"rm", "--force", each["name"]});
    EXPECT_EQ(entries(), Words{});
    SystemTest::TearDown();
  }
  std::string place() const { return std::string(std::getenv("XDG_STATE_HOME")) + "/sbx/sandboxes"; }
  Words entries() const {
    Words out;
    if (fs::exists(place()))
      for (const auto& each : fs::directory_iterator(place())) out.push_back(each.path().filename());
    return out;
  }
  Json listed() {
    const Outcome outcome = run_sbx({"ps", "--all", "--json"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return Json::parse(outcome.out, nullptr, false);
  }
  Json inspected(const std::string& name) { return Json::parse(run_sbx({"inspect", name}).out, nullptr, false); }
  // Detached; its name is what is printed.
  void start(const std::string& name, const std::string& script = "exec sleep 1000") {
    const Outcome outcome = run_sbx({"-d", "--name", name, "--", "sh", "-c", script});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    ASSERT_EQ(outcome.out, name + "\n");
  }
  void expect_refused(const Outcome& outcome, const std::string& message) {
    EXPECT_EQ(outcome.status, 125);
    EXPECT_PRED2(contains, outcome.err, message);
  }
};

TEST_F(LifecycleTest, ANameIsListedWhileItRunsAndRememberedAfterwards) {
  Process process([&] {
    Command command = sbx({"--name", "web", "--", "sh", "-c", "echo up; read line; exit 3"});
    return command;
  }());
  process.send("");
  ASSERT_TRUE(process.wait_for("up\n"));
  EXPECT_TRUE(eventually([&] { return contains(run_sbx({"ps"}).out, "web   running"); }));
  const Json running = inspected("web");
  EXPECT_EQ(running["launcher"], process.pid());
  EXPECT_EQ(running["detached"], false);
  EXPECT_EQ(running["command"][0], "sh");
  process.send("\n");
  EXPECT_EQ(process.finish().status, 3);
  EXPECT_FALSE(contains(run_sbx({"ps"}).out, "web"));
  EXPECT_PRED2(contains, run_sbx({"ps", "-a"}).out, "web   ended 3");
  const Json ended = inspected("web");
  EXPECT_EQ(ended["exit"]["code"], 3);
  EXPECT_EQ(ended["report"]["exit"]["reason"], "exited");
  EXPECT_EQ(run_sbx({"rm", "web"}).status, 0);
  EXPECT_EQ(entries(), Words{});
}

TEST_F(LifecycleTest, WithoutANameNothingIsWritten) {
  EXPECT_EQ(run_sbx({"--", "true"}).status, 0);
  EXPECT_FALSE(fs::exists(place()));
}

TEST_F(LifecycleTest, DetachReturnsWhenTheCommandRunsAndKeepsItsOutput) {
  start("web", "echo out; echo err >&2; read line || echo no input; test -t 1 || echo no terminal; exec sleep 1000");
  EXPECT_TRUE(eventually([&] { return run_sbx({"logs", "web"}).out == "out\nerr\nno input\nno terminal\n"; })) << run_sbx({"logs", "web"}).out;
  const Json running = inspected("web");
  EXPECT_EQ(running["detached"], true);
  const pid_t launcher = running["launcher"];
  EXPECT_EQ(::getsid(launcher), launcher);
  EXPECT_EQ(run_sbx({"stop", "web"}).status, 0);
  EXPECT_EQ(inspected("web")["exit"]["code"], 143);
}

TEST_F(LifecycleTest, NothingOfTheCallersIsHeldByOneThatDetached) {
  // The shell waits for the end of what it captures.
  const Outcome outcome = run_shell("out=$(\"$sbx\" -d --name web -- sleep 1000 2>&1); echo \"got $out\"");
  EXPECT_EQ(outcome.out, "got web\n") << outcome.err;
  EXPECT_LT(outcome.elapsed, 10s);
}

TEST_F(LifecycleTest, DetachMakesANameUp) {
  const Outcome outcome = run_sbx({"-d", "--", "sleep", "1000"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("sbx-")) << outcome.out;
  EXPECT_EQ(run_sbx({"kill", outcome.out.substr(0, outcome.out.size() - 1)}).status, 0);
}

TEST_F(LifecycleTest, WhatCannotBeDetachedSaysSoAndLeavesNothing) {
  const Outcome missing = run_sbx({"-d", "--name", "web", "--", "/no/such/command"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_PRED2(contains, missing.err, "not found in the sandbox");
  EXPECT_EQ(run_sbx({"-d", "--name", "web", "--", "/etc/passwd"}).status, 126);
  expect_refused(run_sbx({"-d", "--name", "web", "--ro", "/no/such", "--", "true"}), "/no/such");
  expect_refused(run_sbx({"-d", "-t", "--name", "web", "--", "true"}), "a detached sandbox has no terminal");
  EXPECT_EQ(entries(), Words{});
}

TEST_F(LifecycleTest, LogsFollowUntilTheEnd) {
  start("web", "for i in 1 2 3; do echo $i; sleep 0.2; done; echo end");
  const Outcome followed = run_sbx({"logs", "-f", "web"});
  EXPECT_EQ(followed.status, 0);
  EXPECT_EQ(followed.out, "1\n2\n3\nend\n");
  expect_refused(run_sbx({"logs", "nobody"}), "no sandbox is named 'nobody'");
}

TEST_F(LifecycleTest, LogsAreBounded) {
  start("web", "head -c 30000000 /dev/zero | tr '\\0' x; echo; echo the end");
  const Outcome followed = run_sbx({"logs", "-f", "web"});
  EXPECT_EQ(followed.status, 0) << followed.err;
  EXPECT_TRUE(followed.out.ends_with("x\nthe end\n")) << followed.out.size() << followed.err << run_sbx({"inspect", "web"}).out;
  const Outcome kept = run_sbx({"logs", "web"});
  EXPECT_TRUE(kept.out.ends_with("x\nthe end\n"));
  EXPECT_LE(kept.out.size(), 17u << 20);
  EXPECT_GE(kept.out.size(), 8u << 20);
}

TEST_F(LifecycleTest, StopIsTermAndThenKill) {
  start("mild", "trap 'echo term; exit 7' TERM; echo up; while :; do sleep 0.05; done");
  start("stubborn", "trap '' TERM; echo up; while :; do sleep 0.05; done");
  for (const char* name : {"mild", "stubborn"}) ASSERT_TRUE(eventually([&] { return run_sbx({"logs", name}).out == "up\n"; })) << name;
  EXPECT_EQ(run_sbx({"stop", "--kill-after", "20s", "mild"}).status, 0);
  const Outcome stopped = run_sbx({"stop", "--kill-after", "200ms", "stubborn"});
  EXPECT_EQ(stopped.status, 0) << stopped.err;
  EXPECT_GE(stopped.elapsed, 200ms);
  EXPECT_EQ(inspected("mild")["exit"]["code"], 7);
  EXPECT_EQ(inspected("stubborn")["exit"]["code"], 137);
  expect_refused(run_sbx({"stop", "mild"}), "the sandbox 'mild' has ended");
}

TEST_F(LifecycleTest, KillSendsWhatIsAsked) {
  start("web", "trap 'echo usr1' USR1; trap 'exit 9' HUP; echo up; while :; do sleep 0.05; done");
  ASSERT_TRUE(eventually([&] { return contains(run_sbx({"logs", "web"}).out, "up"); }));
  EXPECT_EQ(run_sbx({"kill", "-s", "usr1", "web"}).status, 0);
  EXPECT_TRUE(eventually([&] { return contains(run_sbx({"logs", "web"}).out, "usr1"); }));
  expect_refused(run_sbx({"kill", "-s", "NONSENSE", "web"}), "'NONSENSE' is not a signal");
  EXPECT_EQ(run_sbx({"kill", "-s", "SIGHUP", "web"}).status, 0);
  EXPECT_TRUE(eventually([&] { return inspected("web")["status"] == "ended"; }));
  EXPECT_EQ(inspected("web")["exit"]["code"], 9);
  start("other");
  EXPECT_EQ(run_sbx({"kill", "other"}).status, 0);
  EXPECT_TRUE(eventually([&] { return inspected("other")["status"] == "ended"; }));
  EXPECT_EQ(inspected("other")["exit"]["code"], 137);
}

TEST_F(LifecycleTest, OneOfSeveralNamesDoesNotKeepTheOthers) {
  start("a");
  start("c");
  const Outcome outcome = run_sbx({"rm", "-f", "a", "b", "c"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "no sandbox is named 'b'");
  EXPECT_EQ(entries(), Words{});
}

TEST_F(LifecycleTest, RmRefusesWhatRuns) {
  start("web");
  expect_refused(run_sbx({"rm", "web"}), "the sandbox 'web' runs");
  EXPECT_EQ(run_sbx({"rm", "-f", "web"}).status, 0);
}

TEST_F(LifecycleTest, ANameInUseIsRefusedAndAnEndedOneIsTakenAnew) {
  start("web");
  expect_refused(run_sbx({"--name", "web", "--", "true"}), "the name 'web' is in use");
  expect_refused(run_sbx({"-d", "--name", "web", "--", "true"}), "the name 'web' is in use");
  EXPECT_EQ(run_sbx({"stop", "web"}).status, 0);
  EXPECT_EQ(run_sbx({"--name", "web", "--", "sh", "-c", "exit 4"}).status, 4);
  EXPECT_EQ(inspected("web")["exit"]["code"], 4);
}

TEST_F(LifecycleTest, BadNamesAreRefused) {
  for (const std::string& name : Words{"a/b", "..", "-x", "a b", "_a", std::string(64, 'a')}) {
    expect_refused(run_sbx({"--name=" + name, "--", "true"}), "' is not ");
    expect_refused(run_sbx({"stop", "--", name}), "is not the name of a sandbox");
    expect_refused(run_sbx({"inspect", "--", name}), "is not the name of a sandbox");
  }
  EXPECT_FALSE(fs::exists(place()));
}

TEST_F(LifecycleTest, OfTwoThatRaceOneWins) {
  for (int round = 0; round < 5; ++round) {
    const Command command = sbx({"--name", "web", "--", "sh", "-c", "echo up; read x"});
    Process first(command), second(command);
    first.send(""), second.send("");  // their inputs stay open
    const bool won = first.wait_for("up\n");
    EXPECT_NE(second.wait_for("up\n"), won);
    const Outcome a = first.finish(), b = second.finish();
    EXPECT_EQ(won ? a.status : b.status, 1) << a.err << b.err;
    EXPECT_EQ(won ? b.status : a.status, 125) << a.err << b.err;
  }
}

TEST_F(LifecycleTest, WhatAKilledLauncherLeftIsSwept) {
  start("web");
  const pid_t launcher = inspected("web")["launcher"];
  ASSERT_EQ(::kill(launcher, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return ::waitpid(launcher, nullptr, WNOHANG) != 0; }));
  EXPECT_EQ(entries(), Words{"web"});
  EXPECT_FALSE(contains(run_sbx({"ps", "--all"}).out, "web"));
  EXPECT_EQ(entries(), Words{});
  EXPECT_TRUE(eventually([] { return children().empty(); }));
}

TEST_F(LifecycleTest, APlaceThatCannotBeWrittenIsSaidAndNothingRuns) {
  if (::getuid() == 0) GTEST_SKIP() << "root writes everywhere";
  const std::string closed = dir.make("closed");
  ASSERT_EQ(::chmod(closed.c_str(), 0555), 0);
  Command command = sbx({"--name", "web", "--", "echo", "ran"});
  command.environment = {"XDG_STATE_HOME=" + closed};
  const Outcome outcome = run(command);
  expect_refused(outcome, "Permission denied");
  EXPECT_PRED2(contains, outcome.err, "hint: XDG_STATE_HOME=DIR");
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(fs::is_empty(closed));
}

TEST_F(LifecycleTest, AFullPlaceIsSaidAndNothingRuns) {
  const std::string full = dir.make("full");
  // In a mount namespace of its own: two pages, one of which is the directory of the state.
  const std::string script = "mount -t tmpfs -o size=4k,nr_inodes=40 none " + full + " && head -c 4096 /dev/zero >" + full +
                             "/fill; XDG_STATE_HOME=" + full + " \"$sbx\" --name web -- echo ran; echo status $?; ls -A " + full + "/sbx/sandboxes";
  const Outcome outcome = run_shell("unshare --user --map-root-user --mount sh -c '" + script + "'");
  if (contains(outcome.err, "unshare:") || contains(outcome.err, "mount:")) GTEST_SKIP() << outcome.err;
  EXPECT_EQ(outcome.out, "status 125\n") << outcome.err;
  EXPECT_PRED2(contains, outcome.err, "No space left on device");
}

TEST_F(LifecycleTest, WithoutAHomeThePlaceIsAskedFor) {
  Command command = sbx({"--name", "web", "--", "true"});
  command.environment = {"HOME=", "XDG_STATE_HOME="};
  expect_refused(run(command), "HOME is not set");
}

TEST_F(LifecycleTest, WithoutAGroupPauseSaysWhatIsMissing) {
  start("web");
  if (inspected("web").contains("cgroup")) GTEST_SKIP() << "a control group is delegated here";
  const Outcome outcome = run_sbx({"pause", "web"});
  expect_refused(outcome, "it has no control group to be frozen in");
  EXPECT_PRED2(contains, outcome.err, "hint: ");
  expect_refused(run_sbx({"update", "web", "-m", "1G"}), "it has no control group to be limited in");
}

TEST_F(LifecycleTest, PausedItStandsStillAndIsStoppedAllTheSame) {
  start("web", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done");
  if (!inspected("web").contains("cgroup")) GTEST_SKIP() << "no control group is delegated here";
  const std::string group = inspected("web")["cgroup"];
  EXPECT_EQ(run_sbx({"pause", "web"}).status, 0);
  EXPECT_PRED2(contains, run_sbx({"ps"}).out, "web   paused");
  ::usleep(200'000);  // what it said before is in the log
  const std::string before = run_sbx({"logs", "web"}).out;
  ::usleep(200'000);
  EXPECT_EQ(run_sbx({"logs", "web"}).out, before);
  expect_refused(run_sbx({"pause", "web"}), "it is already paused");
  EXPECT_EQ(run_sbx({"resume", "web"}).status, 0);
  expect_refused(run_sbx({"resume", "web"}), "it is not paused");
  EXPECT_TRUE(eventually([&] { return run_sbx({"logs", "web"}).out.size() > before.size(); }));
  EXPECT_EQ(run_sbx({"pause", "web"}).status, 0);
  EXPECT_EQ(run_sbx({"stop", "web"}).status, 0);
  EXPECT_EQ(inspected("web")["exit"]["code"], 143);
  EXPECT_FALSE(fs::exists(group));
}

TEST_F(LifecycleTest, APausedOneIsKilledAtOnceAndTakesOtherSignalsLater) {
  start("web", "trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done");
  ASSERT_TRUE(eventually([&] { return run_sbx({"logs", "web"}).out == "up\n"; }));
  if (!inspected("web").contains("cgroup")) GTEST_SKIP() << "no control group is delegated here";
  const std::string group = inspected("web")["cgroup"];
  EXPECT_EQ(run_sbx({"pause", "web"}).status, 0);
  EXPECT_EQ(run_sbx({"kill", "-s", "USR1", "web"}).status, 0);
  ::usleep(100'000);
  EXPECT_EQ(run_sbx({"logs", "web"}).out, "up\n");
  EXPECT_EQ(run_sbx({"resume", "web"}).status, 0);
  EXPECT_TRUE(eventually([&] { return run_sbx({"logs", "web"}).out == "up\nusr1\n"; }));
  // With it go the commands that came later, and their clients know.
  Process later(sbx({"exec", "web", "--", "sh", "-c", "echo up; exec sleep 1000"}));
  ASSERT_TRUE(later.wait_for("up\n"));
  EXPECT_EQ(run_sbx({"pause", "web"}).status, 0);
  EXPECT_EQ(run_sbx({"kill", "web"}).status, 0);
  EXPECT_TRUE(eventually([&] { return inspected("web")["status"] == "ended"; }));
  EXPECT_EQ(inspected("web")["exit"]["code"], 137);
  EXPECT_EQ(inspected("web")["report"]["exit"]["reason"], "signaled");
  EXPECT_EQ(later.finish().status, 137);
  EXPECT_FALSE(fs::exists(group));
}

TEST_F(LifecycleTest, APausedOneTakesTheEndThatItsLauncherIsAskedFor) {
  start("web");
  if (!inspected("web").contains("cgroup")) GTEST_SKIP() << "no control group is delegated here";
  EXPECT_EQ(run_sbx({"pause", "web"}).status, 0);
  ASSERT_EQ(::kill(inspected("web")["launcher"].get<pid_t>(), SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return inspected("web")["status"] == "ended"; }));
  EXPECT_EQ(inspected("web")["exit"]["code"], 143);
}

TEST_F(LifecycleTest, APausedOneEndsWithItsLauncher) {
  start("web");
  if (!inspected("web").contains("cgroup")) GTEST_SKIP() << "no control group is delegated here";
  const std::string group = inspected("web")["cgroup"];
  EXPECT_EQ(run_sbx({"pause", "web"}).status, 0);
  const pid_t launcher = inspected("web")["launcher"];
  ASSERT_EQ(::kill(launcher, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return ::waitpid(launcher, nullptr, WNOHANG) != 0; }));
  EXPECT_EQ(listed(), Json::array());
  EXPECT_FALSE(fs::exists(group));
  EXPECT_TRUE(eventually([] { return children().empty(); }));
}

TEST_F(LifecycleTest, AStrangersNamespaceIsNotAnswered) {
  start("web");
  const Outcome outcome = run_shell("unshare --user --map-current-user \"$sbx\" kill web");
  if (contains(outcome.err, "unshare:")) GTEST_SKIP() << outcome.err;
  expect_refused(outcome, "does not answer to this process");
  EXPECT_EQ(inspected("web")["status"], "running");
}

TEST_F(LifecycleTest, StatsSaysWhatIsUsed) {
  start("busy", "while :; do :; done");
  start("idle");
  Json all;
  ASSERT_TRUE(eventually([&] {
    all = Json::parse(run_sbx({"stats", "--json"}).out, nullptr, false);
    return all.size() == 2 && all[0]["cpu_s"] > 0.5;
  }, 60s)) << all;
  EXPECT_GT(all[0]["memory_bytes"], 100'000);
  EXPECT_EQ(all[0]["pids"], 1);
  EXPECT_LT(all[1]["cpu_s"], all[0]["cpu_s"].get<double>() / 2);
  EXPECT_PRED2(contains, run_sbx({"stats", "busy"}).out, "\nbusy  running");
  expect_refused(run_sbx({"stats", "nobody"}), "no sandbox 'nobody' runs");
}

TEST_F(LifecycleTest, TopIsAScreenThatIsGoneAfterwards) {
  start("web");
  Command command = sbx({"top"});
  command.terminal = true;
  for (const std::string key : {"q", "\3", "TERM"}) {
    Process top(command);
    ASSERT_TRUE(top.wait_for("web "));
    top.resize(10, 60);
    EXPECT_TRUE(top.wait_for("sbx: 1 sandbox runs"));
    key == "TERM" ? top.kill(SIGTERM) : top.send(key);
    const Outcome outcome = top.finish();
    EXPECT_EQ(outcome.status, 0);
    EXPECT_TRUE(outcome.out.starts_with("\033[?1049h\033[?25l")) << outcome.out;
    EXPECT_TRUE(outcome.out.ends_with("\033[?25h\033[?1049l")) << outcome.out;
  }
  expect_refused(run_sbx({"top"}), "sbx top needs a terminal");
}

// All its processes together, in what they do not share with others (PSS).
TEST_F(LifecycleTest, AnIdleOneIsSmall) {
  start("web");
  ::usleep(1'500'000);
  const pid_t launcher = inspected("web")["launcher"];
  const auto pss_of = [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("Pss:")) return std::atol(line.c_str() + 4);
    return 0L;
  };
  long sum = 0;
  std::vector<pid_t> all{launcher};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const pid_t child : children_of(all[i])) all.push_back(child);
    sum += pss_of(all[i]);
  }
  if (pss_of(launcher) == 0) GTEST_SKIP() << "only root may look at the memory of an undumpable process";
  EXPECT_LE(sum, 1536);
}

}  // namespace
