// Every call that sbx makes through src/sys fails once, by its index: the launch ends with 125 and a sentence that
// names the step, and nothing is left. Between option parsing and exec that holds for the roles launcher, init and
// payload; the roles monitor and init-running (the launcher and init while the payload runs) are held to it as well,
// though the payload may have begun by then. So it is for a process that is killed at any of them. The role engine ends where frames begin to flow: from then on a call that
// fails is an answer to a packet. Not injected: what cannot fail (getuid, umask, clock_gettime),
// close, isatty, readdir, and the calls that undo a failed step.
#include "harness/surroundings.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

using namespace harness;

namespace {

namespace fs = std::filesystem;

std::string no_tap() {
  const std::string why = no_user_namespaces();
  if (!why.empty() || ::access("/dev/net/tun", R_OK | W_OK) == 0) return why;
  return "/dev/net/tun is closed to this account";
}

// Ours, or the one around our `supervisor`.
std::string delegated_cgroup() {
  const std::string all = read_file("/proc/self/cgroup");
  const std::size_t at = all.rfind("0::");
  std::string path = at == std::string::npos ? "" : all.substr(at + 3, all.size() - at - 4);
  if (path.ends_with("/supervisor")) path.resize(path.rfind('/'));
  return path;
}

std::string no_cgroup() {
  const std::string directory = "/sys/fs/cgroup" + delegated_cgroup();
  if (::access((directory + "/cgroup.procs").c_str(), W_OK) == 0 && ::access((directory + "/cgroup.events").c_str(), F_OK) == 0) return no_user_namespaces();
  return "no control group is delegated to the tests";
}

struct Scenario {
  std::string name;
  Words options;  // "@/" stands for a directory that must not change, "@notes/" for one that may, "@cgroup" for one of ours
  bool terminal = false;
  std::string (*missing)() = no_user_namespaces;
  Words environment = {};
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"Base", {}},
      {"Project",
       {"--profile", "dev", "--hide", "@/project/hidden", "--secret", "token=@/token", "--ulimit", "nofile=64", "--hostname", "h",
        "--set", "sandbox.boottime=\"1h\"", "--set", "sandbox.monotonic=\"-5s\""}},
      {"Range", {"--user", "root", "--rw", "@/project", "--cap-add", "CHOWN"}, false, no_id_range},
      {"Terminal", {"-t"}, true},
      {"Overlay", {"--tmp-overlay", "@/project", "--overlay", "@/overlaid", "--hide", "@/project/hidden", "--set", "filesystem.protect=[\"@/project/.envrc\"]"}},
      {"Landlock", {"--landlock", "require"}},
      {"HostNetwork", {"--net", "host"}},
      {"Network", {"--net", "user", "--stats"}, false, no_tap},
      {"HostRoot", {"--set", "filesystem.root=\"host\"", "--home", "keep", "--nested-userns", "--set", "seccomp.allow=[\"ptrace\"]"}},
      {"Report", {"--env-file", "@/variables", "--report", "@notes/report.json", "--stats", "--timeout", "20s"}},
      {"Cgroup", {"--set", "resources.parent=@cgroup", "--nested-userns", "--set", "resources.qos=burstable"}, false, no_cgroup},
      {"Walker", {}, false, no_user_namespaces, {"SBX_FAIL_NOSYS=openat2"}},
  };
  return all;
}

// Calls whose failure sbx may survive, each with its reason.
struct Survivor { std::string role, call, why; };
const std::vector<Survivor>& survivors() {
  static const std::vector<Survivor> all{
      {"monitor", "::read(fd, chunk.bytes", "EIO is how a pty's master says that the last process inside has closed it"},
      {"engine", "::socket(v4 ? AF_INET", "the question whether ping sockets are permitted"},
      {"engine", "TUNSETOFFLOAD, tcp | tun_f_uso4", "kernels before 6.2 refuse it, and are asked again without"},
      {"monitor", "AT_REMOVEDIR", "a control group that cannot be removed is a note: the command has run"},
      {"monitor", "::write(fd, content.data()", "the summary of --stats: standard error itself is gone, the command has run"},
  };
  return all;
}

bool may_survive(const std::string& fired) {
  return std::ranges::any_of(survivors(), [&](const Survivor& each) {
    return fired.starts_with(each.role + ":") && fired.find(each.call) != std::string::npos;
  });
}

