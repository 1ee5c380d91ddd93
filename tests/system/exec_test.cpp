// `sbx exec`: a further command is in the same namespaces with the same ids, rights and filters; it has its own
// terminal and status; and it ends when its client or the sandbox does, which lives on without it.
#include "harness/surroundings.h"

#include <algorithm>
#include <fcntl.h>
#include <memory>
#include <signal.h>
#include <unistd.h>

using namespace harness;

namespace {

class ExecTest : public SystemTest {
 protected:
  Words environment() const { return {"XDG_STATE_HOME=" + (dir / "state")}; }

  // A sandbox named web that runs a line of shell, up to where it says "up".
  void start(Words options, const std::string& script = "echo up; exec sleep 60") {
    Words arguments{"--name", "web", "--ro", payload("probe") + ":/tmp/probe"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& word : {std::string("--"), std::string("sh"), std::string("-c"), script}) arguments.push_back(word);
    Command command = sbx(arguments);
    command.environment = environment();
    box_ = std::make_unique<Process>(command);
    ASSERT_TRUE(box_->wait_for("up\n")) << box_->finish().err;
  }
  Command command(Words words) const {
    words.insert(words.begin(), "exec");
    Command made = sbx(std::move(words));
    made.cwd = dir.path(), made.environment = environment();
    return made;
  }
  Outcome exec(const Words& words) const { return run(command(words)); }
  Outcome exec_shell(const std::string& script) const { return exec({"web", "--", "sh", "-c", script}); }

  std::unique_ptr<Process> box_;

  void TearDown() override {
    if (box_) {
      box_->kill(SIGTERM);
      box_->finish();
    }
    SystemTest::TearDown();
  }
};

// What a process is allowed and what it is in. Its own number and the time are its own.
const Words all_about_it{"namespaces", "and", "ids", "and", "caps", "and", "rlimits", "and", "mounts", "and", "cwd", "and", "try", "ptrace",
                         "0", "0", "and", "try", "unshare", "268435456", "and", "try", "socket", "1", "1", "0"};

struct Kind { std::string name; Words options; std::string (*missing)() = no_user_namespaces; };
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class ExecEverywhere : public ExecTest, public testing::WithParamInterface<Kind> {};

}  // namespace

TEST_P(ExecEverywhere, TheCommandIsAsConfinedAsThePayload) {
  SKIP_IF(GetParam().missing());
  std::string about = "/tmp/probe";
  for (const std::string& word : all_about_it) about += " " + word;
  start(GetParam().options, about + "; echo up; exec sleep 60");
  const std::string said = box_->out();
  Words words{"web", "--", "/tmp/probe"};
  words.insert(words.end(), all_about_it.begin(), all_about_it.end());
  const Outcome outcome = exec(words);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out + "up\n", said);
  EXPECT_GT(values_of(outcome, "mount").size(), 5U);
}

INSTANTIATE_TEST_SUITE_P(, ExecEverywhere, testing::Values(
    Kind{"Base", {}}, Kind{"Limits", {"--ulimit", "nofile=64", "--ulimit", "core=0", "-w", "/tmp"}},
    Kind{"Range", {"--user", "root", "--cap-add", "CHOWN", "--cap-add", "KILL"}, no_id_range},
    Kind{"HostNetwork", {"--net", "host"}, no_net_host}, Kind{"Landlock", {"--landlock", "require"}},
    Kind{"Time", {"--set", "sandbox.boottime=\"1h\""}}, Kind{"NestedUserns", {"--nested-userns"}},
    Kind{"NoFilter", {"--set", "seccomp.default=off"}}, Kind{"HostRoot", {"--set", "filesystem.root=\"host\"", "--home", "host"}}),
    [](const auto& each) { return each.param.name; });

