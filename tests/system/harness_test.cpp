// The harness itself: what it says about programs whose behaviour is known.
#include "harness/surroundings.h"

#include <filesystem>
#include <signal.h>
#include <unistd.h>

using namespace harness;

TEST(Harness, KeepsOutputsApartAndTheStatus) {
  const Outcome outcome = run({.argv = {"sh", "-c", "echo out; echo err >&2; exit 7"}});
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.signal, 0);
}

TEST(Harness, TellsASignalFromAStatus) {
  const Outcome outcome = run({.argv = {payload("probe"), "signal", "15"}});
  EXPECT_EQ(outcome.status, -1);
  EXPECT_EQ(outcome.signal, SIGTERM);
}

TEST(Harness, PassesMoreInputThanAPipeHolds) {
  std::string input;
  for (int i = 0; i < 1 << 20; ++i) input += static_cast<char>(i * 31);
  const Outcome outcome = run({.argv = {"cat"}, .input = input});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.out == input);
}

TEST(Harness, SurvivesAProgramThatDoesNotRead) {
  EXPECT_EQ(run({.argv = {"true"}, .input = std::string(1 << 20, 'x')}).status, 0);
}

TEST(Harness, EndsWhatTakesTooLong) {
  const Outcome outcome = run({.argv = {"sleep", "60"}, .timeout = 200ms});
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_LT(outcome.elapsed, 10s);
}

TEST(Harness, DoesNotWaitForAGrandchildThatKeepsTheOutput) {
  const Outcome outcome = run({.argv = {"sh", "-c", "sleep 3 & echo done"}});
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_LT(outcome.elapsed, 2s);
}

TEST(Harness, GivesACleanEnvironmentAndTheDirectory) {
  const TempDir dir;
  const Outcome outcome =
      run({.argv = {payload("probe"), "environment", "and", "cwd", "and", "fds"}, .cwd = dir.path(), .environment = {"X=1"}});
  EXPECT_EQ(value_of(outcome, "cwd"), dir.path());
  const Words environment = values_of(outcome, "env");
  EXPECT_NE(std::find(environment.begin(), environment.end(), "X=1"), environment.end());
  EXPECT_EQ(environment.size(), clean_environment().size() + 1);
  EXPECT_EQ(values_of(outcome, "fd").size(), 3U) << outcome.out;
}

TEST(Harness, StartsWithDescriptorsClosed) {
  EXPECT_EQ(run({.argv = {"sh", "-c", "[ ! -e /proc/self/fd/1 ] || exit 3"}, .inherit_nothing = true}).status, 0);
}

TEST(Harness, TerminalHasSizeEchoAndInterrupt) {
  Process shell({.argv = {"sh", "-c", "stty size; read line; echo got $line; stty size; sleep 60"}, .terminal = true});
  ASSERT_TRUE(shell.wait_for("24 80")) << shell.out();
  shell.resize(30, 100);
  shell.send("hello\n");
  EXPECT_TRUE(shell.wait_for("got hello")) << shell.out();
  EXPECT_TRUE(shell.wait_for("30 100")) << shell.out();
  ::usleep(1'000'000);  // a shell that is about to start a program may miss it
  shell.send("\x03");
  EXPECT_EQ(shell.finish().signal, SIGINT);
}

TEST(Harness, SeesAStop) {
  Process sleeper({.argv = {"sh", "-c", "echo ready; sleep 60"}, .terminal = true});
  ASSERT_TRUE(sleeper.wait_for("ready"));
  sleeper.kill(SIGSTOP);
  EXPECT_TRUE(sleeper.wait_stopped());
  sleeper.kill(SIGCONT);
  sleeper.kill(SIGTERM);
  EXPECT_EQ(sleeper.finish().signal, SIGTERM);
}

TEST(Harness, TreeShowsEveryKindOfChange) {
  const TempDir dir;
  dir.write("kept", "1"), dir.write("changed", "1"), dir.write("gone", "1"), dir.write("mode", "1");
  const Tree before = read_tree(dir.path());
  EXPECT_EQ(changes(before, read_tree(dir.path())), "");
  dir.write("changed", "2"), dir.write("new/file", "1");
  std::filesystem::remove(dir / "gone");
  std::filesystem::permissions(dir / "mode", std::filesystem::perms::owner_read);
  EXPECT_EQ(changes(before, read_tree(dir.path())), "~.\n~changed\n-gone\n~mode\n+new\n+new/file\n");
}

TEST(Harness, ATempDirLeavesNothing) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    dir.write("a/b/c", "1");
    std::filesystem::permissions(dir / "a/b", std::filesystem::perms::none);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Harness, FindsProcessesByTheirMarker) {
  const std::string marker = "harness-marker-" + std::to_string(::getpid());
  EXPECT_TRUE(processes_with(marker).empty());
  Process sleeper({.argv = {payload("probe"), "sleep", "60", marker}});
  EXPECT_TRUE(eventually([&] { return processes_with(marker).size() == 1; }));
  EXPECT_EQ(children().size(), 1U);
  sleeper.kill(SIGKILL);
  EXPECT_EQ(sleeper.finish().signal, SIGKILL);
  EXPECT_TRUE(children().empty());
}

// The leftover check must bite: an orphan of what was run counts.
class LeftoverTest : public SystemTest {};

TEST_F(LeftoverTest, AnOrphanBecomesOurChild) {
  EXPECT_EQ(run({.argv = {"sh", "-c", "sleep 60 >/dev/null 2>&1 &"}}).status, 0);
  const auto left = children();
  ASSERT_EQ(left.size(), 1U);
  ::kill(left[0], SIGKILL);
}
