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

  Command join(int index, const Words& command) const {
    std::filesystem::remove(log());
    Command out{.argv = {sbx_failpoints_binary(), "--join", std::string("web:") + GetParam().shared, "--hostname", "b", "--"},
                .environment = {state(), "SBX_FAIL=" + std::string(GetParam().name) + ":" + std::to_string(index), "SBX_FAIL_LOG=" + log()},
                .timeout = 20s};
    out.argv.insert(out.argv.end(), command.begin(), command.end());
    return out;
  }

  void TearDown() override {
    web_.reset();
    SystemTest::TearDown();
  }

  void expect_nothing_left(const std::string& when, pid_t joiner = 0) const {
    const auto alone = [&] {
      // As the machine's own init does: one of another namespace that nobody waited for would keep that alive.
      for (const pid_t pid : children_of(::getpid())) {
        if (pid != web_->pid() && pid != joiner) ::waitpid(pid, nullptr, WNOHANG);
      }
      return children() == std::vector{web_->pid()};
    };
    EXPECT_TRUE(eventually(alone)) << when << ": a process is left";
  }
  void expect_it_goes_on(const std::string& when) const {
    expect_nothing_left(when);
    const auto forgotten = [&] { return read_hosts().find("127.0.0.1 b\n") == std::string::npos; };
    EXPECT_TRUE(eventually(forgotten)) << when << ": its name is left";
  }

  // Whether it fired.
  bool fail_at(int index) {
    const Outcome outcome = run(join(index, {"true"}));
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
    Command command = join(index, {"sh", "-c", "echo runs; read x"});
    command.environment.emplace_back("SBX_FAIL_KILL=1");
    Process joiner(command);
    joiner.send("");
    const auto killed = [&] { return !read_file(log()).empty(); };
    if (joiner.wait_for("runs") && !eventually(killed, 50ms)) joiner.send("\n");
    if (killed()) expect_nothing_left("with its input open, " + read_file(log()), joiner.pid());
    const Outcome outcome = joiner.finish();
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
  // A joiner whose init was killed waits whether the first sandbox ends, too: of the calls before it starts the command
  // not each is tried.
  const bool waits = GetParam().shared == std::string_view("pid") && GetParam().name == std::string_view("init");
  for_calls([&](int index) { return kill_at(!waits ? index : index <= 20 ? 12 * index : 220 + index); });
}

INSTANTIATE_TEST_SUITE_P(, JoinFailpoint,
                         testing::Values(Role{"launcher", "ipc"}, Role{"join", "ipc"}, Role{"init", "ipc"}, Role{"payload", "ipc"},
                                         Role{"launcher", "pid"}, Role{"join", "pid"}, Role{"init", "pid"}, Role{"proc", "pid"}, Role{"command", "pid"}),
                         [](const auto& each) { return std::string(each.param.name) + "_" + each.param.shared; });

}  // namespace
