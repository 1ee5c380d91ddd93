// Every call of an exec fails once, by its index, in each of its processes: the exec ends with 125 and a sentence that
// names the step, nothing is left of it, and the sandbox goes on. So it does when the process is killed there.
#include "harness/surroundings.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace harness;

namespace {

namespace fs = std::filesystem;

struct Scenario {
  std::string name;
  Words options, exec_options;
  std::string (*missing)() = no_user_namespaces;
};
void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"Base", {}, {"-w", "/tmp"}},
      {"Terminal", {"--landlock", "require", "--ulimit", "nofile=64"}, {"-t"}},
      {"Range", {"--user", "root", "--cap-add", "CHOWN", "--set", "sandbox.boottime=\"1h\""}, {}, no_id_range},
  };
  return all;
}

struct Survivor { std::string role, call, why; };
const std::vector<Survivor>& survivors() {
  static const std::vector<Survivor> all{
      {"monitor", "::read(fd, chunk.bytes", "EIO is how a pty's master says that the last process inside has closed it"},
      {"attendant-running", "::read(fd, chunk.bytes", "the same wrapper; a pipe has no EIO"},
  };
  return all;
}

bool may_survive(const std::string& fired) {
  return std::ranges::any_of(survivors(), [&](const Survivor& each) {
    return fired.starts_with(each.role + ":") && fired.find(each.call) != std::string::npos;
  });
}

class ExecFailpoint : public SystemTest, public testing::WithParamInterface<std::tuple<Scenario, const char*>> {
 protected:
  const Scenario& scenario() const { return std::get<0>(GetParam()); }
  // Those of the client are the roles of any launcher; the others are forked by the sandbox's.
  std::string role() const { return std::get<1>(GetParam()); }
  bool of_client() const { return role().starts_with("client-"); }
  std::string log() const { return dir / "fired"; }
  Words environment(bool here, int index) const {
    Words out{"XDG_STATE_HOME=" + (dir / "state")};
    if (here) out.insert(out.end(), {"SBX_FAIL=" + role().substr(of_client() ? 7 : 0) + ":" + std::to_string(index), "SBX_FAIL_LOG=" + log()});
    if (here && killed_) out.emplace_back("SBX_FAIL_KILL=1");
    return out;
  }

  void start(int index) {
    Words argv{sbx_failpoints_binary(), "--name", "web"};
    argv.insert(argv.end(), scenario().options.begin(), scenario().options.end());
    for (const char* word : {"--", "sh", "-c", "echo up; while read x; do echo \"<$x>\"; done"}) argv.emplace_back(word);
    box_ = std::make_unique<Process>(Command{.argv = argv, .environment = environment(!of_client(), index)});
    box_->send("");  // its input stays open
    ASSERT_TRUE(box_->wait_for("up\n")) << box_->finish().err;
  }
  void end() {
    if (!box_) return;
    box_->close_input();
    EXPECT_EQ(box_->finish().status, 0);
    box_.reset();
    // The command of an attendant that was killed is ours; its init ends after it was waited for.
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
  }
  Command exec(int index, const Words& command) const {
    Words argv{sbx_failpoints_binary(), "exec"};
    argv.insert(argv.end(), scenario().exec_options.begin(), scenario().exec_options.end());
    argv.insert(argv.end(), {"web", "--"});
    argv.insert(argv.end(), command.begin(), command.end());
    return {.argv = argv, .environment = environment(of_client(), index), .timeout = 20s};
  }

  // What fired at this index; empty past the last one.
  std::string fail_at(int index) {
    fs::remove(log());
    if (!box_) start(index);
    if (!box_ || HasFatalFailure()) return {};
    const Outcome outcome = run(exec(index, {"true"}));
    const std::string fired = read_file(log()), said = outcome.out + outcome.err;
    const std::string when = fired.empty() ? "no failure" : fired.substr(0, fired.size() - 1);
    EXPECT_FALSE(outcome.timed_out) << when;
    if (fired.empty()) {
      EXPECT_EQ(outcome.status, 0) << said;
    } else if (outcome.status != 0 || !may_survive(fired)) {
      EXPECT_EQ(outcome.status, 125) << when << "\n" << said;
      EXPECT_PRED2(contains, said, "sbx: ") << when;
      EXPECT_PRED2(contains, said, "Input/output error") << when;
    }
    expect_it_goes_on(index, when);
    return fired;
  }

  // The same for a process that is killed there, and with a command that would not end by itself.
  bool kill_at(int index) {
    fs::remove(log());
    if (!box_) start(index);
    if (!box_ || HasFatalFailure()) return false;
    Process client(exec(index, {"sh", "-c", "echo runs; read x"}));
    client.send("");
    const auto killed = [&] { return !read_file(log()).empty(); };
    if (client.wait_for("runs") && !eventually(killed, 50ms)) client.send("\n");  // its end has calls too
    if (killed()) expect_nothing_left("with its input open, " + read_file(log()));
    const Outcome outcome = client.finish();
    const std::string when = read_file(log());
    EXPECT_FALSE(outcome.timed_out) << when;
    if (!when.empty() && of_client()) { EXPECT_EQ(outcome.signal, SIGKILL) << when; }
    else if (when.empty()) { EXPECT_EQ(outcome.status, 0) << outcome.err; }
    else { EXPECT_TRUE(outcome.status == 125 || outcome.status == 128 + SIGKILL) << outcome.status << " " << when; }
    expect_it_goes_on(index, when);
    return !when.empty();
  }

  // We are the parent of a command whose attendant is gone.
  void expect_nothing_left(const std::string& when) const {
    EXPECT_TRUE(eventually([&] { return children() == std::vector{box_->pid()} && children_of(box_->pid()).size() == 1; }))
        << when << ": a process is left";
  }
  void expect_it_goes_on(int index, const std::string& when) {
    expect_nothing_left(when);
    box_->send("ping " + std::to_string(index) + "\n");
    EXPECT_TRUE(box_->wait_for("<ping " + std::to_string(index) + ">")) << when << ": the sandbox does not go on";
    if (!of_client()) end();
  }

  void TearDown() override {
    end();
    SystemTest::TearDown();
  }

  bool killed_ = false;
  std::unique_ptr<Process> box_;
};

TEST_P(ExecFailpoint, EveryCallFailsClosed) {
  SKIP_IF(scenario().missing());
  int index = 1;
  while (!fail_at(index).empty()) ++index;
  EXPECT_GT(index, 2) << "the role was not reached";
  std::printf("%d calls\n", index - 1);
}

TEST_P(ExecFailpoint, AProcessKilledAtAnyCallLeavesNothing) {
  SKIP_IF(scenario().missing());
  killed_ = true;
  int index = 1;
  while (kill_at(index)) ++index;
  EXPECT_GT(index, 2) << "the role was not reached";
  std::printf("%d calls\n", index - 1);
}

INSTANTIATE_TEST_SUITE_P(, ExecFailpoint,
                         testing::Combine(testing::ValuesIn(scenarios()),
                                          testing::Values("attendant", "command", "attendant-running", "client-launcher", "client-monitor")),
                         [](const auto& each) {
                           std::string name = std::get<0>(each.param).name + "_" + std::get<1>(each.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
