// Every call of a sandbox that joins another fails once, by its index, in each of its processes: it ends with 125 and a
// sentence that names the step, nothing is left of it, and the sandbox it joined goes on without its name. So it does
// when the process is killed there.
#include "harness/surroundings.h"

#include <filesystem>
#include <memory>
#include <signal.h>
#include <sys/wait.h>

using namespace harness;

namespace {

struct Role { const char *name, *shared; };
void PrintTo(const Role& role, std::ostream* out) { *out << role.name << " of --join web:" << role.shared; }

class JoinFailpoint : public SystemTest, public testing::WithParamInterface<Role> {
 protected:
  std::string log() const { return dir / "fired"; }
  std::string state() const { return "XDG_STATE_HOME=" + (dir / "state"); }

  Outcome join(int index, const Words& more) const {
    std::filesystem::remove(log());
    Command command{.argv = {sbx_failpoints_binary(), "--join", std::string("web:") + GetParam().shared, "--hostname", "b", "--", "true"},
                    .environment = {state(), "SBX_FAIL=" + std::string(GetParam().name) + ":" + std::to_string(index), "SBX_FAIL_LOG=" + log()},
                    .timeout = 20s};
    command.environment.insert(command.environment.end(), more.begin(), more.end());
    return run(command);
  }

  void expect_it_goes_on(const std::string& when) {
    const auto alone = [this] {
      // As the machine's own init does: one of another namespace that nobody waited for would keep that alive.
      for (const pid_t pid : children_of(::getpid())) {
        if (pid != web_->pid()) ::waitpid(pid, nullptr, WNOHANG);
      }
      return children() == std::vector{web_->pid()};
    };
    EXPECT_TRUE(eventually(alone)) << when << ": a process is left";
    const auto forgotten = [&] { return read_hosts().find("127.0.0.1 b\n") == std::string::npos; };
    EXPECT_TRUE(eventually(forgotten)) << when << ": its name is left";
  }

  // Whether it fired.
  bool fail_at(int index) {
    const Outcome outcome = join(index, {});
    const std::string fired = read_file(log());
    const std::string when = fired.empty() ? "no failure" : fired.substr(0, fired.size() - 1);
    EXPECT_FALSE(outcome.timed_out) << when;
    const bool is_exec = fired.find("::execve(") != std::string::npos;
    EXPECT_EQ(outcome.status, fired.empty() ? 0 : is_exec ? 126 : 125) << when << "\n" << outcome.err;
    const bool named = contains(outcome.err, "Input/output error") || contains(outcome.err, "without a word") || contains(outcome.err, "what mounts /proc");
    EXPECT_TRUE(fired.empty() || named) << when << "\n" << outcome.err;
    expect_it_goes_on(when);
    return !fired.empty();
  }

  bool kill_at(int index) {
    const Outcome outcome = join(index, {"SBX_FAIL_KILL=1"});
    const std::string when = read_file(log()), role = GetParam().name;
    EXPECT_FALSE(outcome.timed_out) << when;
    if (when.empty()) { EXPECT_EQ(outcome.status, 0) << outcome.err; }
    else if (role == "launcher") { EXPECT_EQ(outcome.signal, SIGKILL) << when << outcome.err; }
    else { EXPECT_TRUE(outcome.status == 125 || outcome.status == 128 + SIGKILL) << outcome.status << when << outcome.err; }
    expect_it_goes_on(when);
    return !when.empty();
  }
  template <class Attempt>
  void for_calls(const Attempt& attempt) {
    web_ = std::make_unique<Process>(Command{.argv = {sbx_binary(), "--name", "web", "--", "sh", "-c", "echo up; exec sleep 600"}, .environment = {state()}});
    ASSERT_TRUE(web_->wait_for("up\n")) << web_->finish().err;
    if (std::string_view(GetParam().shared) == "pid") {
      const Outcome outcome = run({.argv = {sbx_binary(), "--join", "web:pid", "--", "true"}, .environment = {state()}});
      if (contains(outcome.err, "control group")) GTEST_SKIP() << outcome.err;
    }
    int index = 1;
    while (index < 1000 && attempt(index)) ++index;
    EXPECT_GT(index, 2) << "the role was not reached";
    EXPECT_PRED2(contains, read_hosts(), "127.0.1.1 web");
    std::printf("%d calls\n", index - 1);
    web_->kill(SIGTERM);
    web_->finish();
  }

  std::unique_ptr<Process> web_;
  std::string read_hosts() const { return run({.argv = {sbx_binary(), "exec", "web", "--", "cat", "/etc/hosts"}, .environment = {state()}}).out; }
};

TEST_P(JoinFailpoint, EveryCallFailsClosed) {
  for_calls([this](int index) { return fail_at(index); });
}

TEST_P(JoinFailpoint, AProcessKilledAtAnyCallLeavesNothing) {
  // A joiner whose processes were killed waits whether the first sandbox ends, too: there not at every call.
  const std::string_view role = GetParam().name;
  const bool waits = GetParam().shared == std::string_view("pid") && (role == "init" || role == "command");
  for_calls([&](int index) { return kill_at(waits ? 1 + 12 * (index - 1) : index); });
}

INSTANTIATE_TEST_SUITE_P(, JoinFailpoint,
                         testing::Values(Role{"launcher", "ipc"}, Role{"join", "ipc"}, Role{"init", "ipc"}, Role{"payload", "ipc"},
                                         Role{"launcher", "pid"}, Role{"join", "pid"}, Role{"init", "pid"}, Role{"proc", "pid"}, Role{"command", "pid"}),
                         [](const auto& each) { return std::string(each.param.name) + "_" + each.param.shared; });

}  // namespace
