// Terminals, other processes, signals and descriptors.
#include "escape.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

using namespace escape;

namespace {

// A program on a pty of its own; what it typed into the terminal is what can be read from it afterwards.
struct Typed {
  Outcome outcome;
  std::string input;
};

Typed run_on_terminal(const Words& argv, const std::string& cwd) {
  // The shell owns the terminal, as a user's does, and reads what is in it once the program has ended.
  const std::string script = "stty -icanon min 0 time 2 -echo; \"$@\"; echo status $?; printf 'typed <'; cat; printf '>\\n'";
  Typed typed{.outcome = run({.argv = Words{"sh", "-c", script, "sh"} + argv, .cwd = cwd, .terminal = true}), .input = {}};
  std::erase(typed.outcome.out, '\r');
  const std::size_t at = typed.outcome.out.rfind("typed <");
  if (at != std::string::npos) typed.input = typed.outcome.out.substr(at + 7, typed.outcome.out.rfind('>') - at - 7);
  return typed;
}

class TerminalTest : public EveryProfile {};

}  // namespace

TEST(Terminal, WithoutASandboxTypesIntoTheShell) {
  if (read_file("/proc/sys/dev/tty/legacy_tiocsti") == "0\n") GTEST_SKIP() << "this kernel has TIOCSTI turned off";
  const Typed typed = run_on_terminal({payload("attack"), "terminal"}, "/");
  EXPECT_TRUE(has(typed.outcome, "TIOCSTI 0")) << all(typed.outcome);
  EXPECT_TRUE(has(typed.outcome, "TIOCSTI+high 0")) << all(typed.outcome);
  EXPECT_NE(typed.input.find('P'), std::string::npos) << all(typed.outcome);
}

TEST_P(TerminalTest, CannotTypeIntoTheOuterTerminal) {
  for (const char* mode : {"-T", "-t", "-i"}) {
    const Typed typed = run_on_terminal(Words{sbx_binary()} + sandbox(GetParam(), {mode}) + Words{"terminal"}, dir.path());
    EXPECT_TRUE(has(typed.outcome, "status 0")) << all(typed.outcome);
    for (const char* request : {"TIOCSTI", "TIOCSTI+high", "TIOCLINUX", "TIOCLINUX+high"}) {
      const Words results = values_of(typed.outcome, request);
      EXPECT_GE(results.size(), 4U) << request;
      for (const std::string& result : results) EXPECT_TRUE(result == "EPERM" || result == "EBADF") << mode << request << result;
    }
    EXPECT_EQ(typed.input, "") << mode << all(typed.outcome);
  }
}

TEST_P(TerminalTest, WithoutTheFilterItsOwnTerminalIsTypedInto) {
  const Typed typed = run_on_terminal(
      Words{sbx_binary()} + sandbox(GetParam(), {"--set", "seccomp.default=off"}) + Words{"terminal"}, dir.path());
  EXPECT_NE(typed.outcome.out.find("TIOCSTI+high 0\n"), std::string::npos) << all(typed.outcome);
  EXPECT_EQ(typed.input, "") << "the outer terminal is another one, whatever the filter says\n" << all(typed.outcome);
}
IN_EVERY_PROFILE(TerminalTest);

namespace {

class ProcessTest : public EveryProfile {
 protected:
  // A victim outside, of the same user.
  void SetUp() override {
    EveryProfile::SetUp();
    if (IsSkipped()) return;
    victim_ = std::make_unique<Process>(Command{.argv = {"sh", "-c", "\"$0\" target & wait", payload("attack")}});
    ASSERT_TRUE(victim_->wait_for("pid "));
    ASSERT_TRUE(victim_->wait_for("\n"));
    Outcome said;
    said.out = victim_->out();
    pid_ = value_of(said, "pid").value_or(""), address_ = value_of(said, "address").value_or("");
  }
  void TearDown() override {
    if (!pid_.empty()) {
      EXPECT_EQ(::kill(std::stoi(pid_), SIGKILL), 0) << "the victim did not survive";
    }
    victim_.reset();
    EveryProfile::TearDown();
  }
  std::unique_ptr<Process> victim_;
  std::string pid_, address_;
};

constexpr const char* spying[] = {"process_vm_readv", "process_vm_writev", "pidfd_getfd", "mem", "environ", "fd/0", "root/etc", "PTRACE_SEIZE"};

void expect_blind(const Outcome& outcome) {
  for (const char* way : spying) {
    const auto result = value_of(outcome, way);
    ASSERT_TRUE(result.has_value()) << way << all(outcome);
    EXPECT_TRUE(*result == "EPERM" || *result == "ESRCH" || *result == "ENOENT" || *result == "EACCES" || *result == "ENOSYS")
        << way << " " << *result;
  }
}

}  // namespace

