// The sandbox's own pty: what the payload sees, and that every byte arrives. Which of 0–2 it stands for.
#include "harness/surroundings.h"

#include <random>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

using namespace harness;

namespace {

class TerminalTest : public SystemTest {
 protected:
  Command on_terminal(Words arguments) {
    Command command = sbx(std::move(arguments));
    command.terminal = true;
    return command;
  }
  // A line of shell on a terminal of its own.
  Command shell_on_terminal(const std::string& script) {
    return {.argv = {"sh", "-c", script}, .cwd = dir.path(), .environment = {"sbx=" + sbx_binary(), "probe=" + payload("probe")}, .terminal = true};
  }
};

termios settings_of(const Process& process) {
  termios settings{};
  EXPECT_EQ(::tcgetattr(process.terminal(), &settings), 0);
  return settings;
}

// Shells lose keys that come while they start a job, in a sandbox or not.
void settle() { ::usleep(1'000'000); }

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_lflag == b.c_lflag && a.c_cflag == b.c_cflag;
}

// No terminal does anything with these bytes in raw mode; "-opost" inside keeps newlines as they are.
std::string random_bytes(std::size_t count) {
  std::mt19937 generator(7);
  std::string out(count, '\0');
  for (char& byte : out) byte = static_cast<char>(generator());
  return out;
}

TEST_F(TerminalTest, IsTheSandboxesOwn) {
  const Outcome outcome = run(on_terminal(with_probe({}, {"tty", "and", "pids"})));
  EXPECT_PRED2(contains, outcome.out, "isatty 0 1\r\nisatty 1 1\r\nisatty 2 1\r\n");
  for (const char* line : {"size 24 80\r\n", "tty /dev/pts/0\r\n", "foreground 1\r\n", "canonical 1\r\n", "dev_tty 0\r\n", "session 1\r\n"})
    EXPECT_PRED2(contains, outcome.out, line);
  EXPECT_EQ(run(on_terminal({"--", "sh", "-c", "ls /dev/pts"})).out, "0  ptmx\r\n");
}

TEST_F(TerminalTest, SizeFollows) {
  Process process(on_terminal({"--", "bash", "-c", "trap 'echo changed' WINCH; while :; do stty size; sleep 0.05; done"}));
  ASSERT_TRUE(process.wait_for("24 80")) << process.out();
  process.resize(50, 132);
  EXPECT_TRUE(process.wait_for("changed")) << process.out();
  EXPECT_TRUE(process.wait_for("50 132")) << process.out();
  process.resize(10, 20);
  EXPECT_TRUE(process.wait_for("10 20")) << process.out();
  process.kill(SIGTERM);
  EXPECT_EQ(process.finish().status, 143);
}

