// Names: one holder at a time, whatever was left before; what nobody holds is ended or swept.
#include "supervise/state.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

namespace supervise {
namespace {

namespace fs = std::filesystem;

class SuperviseState : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/sbx-state-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    place_ = top_ + "/state/sbx/sandboxes";
  }
  void TearDown() override {
    for (const pid_t child : children_) ::kill(child, SIGKILL), ::waitpid(child, nullptr, 0);
    fs::remove_all(top_);
  }
  // A launcher: holds the name, as its own process, until it is told to do `last`, or killed.
  struct Launcher { pid_t pid; int told; };
  Launcher launch(const std::string& name, const std::function<void(State&)>& last = {}) {
    int ready[2], told[2];
    EXPECT_EQ(::pipe(ready) + ::pipe(told), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(told[1]);
      auto state = take_name(place_, name, Record{.status = Status::running, .command = {"sleep"}, .profiles = {}, .workdir = {}, .joined = {}, .cgroup = {}, .reason = {}});
      char byte = state ? 'y' : 'n';
      if (::write(ready[1], &byte, 1) != 1 || ::read(told[0], &byte, 1) < 0) ::_exit(2);
      if (last) last(*state);
      ::_exit(0);
    }
    char taken = 'n';
    ::close(told[0]), ::close(ready[1]);
    EXPECT_EQ(::read(ready[0], &taken, 1), 1);
    EXPECT_EQ(taken, 'y') << name;
    ::close(ready[0]);
    children_.push_back(child);
    return {child, told[1]};
  }
  void finish(const Launcher& launcher) {
    ::close(launcher.told);
    ::waitpid(launcher.pid, nullptr, 0);
    std::erase(children_, launcher.pid);
  }
  Result<State> take(const std::string& name) { return take_name(place_, name, {}); }

  std::string top_, place_;
  std::vector<pid_t> children_;
};

TEST_F(SuperviseState, OneProcessHoldsAName) {
  const Launcher launcher = launch("web");
  const auto second = take("web");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "the name 'web' is in use by a running sandbox");
  EXPECT_NE(second.error().hint, "");
  EXPECT_TRUE(take("other"));
  const auto found = find_sandbox(place_, "web");
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->alive);
  EXPECT_EQ((*found)->launcher, launcher.pid);
  EXPECT_EQ((*found)->record.command, std::vector<std::string>{"sleep"});
  EXPECT_EQ(*remove_state(place_, "web"), false);
}

TEST_F(SuperviseState, AKilledLaunchersIsSwept) {
  const Launcher launcher = launch("web");
  ::kill(launcher.pid, SIGKILL);
  finish(launcher);
  EXPECT_TRUE(fs::exists(place_ + "/web/record"));
  const auto found = find_sandboxes(place_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
  EXPECT_TRUE(fs::is_empty(place_));
}

TEST_F(SuperviseState, AnEndedOnesStaysUntilItIsRemovedOrTakenAnew) {
  finish(launch("web", [](State& state) { static_cast<void>(end_state(state, "{}").has_value()); }));
  auto found = find_sandbox(place_, "web");
  ASSERT_TRUE(found && *found);
  EXPECT_FALSE((*found)->alive);
  EXPECT_EQ((*found)->record.status, Status::ended);
  EXPECT_FALSE(fs::exists(place_ + "/web/control"));
  EXPECT_TRUE(fs::exists(place_ + "/web/report.json"));
  EXPECT_EQ(connect_to(place_, "web").error().message, "the sandbox 'web' has ended");
  const auto again = take("web");
  ASSERT_TRUE(again);
  EXPECT_FALSE(fs::exists(place_ + "/web/report.json"));
  EXPECT_TRUE(fs::exists(place_ + "/web/control"));
}

TEST_F(SuperviseState, RemovingAndDroppingLeaveNothing) {
  finish(launch("web", [](State& state) { static_cast<void>(end_state(state, "{}").has_value()); }));
  EXPECT_EQ(*remove_state(place_, "web"), true);
  auto state = take("other");
  ASSERT_TRUE(state);
  EXPECT_TRUE(drop_state(*state));
  EXPECT_TRUE(fs::is_empty(place_));
  EXPECT_EQ(remove_state(place_, "web").error().message, "no sandbox is named 'web'");
  EXPECT_EQ(connect_to(place_, "web").error().message, "no sandbox is named 'web'");
}

TEST_F(SuperviseState, NamesAreChecked) {
  for (const std::string& name : std::vector<std::string>{"", ".", "..", "a/b", "-x", "_x", "a b", "a\n", std::string(64, 'a')}) {
    EXPECT_FALSE(take(name)) << name;
    EXPECT_FALSE(find_sandbox(place_, name)) << name;
    EXPECT_FALSE(remove_state(place_, name)) << name;
  }
  EXPECT_TRUE(take(std::string(63, 'a')));
}

// Of many that race for one name exactly one wins, while others sweep what is left of the one before.
TEST_F(SuperviseState, OneOfManyWins) {
  for (int round = 0; round < 20; ++round) {
    const Launcher killed = launch("web");
    ::kill(killed.pid, SIGKILL);
    finish(killed);
    int start[2], results[2], end[2];
    ASSERT_EQ(::pipe(start) + ::pipe(results) + ::pipe(end), 0);
    std::vector<pid_t> racers;
    for (int i = 0; i < 6; ++i) {
      racers.push_back(::fork());
      if (racers.back() != 0) continue;
      ::close(start[1]), ::close(end[1]);
      char byte = 0;
      if (::read(start[0], &byte, 1) < 0) ::_exit(2);
      auto state = i < 4 ? take_name(place_, "web", Record{}) : Result<State>(std::unexpected<Error>(Error{}));
      if (i >= 4) static_cast<void>(find_sandboxes(place_).has_value());
      byte = state ? 'y' : 'n';
      if (::write(results[1], &byte, 1) != 1 || ::read(end[0], &byte, 1) < 0) ::_exit(2);
      ::_exit(0);
    }
    ::close(start[0]), ::close(start[1]), ::close(end[0]), ::close(results[1]);
    int winners = 0;
    char byte = 0;
    for (std::size_t i = 0; i < racers.size(); ++i) {
      ASSERT_EQ(::read(results[0], &byte, 1), 1);
      winners += byte == 'y';
    }
    EXPECT_EQ(winners, 1);
    ::close(end[1]), ::close(results[0]);
    for (const pid_t racer : racers) ::waitpid(racer, nullptr, 0);
  }
}

TEST_F(SuperviseState, APlaceThatCannotBeWrittenIsAnErrorAndStaysAsItIs) {
  if (::getuid() == 0) GTEST_SKIP() << "root writes everywhere";
  fs::create_directories(place_);
  fs::permissions(place_, fs::perms::owner_read | fs::perms::owner_exec);
  const auto refused = take("web");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("Permission denied"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().hint.find("XDG_STATE_HOME"), std::string::npos);
  fs::permissions(place_, fs::perms::owner_all);
  EXPECT_TRUE(fs::is_empty(place_));
}

TEST_F(SuperviseState, WhereItIs) {
  EXPECT_EQ(*sandboxes_directory("/x/state", "/home/u"), "/x/state/sbx/sandboxes");
  EXPECT_EQ(*sandboxes_directory(nullptr, "/home/u"), "/home/u/.local/state/sbx/sandboxes");
  EXPECT_EQ(*sandboxes_directory("relative", "/home/u"), "/home/u/.local/state/sbx/sandboxes");
  const auto none = sandboxes_directory("", nullptr);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().hint.find("XDG_STATE_HOME"), std::string::npos);
}

}  // namespace
}  // namespace supervise