TEST_P(ProcessTest, OutsideTheSameWaysWork) {
  if (const std::string yama = read_file("/proc/sys/kernel/yama/ptrace_scope"); !yama.empty() && yama != "0\n")
    GTEST_SKIP() << "Yama forbids it outside as well";
  const Outcome outcome = attack_outside({"spy", pid_, address_});
  for (const char* way : spying) EXPECT_EQ(value_of(outcome, way), "0") << way;
}

TEST_P(ProcessTest, CannotReachAProcessOutside) {
  expect_blind(attack_here({"spy", pid_, address_}));
  // Nor by number alone, with the filter off.
  expect_blind(attack_here({"spy", pid_, address_}, {"--set", "seccomp.default=off"}));
}

TEST_P(ProcessTest, CannotReachInit) {
  expect_blind(attack_here({"spy", "1", address_}));
  expect_blind(attack_here({"spy", "1", address_}, {"--set", "seccomp.default=off"}));
  if (GetParam() == "container")
    expect_blind(attack_here({"spy", "1", address_}, {"--set", "seccomp.default=off", "--cap-add", "SYS_PTRACE"}));
}

// Another program of the same user, outside, may not read the launcher: what it holds is the sandbox's.
TEST_P(ProcessTest, TheLauncherIsClosedToItsOwnUser) {
  Command command = sbx(sandbox(GetParam()) + Words{"target", "30"});
  command.cwd = dir.path();
  Process sandboxed(command);
  ASSERT_TRUE(sandboxed.wait_for("pid "));
  expect_blind(attack_outside({"spy", std::to_string(sandboxed.pid()), address_}));
  sandboxed.kill(SIGKILL);
  sandboxed.finish();
}

TEST_P(ProcessTest, SeesNobodyElse) {
  const Outcome inside = attack_here({"others", "70000"});
  EXPECT_EQ(value_of(inside, "answering"), "0") << all(inside);
  const Outcome outside = attack_outside({"others", "70000"});
  EXPECT_NE(value_of(outside, "answering"), "0") << "control";
  EXPECT_NE((" " + value_of(outside, "listed").value_or("")).find(" " + pid_ + " "), std::string::npos) << "control";
}

TEST_P(ProcessTest, KillsNobodyElse) {
  const Outcome outcome = attack_here({"kill-all"});
  EXPECT_EQ(outcome.status, 0) << all(outcome);
  EXPECT_EQ(values_of(outcome, "init-alive"), (Words{"0", "0"})) << all(outcome);
  // TearDown finds the victim alive. Control: in one pid namespace with it, a neighbour dies.
  const Outcome control = run({.argv = {"unshare", "-Urpf", "--mount-proc", "--kill-child", "sh", "-c",
                                        "sleep 60 & s=$!; \"$0\" kill-all & wait $s; kill -0 $s 2>/dev/null && echo alive || echo dead",
                                        payload("attack")}});
  EXPECT_TRUE(has(control, "dead")) << all(control);
}

// It may stop itself; what was started beside it goes on, and a time limit holds.
TEST_P(ProcessTest, StopsNobodyElse) {
  const Words argv = Words{sbx_binary()} + sandbox(GetParam(), {"--timeout", "2s", "--kill-after", "100ms"}) + Words{"stop"};
  const Outcome outcome = run({.argv = Words{"sh", "-c", "\"$@\"; echo status $?", "sh"} + argv, .cwd = dir.path(), .timeout = 20s});
  EXPECT_TRUE(has(outcome, "stopping now")) << all(outcome);
  EXPECT_TRUE(has(outcome, "status 124")) << all(outcome);
}
IN_EVERY_PROFILE(ProcessTest);