TEST_F(TerminalTest, KeysArriveOnceAndInOrder) {
  Process process(on_terminal({"--", "sh", "-c", "read a; read b; echo \"<$a|$b>\""}));
  process.send("one\ntwo\n");
  EXPECT_TRUE(process.wait_for("<one|two>")) << process.out();
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(TerminalTest, EndOfFileKeyEnds) {
  Process process(on_terminal({"--", "cat"}));
  process.send("word\n");
  ASSERT_TRUE(process.wait_for("word\r\nword")) << process.out();
  process.send("\x04");
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(TerminalTest, InterruptReachesTheForegroundJobOnly) {
  Process process(on_terminal({"--", "bash", "--norc", "--noprofile", "-i"}));
  ASSERT_TRUE(process.wait_for("$ ")) << process.out();
  process.send("sh -c 'echo run\"\"ning; sleep 60'\n");
  ASSERT_TRUE(process.wait_for("running")) << process.out();
  settle();
  process.send("\x03");
  ASSERT_TRUE(process.wait_for("$ ")) << process.out();
  process.send("echo status $?\n");
  EXPECT_TRUE(process.wait_for("status 130")) << process.out();
  process.send("exit 9\n");
  EXPECT_EQ(process.finish().status, 9);
}

TEST_F(TerminalTest, InterruptEndsAPlainPayload) {
  Process process(on_terminal({"--", "sh", "-c", "echo ready; exec sleep 60"}));
  ASSERT_TRUE(process.wait_for("ready"));
  process.send("\x03");
  EXPECT_EQ(process.finish().status, 130);
}

TEST_F(TerminalTest, JobControlInsideWorks) {
  Process process(on_terminal({"--", "bash", "--norc", "--noprofile", "-i"}));
  ASSERT_TRUE(process.wait_for("$ "));
  process.send("cat\n");
  ASSERT_TRUE(process.wait_for("cat"));
  settle();
  process.send("key\n");
  ASSERT_TRUE(process.wait_for("key\r\nkey")) << process.out();
  process.send("\x1a");
  EXPECT_TRUE(process.wait_for("Stopped")) << process.out();
  process.send("fg\n");
  EXPECT_TRUE(process.wait_for("cat"));
  settle();
  process.send("again\n");
  EXPECT_TRUE(process.wait_for("again\r\nagain")) << process.out();
  process.send("\x04" "exit 0\n");
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(TerminalTest, OutputIsIntact) {
  const std::string bytes = random_bytes(1 << 20);
  dir.write("bytes", bytes);
  Command command = on_terminal({"--ro", dir / "bytes:/bytes", "--", "sh", "-c", "stty raw -echo; cat /bytes"});
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.out == bytes) << outcome.out.size();
}

TEST_F(TerminalTest, PastedInputIsIntact) {
  const std::string bytes = random_bytes(1 << 20);
  const Outcome expected = run({.argv = {"sha256sum"}, .input = bytes});
  Process process(on_terminal({"--", "sh", "-c", "stty raw -echo; echo ready; head -c 1048576 | sha256sum"}));
  ASSERT_TRUE(process.wait_for("ready"));
  process.send(bytes);
  EXPECT_TRUE(process.wait_for(expected.out.substr(0, 64), 60s)) << process.out();
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(TerminalTest, SettingsComeBack) {
  const std::vector<std::pair<Words, int>> ends{
      {{"--", "sh", "-c", "stty raw -echo; exit 4"}, 4},
      {{"--timeout", "200ms", "--", "sleep", "60"}, 124},
      {{"--", "no-such-command"}, 127},
      {{"--ro", "/none", "--", "true"}, 125},
      {{"-w", "/none", "--", "true"}, 125},
      {{"--", "sh", "-c", "kill -SEGV $$"}, 139}};
  for (const auto& [arguments, status] : ends) {
    Command command = shell_on_terminal("stty -a >before; \"$sbx\" \"$@\"; echo \"status $?\"; stty -a >after; cmp before after && echo same");
    command.argv.push_back("sh");
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(command);
    EXPECT_PRED2(contains, outcome.out, "status " + std::to_string(status) + "\r\n");
    EXPECT_TRUE(outcome.out.ends_with("same\r\n")) << outcome.out;
  }
}

TEST_F(TerminalTest, SettingsComeBackAfterASignal) {
  const termios before = settings_of(Process({.argv = {"true"}, .terminal = true}));  // as each new one has them
  Process process(on_terminal({"--", "sh", "-c", "echo ready; exec sleep 60"}));
  ASSERT_TRUE(process.wait_for("ready"));
  EXPECT_FALSE(same(before, settings_of(process))) << "the terminal is raw while the payload runs";
  process.kill(SIGTERM);
  // The harness keeps the master only: the settings are the line discipline's, which both sides share.
  EXPECT_TRUE(eventually([&] { return same(before, settings_of(process)); }));
  EXPECT_EQ(process.finish().status, 143);
}

TEST_F(TerminalTest, OutputInAPipeStaysAPipe) {
  const Outcome outcome = run(shell_on_terminal("\"$sbx\" --ro \"$probe\":/probe -- /probe tty | cat"));
  EXPECT_PRED2(contains, outcome.out, "isatty 0 1\r\nisatty 1 0\r\nisatty 2 1\r\n");
}

TEST_F(TerminalTest, InputFromAPipeStaysAPipe) {
  const Outcome outcome = run(shell_on_terminal("echo x | \"$sbx\" --ro \"$probe\":/probe -- sh -c 'cat; /probe tty'"));
  EXPECT_PRED2(contains, outcome.out, "x\r\nisatty 0 0\r\nisatty 1 1\r\nisatty 2 1\r\n");
}

TEST_F(TerminalTest, BothSidesPipes) {
  const Outcome outcome = run(shell_on_terminal("echo x | \"$sbx\" --ro \"$probe\":/probe -- sh -c 'cat; /probe tty' 2>err | cat; cat err"));
  EXPECT_PRED2(contains, outcome.out, "x\r\nisatty 0 0\r\nisatty 1 0\r\nisatty 2 0\r\n");
}

// The shape of `sbx -- git log | less`: the payload does not read, the other reader of the terminal does.
TEST_F(TerminalTest, KeysOfAnotherReaderAreNotTaken) {
  Process process(shell_on_terminal("\"$sbx\" -- sh -c 'echo started >&2; sleep 1; echo done' | { read a </dev/tty; read b </dev/tty; echo \"<$a|$b>\"; cat; }"));
  ASSERT_TRUE(process.wait_for("started")) << process.out();
  process.send("one\n");
  ::usleep(200'000);
  process.send("two\n");
  EXPECT_TRUE(process.wait_for("<one|two>")) << process.out();
  EXPECT_TRUE(process.wait_for("done")) << process.out();
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(TerminalTest, APayloadThatReadsGetsItsKeysBesideAPipe) {
  Process process(shell_on_terminal("\"$sbx\" -- sh -c 'echo ready >&2; read a; echo \"<$a>\"' | cat"));
  ASSERT_TRUE(process.wait_for("ready"));
  process.send("word\n");
  EXPECT_TRUE(process.wait_for("<word>")) << process.out();
  EXPECT_EQ(process.finish().status, 0);
}

TEST_F(TerminalTest, InterruptBesideAPipe) {
  Process process(shell_on_terminal("\"$sbx\" -- sh -c 'echo ready >&2; exec sleep 60' | cat; echo after"));
  ASSERT_TRUE(process.wait_for("ready"));
  process.send("\x03");
  const Outcome outcome = process.finish();
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_EQ(outcome.signal, SIGINT);
}

TEST_F(TerminalTest, ForcedWithPipes) {
  Command command = sbx(with_probe({"-t"}, {"tty"}));
  const Outcome outcome = run(command);
  EXPECT_PRED2(contains, outcome.out, "isatty 0 1");
  EXPECT_PRED2(contains, outcome.out, "isatty 1 1");
  EXPECT_PRED2(contains, outcome.out, "tty /dev/pts/0");
  command = sbx({"-t", "--", "sh", "-c", "read a; echo \"<$a>\""});
  command.input = "word\n";
  EXPECT_PRED2(contains, run(command).out, "<word>");
}

TEST_F(TerminalTest, ForcedWithPipesEndsWithItsInput) {
  Command command = sbx({"-t", "--", "cat"});
  command.input = "one\ntwo\n";
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_PRED2(contains, outcome.out, "two");
}

TEST_F(TerminalTest, TurnedOff) {
  const Outcome outcome = run(on_terminal(with_probe({"-T"}, {"tty"})));
  EXPECT_PRED2(contains, outcome.out, "isatty 0 1\r\n");
  EXPECT_PRED2(contains, outcome.out, "dev_tty ENXIO\r\n");  // no controlling terminal: it cannot push keys back
}

TEST_F(TerminalTest, AHangUpEndsThePayload) {
  const std::string marker = "16180339" + std::to_string(::getpid());
  {
    Process process(on_terminal({"--", "sh", "-c", "echo ready; exec sleep " + marker}));
    ASSERT_TRUE(process.wait_for("ready"));
    process.kill(SIGHUP);
    EXPECT_EQ(process.finish().status, 129);
  }
  EXPECT_TRUE(eventually([&] { return processes_with(marker).empty(); }));
}

TEST_F(TerminalTest, TheRestOfTheOutputIsNotLost) {
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = run(on_terminal({"--", "sh", "-c", "seq 2000"}));
    EXPECT_TRUE(outcome.out.ends_with("\n2000\r\n")) << i << ": " << outcome.out.size();
  }
}

}  // namespace