class Failpoint : public SystemTest, public testing::WithParamInterface<std::tuple<Scenario, const char*>> {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    if (IsSkipped()) return;
    SKIP_IF(scenario().missing());
    for (const char* each : {"home", "project/.git/hooks", "project", "overlaid"}) dir.make(each);
    dir.write("home/.bashrc", "true\n");
    dir.write("project/.git/config", "[core]\n");
    dir.write("project/.envrc", "true\n");
    dir.write("project/hidden", "secret\n");
    dir.write("token", "secret\n");
    dir.write("variables", "A=1\n");
    for (const char* each : {"cache/sbx", "home/.local/share/sbx/homes/default"})
      fs::permissions(dir.make(each), fs::perms::owner_all);  // sbx's own places, not litter
  }

  const Scenario& scenario() const { return std::get<0>(GetParam()); }
  std::string role() const { return std::get<1>(GetParam()); }
  std::string log() const { return notes_ / "fired"; }

  Command command(Words environment) const {
    Command command{.argv = {sbx_failpoints_binary()}, .cwd = dir / "project", .environment = std::move(environment),
                    .terminal = scenario().terminal, .timeout = 20s};
    for (std::string word : scenario().options) {
      for (std::size_t at; (at = word.find("@notes/")) != std::string::npos;) word.replace(at, 6, notes_.path());
      for (std::size_t at; (at = word.find("@cgroup")) != std::string::npos;) word.replace(at, 7, delegated_cgroup());
      for (std::size_t at; (at = word.find("@/")) != std::string::npos;) word.replace(at, 1, dir.path());
      command.argv.push_back(std::move(word));
    }
    for (const char* word : {"--", "true"}) command.argv.emplace_back(word);
    command.environment.insert(command.environment.end(), scenario().environment.begin(), scenario().environment.end());
    command.environment.push_back("HOME=" + (dir / "home"));
    command.environment.push_back("XDG_CACHE_HOME=" + (dir / "cache"));
    return command;
  }

  void check_nothing_left(const std::string& when, const Tree& before) const {
    const bool alone = eventually([] { return children().empty(); });
    EXPECT_TRUE(alone) << when << ": a process is left";
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
    EXPECT_EQ(changes(before, read_tree(dir.path())), "") << when << ": files are left";
    for (const auto& entry : fs::directory_iterator(notes_.path()))
      EXPECT_EQ(entry.path().filename(), "fired") << when << ": a file is left";
    EXPECT_EQ(mounts(), mounts_) << when << ": mounts are left";
  }

  // From 1 on, to the one past the last.
  template <class Attempt>
  void for_calls(const Attempt& attempt) {
    const Outcome warm = run(command({}));
    ASSERT_EQ(warm.status, 0) << warm.out << warm.err;
    fs::remove(notes_ / "report.json");
    const Tree before = read_tree(dir.path());
    int index = 1;
    while (attempt(index, before)) ++index;
    EXPECT_GT(index, 2) << "the role was not reached";
    std::printf("%d calls\n", index - 1);
  }

  // Whether it fired.
  bool fail_at(int index, const Tree& before) {
    fs::remove(log());
    const Outcome outcome = run(command({"SBX_FAIL=" + role() + ":" + std::to_string(index), "SBX_FAIL_LOG=" + log()}));
    const std::string fired = read_file(log()), said = scenario().terminal ? outcome.out : outcome.err;
    const std::string when = fired.empty() ? "no failure" : fired.substr(0, fired.size() - 1);
    fs::remove(notes_ / "report.json");
    EXPECT_FALSE(outcome.timed_out) << when;
    check_nothing_left(when, before);
    if (fired.empty()) {
      EXPECT_EQ(outcome.status, 0) << said;
    } else if (outcome.status != 0 || !may_survive(fired)) {
      const bool is_exec = fired.find("::execve(") != std::string::npos;
      EXPECT_EQ(outcome.status, is_exec ? 126 : 125) << when << "\n" << said;
      EXPECT_NE(said.find("sbx: "), std::string::npos) << when << "\n" << said;
      // Behind its filter the engine has no words for an errno.
      const bool named = said.find("Input/output error") != std::string::npos;
      EXPECT_TRUE(named || (role() == "engine" && (said.find("network engine ") != std::string::npos || said.find("the kernel ") != std::string::npos)))
          << when << "\n" << said;
    }
    return !fired.empty();
  }

  // The same for a process that is killed there. The words are those of the process that is left to say them.
  bool kill_at(int index, const Tree& before) {
    fs::remove(log());
    const Outcome outcome = run(command({"SBX_FAIL=" + role() + ":" + std::to_string(index), "SBX_FAIL_LOG=" + log(), "SBX_FAIL_KILL=1"}));
    const std::string when = read_file(log()), said = outcome.out + outcome.err;
    for (const auto& entry : fs::directory_iterator(notes_.path()))  // a report that was not whole has not got its name
      if (entry.path().filename().string().starts_with("report.json")) fs::remove(entry.path());
    EXPECT_FALSE(outcome.timed_out) << when;
    check_nothing_left(when, before);
    if (when.empty()) {
      EXPECT_EQ(outcome.status, 0) << said;
    } else if (role() == "launcher" || role() == "monitor") {
      EXPECT_EQ(outcome.signal, SIGKILL) << when << said;
    } else {
      EXPECT_EQ(outcome.status, role() == "payload" ? 128 + SIGKILL : 125) << when << said;
      if (role() == "engine") { EXPECT_PRED2(contains, said, "sbx: the network engine ") << when; }
      if (role().starts_with("init")) { EXPECT_PRED2(contains, said, "sbx: init ended ") << when; }
    }
    return !when.empty();
  }

  TempDir notes_;
  Words mounts_ = mounts();
};

TEST_P(Failpoint, EveryCallFailsClosed) {
  for_calls([this](int index, const Tree& before) { return fail_at(index, before); });
}

TEST_P(Failpoint, AProcessKilledAtAnyCallLeavesNothing) {
  for_calls([this](int index, const Tree& before) { return kill_at(index, before); });
}

std::vector<std::tuple<Scenario, const char*>> roles() {
  std::vector<std::tuple<Scenario, const char*>> out;
  for (const Scenario& scenario : scenarios())
    for (const char* role : {"launcher", "init", "payload", "monitor", "init-running"}) out.emplace_back(scenario, role);
  for (const Scenario& scenario : scenarios())
    if (scenario.missing == no_tap) out.emplace_back(scenario, "engine");
  return out;
}

INSTANTIATE_TEST_SUITE_P(, Failpoint, testing::ValuesIn(roles()),
                         [](const auto& each) { return std::get<0>(each.param).name + "_" + std::string(std::get<1>(each.param) == std::string("init-running") ? "running" : std::get<1>(each.param)); });

}  // namespace
