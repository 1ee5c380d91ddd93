// Every call of a sandbox that joins another fails once, by its index, in each of its processes: it ends with 125 and a
// sentence that names the step, nothing is left of it, and the sandbox it joined goes on without its name.
#include "harness/surroundings.h"

#include <filesystem>
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

  // What fired at this index; empty past the last one.
  std::string fail_at(int index) {
    std::filesystem::remove(log());
    const Outcome outcome = run({.argv = {sbx_failpoints_binary(), "--join", std::string("web:") + GetParam().shared, "--hostname", "b", "--", "true"},
                                 .environment = {state(), "SBX_FAIL=" + std::string(GetParam().name) + ":" + std::to_string(index), "SBX_FAIL_LOG=" + log()},
                                 .timeout = 20s});
    // As the machine's own init does: one of another namespace that nobody waited for would keep that alive.
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
    const std::string fired = read_file(log());
    const std::string when = fired.empty() ? "no failure" : fired.substr(0, fired.size() - 1);
    EXPECT_FALSE(outcome.timed_out) << when;
    const bool is_exec = fired.find("::execve(") != std::string::npos;
    EXPECT_EQ(outcome.status, fired.empty() ? 0 : is_exec ? 126 : 125) << when << "\n" << outcome.err;
    const bool named = contains(outcome.err, "Input/output error") || contains(outcome.err, "without a word") || contains(outcome.err, "what mounts /proc");
    EXPECT_TRUE(fired.empty() || named) << when << "\n" << outcome.err;
    const auto forgotten = [&] { return read_hosts().find("127.0.0.1 b\n") == std::string::npos; };
    EXPECT_TRUE(eventually(forgotten)) << when << ": its name is left";
    return fired;
  }
  std::string read_hosts() const { return run({.argv = {sbx_binary(), "exec", "web", "--", "cat", "/etc/hosts"}, .environment = {state()}}).out; }
};

TEST_P(JoinFailpoint, EveryCallFailsClosed) {
  Process web({.argv = {sbx_binary(), "--name", "web", "--", "sh", "-c", "echo up; exec sleep 600"}, .environment = {state()}, .timeout = 100s});
  ASSERT_TRUE(web.wait_for("up\n")) << web.finish().err;
  if (std::string_view(GetParam().shared) == "pid") {
    const Outcome outcome = run({.argv = {sbx_binary(), "--join", "web:pid", "--", "true"}, .environment = {state()}});
    if (contains(outcome.err, "control group")) GTEST_SKIP() << outcome.err;
  }
  int index = 1;
  while (index < 1000 && !fail_at(index).empty()) ++index;
  EXPECT_GT(index, 2) << "the role was not reached";
  EXPECT_PRED2(contains, read_hosts(), "127.0.1.1 web");
  std::printf("%d calls\n", index - 1);
  web.kill(SIGTERM);
  web.finish();
}

INSTANTIATE_TEST_SUITE_P(, JoinFailpoint,
                         testing::Values(Role{"launcher", "ipc"}, Role{"join", "ipc"}, Role{"init", "ipc"}, Role{"payload", "ipc"},
                                         Role{"launcher", "pid"}, Role{"join", "pid"}, Role{"init", "pid"}, Role{"proc", "pid"}, Role{"command", "pid"}),
                         [](const auto& each) { return std::string(each.param.name) + "_" + each.param.shared; });

}  // namespace