TEST_F(ExecTest, TheStatusIsTheCommands) {
  start({});
  for (const int status : {0, 1, 77, 125, 255}) EXPECT_EQ(exec_shell("exit " + std::to_string(status)).status, status);
  for (const int signal : {SIGTERM, SIGKILL, SIGSEGV}) EXPECT_EQ(exec_shell("kill -" + std::to_string(signal) + " $$").status, 128 + signal);
  const Outcome missing = exec({"web", "--", "no-such-command"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_PRED2(contains, missing.err, "command no-such-command not found in the sandbox");
  EXPECT_EQ(exec({"web", "--", "/no/such/command"}).status, 127);
  const Outcome refused = exec({"web", "--", "/etc/passwd"});
  EXPECT_EQ(refused.status, 126);
  EXPECT_PRED2(contains, refused.err, "exec /etc/passwd: Permission denied");
  EXPECT_EQ(exec({"web", "--", "/tmp"}).status, 126);
}

// The steps before it need no number that is free.
TEST_F(ExecTest, WithoutADescriptorToOpen) {
  Command starting = sbx({"--name", "web", "--ulimit", "nofile=0", "--ro", payload("probe") + ":/tmp/probe", "--", "/tmp/probe", "sleep", "60"});
  starting.environment = environment();
  box_ = std::make_unique<Process>(starting);
  Outcome outcome;
  EXPECT_TRUE(eventually([&] { return (outcome = exec({"web", "--", "/tmp/probe", "exit", "5"})).status == 5; })) << outcome.err;
}

TEST_F(ExecTest, AScriptWithoutItsFirstLineRunsInAShell) {
  start({}, "printf 'echo \"<$0 $1>\"' >/tmp/script; chmod +x /tmp/script; echo up; exec sleep 60");
  EXPECT_EQ(exec({"web", "--", "/tmp/script", "word"}).out, "</tmp/script word>\n");
  EXPECT_EQ(exec({"-w", "/tmp", "-e", "PATH=:/bin", "web", "--", "script", "word"}).out, "<script word>\n");
}

TEST_F(ExecTest, EnvironmentAndPlaceAreTheSandboxesWithAdditions) {
  start({"-e", "KEPT=1", "-e", "CHANGED=1"});
  Command asked = command({"-e", "CHANGED=2", "-e", "OWN", "-e", "ABSENT", "-w", "/tmp", "web", "--", "/tmp/probe", "environment", "and", "cwd"});
  asked.environment.push_back("OWN=mine"), asked.environment.push_back("SECRET=x");
  const Outcome outcome = run(asked);
  const Words variables = values_of(outcome, "env");
  for (const char* wanted : {"KEPT=1", "CHANGED=2", "OWN=mine", "PWD=/tmp", "SBX_NAME=web"})
    EXPECT_EQ(std::ranges::count(variables, wanted), 1) << wanted << outcome.out;
  for (const std::string& variable : variables) EXPECT_FALSE(variable.starts_with("SECRET") || variable.starts_with("ABSENT")) << variable;
  EXPECT_EQ(value_of(outcome, "cwd"), "/tmp");
  EXPECT_PRED2(contains, exec({"-w", "tmp", "web", "--", "true"}).err, "does not begin with /");
  const Outcome nowhere = exec({"-w", "/nowhere", "web", "--", "true"});
  EXPECT_EQ(nowhere.status, 125);
  EXPECT_PRED2(contains, nowhere.err, "working directory");
}

TEST_F(ExecTest, InputIsPassedAsItIs) {
  start({});
  Command piped = command({"web", "--", "cat"});
  piped.input = std::string(300'000, 'x');
  EXPECT_TRUE(run(piped).out == piped.input);
  Command closed = command({"web", "--", "/tmp/probe", "fds"});
  closed.inherit_nothing = true;
  EXPECT_EQ(run(closed).status, 0);
  const std::string large(100'000, 'a');
  EXPECT_EQ(exec({"web", "--", "sh", "-c", "echo ${#0} ${#1}", large, large}).out, "100000 100000\n");
}

TEST_F(ExecTest, OnlyThreeDescriptorsComeInAndNoDirectory) {
  start({});
  const std::string line = "exec 7</ 8<>/dev/null; XDG_STATE_HOME=\"$PWD/state\" \"$sbx\" exec web -- /tmp/probe fds";
  const Outcome outcome = run_shell(line);
  EXPECT_EQ(values_of(outcome, "fd").size(), 3U) << outcome.out << outcome.err;
  for (const char* way : {"</", "2>&1 </dev/null 1</"}) {
    const Outcome refused = run_shell(line + " " + way);
    EXPECT_EQ(refused.status, 125) << way;
  }
}

TEST_F(ExecTest, ATerminalOfItsOwn) {
  start({});
  Command on_terminal = command({"web", "--", "sh"});
  on_terminal.terminal = true;
  Process process(on_terminal);
  ASSERT_TRUE(process.wait_for("$ "));
  process.send("tty; stty size; echo TERM=$TERM\n");
  EXPECT_TRUE(process.wait_for("/dev/pts/0\r\n24 80\r\nTERM=xterm\r\n")) << process.out();
  process.resize(40, 100);
  ::usleep(1'000'000);
  process.send("stty size\n");
  EXPECT_TRUE(process.wait_for("40 100\r\n")) << process.out();
  process.send("sleep 60\n");
  ::usleep(1'000'000);
  process.send("\x03");
  process.send("echo after $?\n");
  EXPECT_TRUE(process.wait_for("after 130")) << process.out();
  process.send("exit 9\n");
  EXPECT_EQ(process.finish().status, 9);
  EXPECT_PRED2(contains, exec({"-t", "web", "--", "tty"}).out, "/dev/pts/");
  on_terminal.argv.insert(on_terminal.argv.begin() + 2, "-T");
  on_terminal.argv.back() = "tty";
  EXPECT_EQ(run(on_terminal).status, 1);
}

TEST_F(ExecTest, StopsAndResumesAsAJob) {
  if (!has_program("bash")) GTEST_SKIP() << "bash is not installed";
  start({});
  Command shell{.argv = {"bash", "--norc", "--noprofile", "-i"}, .cwd = dir.path(),
                .environment = {"sbx=" + sbx_binary(), "PS1=outer> ", "HISTFILE="}, .terminal = true};
  shell.environment.push_back(environment()[0]);
  Process process(shell);
  ASSERT_TRUE(process.wait_for("outer> "));
  for (const char* mode : {"", "-T "}) {
    process.send(std::string("stty -a >before; \"$sbx\" exec ") + mode + "web -- sh -c 'echo in; sleep 60; echo out'\n");
    ASSERT_TRUE(process.wait_for("in\r\n")) << process.out();
    ::usleep(1'000'000);
    process.send("\x1a");
    ASSERT_TRUE(process.wait_for("Stopped")) << process.out();
    ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
    process.send("stty -a >after; cmp before after && echo same\"\"settings\n");
    ASSERT_TRUE(process.wait_for("samesettings")) << process.out();
    ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
    process.send("fg\n");
    ::usleep(1'000'000);
    process.send("\x03");
    ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
    process.send("echo status $?\n");
    EXPECT_TRUE(process.wait_for("status 130")) << process.out();
    ASSERT_TRUE(process.wait_for("outer> "));
  }
  process.send("exit 0\n");
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(ExecTest, SignalsReachTheCommandAlone) {
  start({});
  Process process(command({"web", "--", "sh", "-c", "trap 'echo got; exit 3' TERM; echo in; while :; do sleep 0.02; done"}));
  ASSERT_TRUE(process.wait_for("in\n"));
  process.kill(SIGTERM);
  EXPECT_TRUE(process.wait_for("got\n"));
  EXPECT_EQ(process.finish().status, 3);
  EXPECT_EQ(exec_shell("true").status, 0) << "the sandbox lives on";
}

TEST_F(ExecTest, WithItsClientTheCommandEnds) {
  start({});
  const std::string marker = "27182818" + std::to_string(::getpid());
  Process process(command({"web", "--", "sh", "-c", "trap '' TERM HUP; echo in; sleep 60 & wait; : " + marker}));
  ASSERT_TRUE(process.wait_for("in\n"));
  const auto count = [&] { return exec_shell("ps ax -o args | grep -c '[s]leep 60$'").out; };
  EXPECT_TRUE(eventually([&] { return count() == "2\n"; })) << count();
  process.kill(SIGKILL);
  process.finish();
  EXPECT_TRUE(eventually([&] { return count() == "1\n"; })) << count();
  EXPECT_TRUE(eventually([&] { return processes_with(marker).empty(); }));
}

TEST_F(ExecTest, WithTheSandboxTheCommandEnds) {
  int told = 0;
  for (const int signal : {SIGTERM, SIGKILL}) {
    start({});
    Process process(command({"web", "--", "sh", "-c", "echo in; exec sleep 60"}));
    ASSERT_TRUE(process.wait_for("in\n"));
    box_->kill(signal);
    const Outcome outcome = process.finish();
    EXPECT_EQ(outcome.status, 137) << signal;
    // An init that takes its time to end leaves only the command's own end to be told.
    EXPECT_TRUE(outcome.err.empty() || outcome.err == "sbx: the sandbox ended, and the command with it\n") << signal << outcome.err;
    told += outcome.err.empty() ? 0 : 1;
    box_->finish();
    box_.reset();
  }
  EXPECT_GT(told, 0);
}

TEST_F(ExecTest, WhatItLeavesBehindIsInits) {
  start({});
  EXPECT_EQ(exec_shell("sleep 50 >/dev/null 2>&1 & exit 4").status, 4);
  const Outcome outcome = exec_shell("ps -o ppid= -p $(pgrep -x sleep | tail -1)");
  EXPECT_EQ(outcome.out.find_first_not_of(" 1\n"), std::string::npos) << outcome.out;
}

TEST_F(ExecTest, ManyAtOnce) {
  start({});
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(std::make_unique<Process>(command({"web", "--", "sh", "-c", "echo $0; sleep 0.2; exit $0", std::to_string(i)})));
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = all[static_cast<std::size_t>(i)]->finish();
    EXPECT_EQ(outcome.status, i) << outcome.err;
    EXPECT_EQ(outcome.out, std::to_string(i) + "\n");
  }
}

TEST_F(ExecTest, WhereNothingRunsItSaysSo) {
  for (const auto& [words, said] : std::vector<std::pair<Words, std::string>>{
           {{"web", "--", "true"}, "no sandbox is named 'web'"}, {{"../web", "--", "true"}, "is not the name of a sandbox"},
           {{"web"}, "no command given"}, {{"web", "true"}, "does not take 'true'"}, {{"--", "true"}, "needs NAME"},
           {{"--rw", "/", "web", "--", "true"}, "is an option of 'sbx run'"}}) {
    const Outcome outcome = exec(words);
    EXPECT_EQ(outcome.status, 125) << said;
    EXPECT_PRED2(contains, outcome.err, said);
  }
  start({}, "echo up");
  box_->finish();
  box_.reset();
  EXPECT_PRED2(contains, exec({"web", "--", "true"}).err, "the sandbox 'web' has ended");
}

// One whose client is gone before it was heard is not started.
TEST_F(ExecTest, WhoseClientIsGone) {
  const std::string shared = dir / "shared";
  ASSERT_EQ(::mkdir(shared.c_str(), 0755), 0);
  start({"--rw", shared});
  const auto touch = [&](const std::string& name) { return command({"web", "--", "touch", shared + "/" + name}); };
  box_->kill(SIGSTOP);
  Process gone(touch("gone"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  gone.kill(SIGKILL);
  gone.finish();
  box_->kill(SIGCONT);
  EXPECT_EQ(run(touch("there")).status, 0);
  EXPECT_EQ(::access((shared + "/there").c_str(), F_OK), 0);
  EXPECT_NE(::access((shared + "/gone").c_str(), F_OK), 0);
}

// Nobody has heard them when the sandbox ends.
TEST_F(ExecTest, IntoOneThatEndsJustThen) {
  start({}, "echo up; exec sleep 3");
  ASSERT_EQ(children_of(box_->pid()).size(), 1u);
  const std::string init = "/proc/" + std::to_string(children_of(box_->pid()).front()) + "/stat";
  box_->kill(SIGSTOP);
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 4; ++i) all.push_back(std::make_unique<Process>(command({"web", "--", "echo", "ran"})));
  EXPECT_TRUE(eventually([&] { return contains(read_file(init), ") Z "); }, 20s));
  box_->kill(SIGCONT);
  for (const auto& each : all) {
    const Outcome outcome = each->finish();
    EXPECT_EQ(outcome.status, 125);
    EXPECT_TRUE(contains(outcome.err, "the sandbox ended before the command ran") || contains(outcome.err, "has ended") ||
                contains(outcome.err, "is starting or ending")) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  box_->finish();
  box_.reset();
}

// Whoever waits for a command that is never run hears so, and not that its own was killed.
TEST_F(ExecTest, IntoOneThatNeverRuns) {
  const Words sentences{"no sandbox is named", "is starting or ending", "has ended", "ended before the command ran"};
  bool waited = false;
  for (int round = 0; round < 200 && !waited; ++round) {
    Command starting = sbx({"--name", "web", "--", "/no/such/program"});
    starting.environment = environment();
    box_ = std::make_unique<Process>(starting);
    Outcome outcome;
    const auto runs = [&] {
      const std::vector<pid_t> all = children();
      return std::ranges::find(all, box_->pid()) != all.end();
    };
    for (int tries = 0; tries == 0 || (contains(outcome.err, sentences[0]) && runs()); ++tries)
      outcome = exec({"web", "--", "true"});
    EXPECT_EQ(outcome.status, 125) << outcome.err;
    EXPECT_TRUE(std::ranges::any_of(sentences, [&](const auto& each) { return contains(outcome.err, each); })) << outcome.err;
    waited = contains(outcome.err, sentences.back());
    EXPECT_EQ(box_->finish().status, 127);
    box_.reset();
  }
  EXPECT_TRUE(waited);
}

// From before the name is taken until the command runs, each answer is a sentence or the command's.
TEST_F(ExecTest, IntoOneThatIsAboutToRun) {
  const Words sentences{"no sandbox is named", "is starting or ending", "has ended"};
  for (int round = 0; round < 10; ++round) {
    Command starting = sbx({"--name", "web", "--", "sleep", "60"});
    starting.environment = environment();
    box_ = std::make_unique<Process>(starting);
    Outcome outcome;
    EXPECT_TRUE(eventually([&] {
      outcome = exec({"web", "--", "echo", "hello"});
      const bool known = std::ranges::any_of(sentences, [&](const auto& each) { return contains(outcome.err, each); });
      EXPECT_TRUE(outcome.status == 0 || (outcome.status == 125 && known)) << outcome.status << outcome.err;
      return outcome.status == 0;
    }));
    EXPECT_EQ(outcome.out, "hello\n");
    box_->kill(SIGTERM);
    box_->finish();
    box_.reset();
  }
}