namespace {
class DescriptorTest : public EveryProfile {};

Outcome with_fds(const std::string& directory, const Words& argv) {
  return run({.argv = Words{payload("attack"), "with-fds", directory} + argv, .cwd = directory});
}
}  // namespace

TEST_P(DescriptorTest, OnlyThreeComeIn) {
  const Outcome inside = with_fds(dir.path(), Words{sbx_binary()} + sandbox(GetParam(), {"--ro", payload("probe") + ":/tmp/probe"}) + Words{"exec", "/tmp/probe", "fds"});
  EXPECT_EQ(values_of(inside, "fd").size(), 3U) << all(inside);
  for (const std::string& fd : values_of(inside, "fd")) EXPECT_EQ(fd.find("directory"), std::string::npos) << fd;
  const Outcome control = with_fds(dir.path(), {"bwrap", "--bind", "/", "/", payload("probe"), "fds"});
  EXPECT_GT(values_of(control, "fd").size(), 3U) << "control: " << all(control);
}

TEST_P(DescriptorTest, ADirectoryIsRefused) {
  for (const char* number : {"0", "1", "2"}) {
    const std::string log = dir / "log";
    const Outcome outcome = run({.argv = Words{payload("attack"), "with-directory-on", number, "/", sbx_binary()} +
                                         sandbox(GetParam(), {"--report", log}) + Words{"cat", "/etc/hostname"},
                                 .cwd = dir.path()});
    EXPECT_EQ(outcome.status, 125) << number << all(outcome);
    EXPECT_EQ(values_of(outcome, "content").size(), 0U);
  }
  const Outcome control = run({.argv = {payload("attack"), "with-directory-on", "0", "/", "bwrap", "--ro-bind", "/usr", "/usr",
                                        "--proc", "/proc", "--ro-bind", payload("attack"), "/attack", "/attack", "cat",
                                        "/proc/self/fd/0/etc/hostname"}});
  EXPECT_EQ(value_of(control, "content").has_value(), true) << "control: " << all(control);
}

TEST_P(DescriptorTest, IsNoWorkingDirectory) {
  const Tree before = read_tree(dir.make("elsewhere"));
  dir.write("elsewhere/secret", "SECRET");
  for (const char* workdir : {"/proc/self/fd/7", "/proc/1/fd/7", "/dev/fd/7"}) {
    const Outcome outcome = with_fds(dir / "elsewhere", Words{sbx_binary()} + sandbox(GetParam(), {"-w", workdir}) + Words{"cat", "secret"});
    EXPECT_EQ(outcome.status, 125) << workdir << all(outcome);
    EXPECT_EQ(outcome.out.find("SECRET"), std::string::npos) << workdir << all(outcome);
  }
  const Outcome control = with_fds(dir / "elsewhere", {"bwrap", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--ro-bind", payload("attack"),
                                   "/attack", "--chdir", "/proc/self/fd/7", "/attack", "cat", "secret"});
  EXPECT_TRUE(control.out.find("SECRET") != std::string::npos) << "control: " << all(control);
}

TEST_P(DescriptorTest, ADeletedWorkingDirectoryGivesNone) {
  const Outcome outcome = run({.argv = Words{payload("attack"), "in-deleted", dir / "gone", sbx_binary()} +
                                       sandbox(GetParam(), {"--ro", payload("probe") + ":/tmp/probe"}) + Words{"exec", "/tmp/probe", "cwd"}});
  if (GetParam() == "dev") EXPECT_EQ(outcome.status, 125) << all(outcome);
  else EXPECT_EQ(value_of(outcome, "cwd"), "/") << all(outcome);
}

TEST_P(DescriptorTest, ALinkForWorkingDirectoryStaysInside) {
  dir.make("project"), dir.write("elsewhere/secret", "SECRET");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "project/link");
  const Words bound{"--rw", (dir / "project") + ":/tmp/p", "-w", "/tmp/p/link"};
  const Outcome outcome = attack_here({"cat", "secret"}, bound);
  if (GetParam() != "dev") EXPECT_EQ(outcome.status, 125) << all(outcome);  // dev shows all of the test's directory
  else EXPECT_EQ(outcome.status, 0) << "control: " << all(outcome);
}
IN_EVERY_PROFILE(DescriptorTest);
