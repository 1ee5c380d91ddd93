// sbx as a job of the user's shell: ^Z stops it, `fg` and `bg` resume it, and the terminal is the user's meanwhile.
#include "harness/surroundings.h"

#include <termios.h>
#include <unistd.h>

using namespace harness;

namespace {

class JobControlTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    if (!has_program("bash")) GTEST_SKIP() << "bash is not installed";
  }
  // An interactive shell on a terminal; its prompt is "outer> ".
  Command shell() {
    return {.argv = {"bash", "--norc", "--noprofile", "-i"}, .cwd = dir.path(),
            .environment = {"sbx=" + sbx_binary(), "PS1=outer> ", "HISTFILE="}, .terminal = true};
  }
  static void leave(Process& process) {
    process.send("exit 0\n");
    EXPECT_EQ(process.finish().status, 0);
  }
};

TEST_F(JobControlTest, StopAndResume) {
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("stty -a >before; \"$sbx\" -- sh -c 'echo in; while read x; do echo \"<$x>\"; done'\n");
  ASSERT_TRUE(process.wait_for("in\r\n")) << process.out();
  for (const char* word : {"first", "second", "third"}) {
    process.send("\x1a");
    ASSERT_TRUE(process.wait_for("Stopped")) << process.out();
    ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
    process.send("stty -a >after; cmp before after && echo same\"\"settings\n");
    ASSERT_TRUE(process.wait_for("samesettings")) << process.out();
    ASSERT_TRUE(process.wait_for("outer> "));
    process.send("fg\n");
    ASSERT_TRUE(process.wait_for("sbx"));  // bash names the job
    ::usleep(1'000'000);
    process.send(std::string(word) + "\n");
    ASSERT_TRUE(process.wait_for(std::string("<") + word + ">")) << process.out();
  }
  process.send("\x04");
  ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
  process.send("echo status $?\n");
  EXPECT_TRUE(process.wait_for("status 0\r\n")) << process.out();
  leave(process);
}

TEST_F(JobControlTest, AnEditorSurvivesAStop) {
  if (!has_program("vi")) GTEST_SKIP() << "vi is not installed";
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("\"$sbx\" --rw \"$PWD\" -- vi -u NONE text\n");
  ASSERT_TRUE(process.wait_for("\"text\" [New")) << process.out();  // the editor's own words
  process.send("ihello\x1b\x1a");
  ASSERT_TRUE(process.wait_for("Stopped")) << process.out();
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("fg\n");
  ::usleep(1'000'000);
  process.send(":wq\n");
  ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
  leave(process);
  EXPECT_EQ(read_file(dir / "text"), "hello\n");
}

TEST_F(JobControlTest, APayloadBesideAPipeStopsToo) {
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  // Its pauses are builtins: a shell that waits for its vforked child does not stop, here as without sbx (vfork(2)).
  process.send("\"$sbx\" -- bash -c 'exec 3<> <(:); while [ $((++i)) -lt 5000 ]; do echo tick $i; read -t 0.02 -u 3; done' | cat\n");
  ASSERT_TRUE(process.wait_for("tick 3")) << process.out();
  process.send("\x1a");
  ASSERT_TRUE(process.wait_for("Stopped")) << process.out();
  ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
  const std::size_t length = process.out().size();
  EXPECT_FALSE(process.wait_for("tick", 500ms)) << process.out().substr(length);
  process.send("fg\n");
  EXPECT_TRUE(process.wait_for("\ntick")) << process.out();  // not in the line that fg prints: the terminal is not its own by then
  process.send("\x03");
  EXPECT_TRUE(process.wait_for("outer> ")) << process.out();
  leave(process);
}

TEST_F(JobControlTest, WithoutATerminalOfItsOwnItStopsToo) {
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("\"$sbx\" -T -- sh -c 'echo in; sleep 60'\n");
  ASSERT_TRUE(process.wait_for("in\r\n")) << process.out();
  ::usleep(1'000'000);
  process.send("\x1a");
  ASSERT_TRUE(process.wait_for("Stopped")) << process.out();
  process.send("fg\n");
  ::usleep(1'000'000);
  process.send("\x03");
  EXPECT_TRUE(process.wait_for("outer> ")) << process.out();
  process.send("echo status $?\n");
  EXPECT_TRUE(process.wait_for("status 130")) << process.out();
  leave(process);
}

TEST_F(JobControlTest, InTheBackgroundItDoesNotTakeTheTerminal) {
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("stty -a >before; \"$sbx\" -- sh -c 'sleep 0.5; exit 3' &\n");
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("echo typed \"in\" peace\n");
  EXPECT_TRUE(process.wait_for("typed in peace")) << process.out();
  // It stops before it touches the terminal, also when only `bg` resumes it, and takes its end then.
  process.send("until jobs | grep -q Stopped; do sleep 0.02; done; echo stopped by \"the terminal\"\n");
  ASSERT_TRUE(process.wait_for("stopped by the terminal")) << process.out();
  process.send("bg; sleep 0.2; until jobs | grep -q Stopped; do sleep 0.02; done; echo stopped \"again\"\n");
  ASSERT_TRUE(process.wait_for("stopped again")) << process.out();
  process.send("fg; wait; stty -a >after; cmp before after && echo same\"\"settings\n");
  EXPECT_TRUE(process.wait_for("samesettings", 10s)) << process.out();
  leave(process);
}

TEST_F(JobControlTest, InTheBackgroundItTakesItsEnd) {
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("\"$sbx\" -- sleep 60 &\n");
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("until jobs | grep -q Stopped; do sleep 0.02; done; kill %1;"
               " while jobs | grep -q Stopped; do sleep 0.02; done; while jobs | grep -q Running; do sleep 0.02; done; echo it \"ended\"\n");
  ASSERT_TRUE(process.wait_for("it ended", 10s)) << process.out();
  EXPECT_TRUE(process.wait_for("outer> ")) << process.out();
  EXPECT_PRED2(contains, process.out(), "Exit 143");
  leave(process);
}

TEST_F(JobControlTest, KeysAreNotReadInTheBackground) {
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("\"$sbx\" -- sh -c 'read x; echo \"<$x>\"' | cat >out &\n");
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("echo for \"the shell\"\n");
  EXPECT_TRUE(process.wait_for("for the shell")) << process.out();
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("fg\n");
  ::usleep(1'000'000);
  process.send("for the payload\n");
  ASSERT_TRUE(process.wait_for("outer> ")) << process.out();
  process.send("cat out\n");
  EXPECT_TRUE(process.wait_for("<for the payload>")) << process.out();
  leave(process);
}

TEST_F(JobControlTest, KilledWhileStoppedItLeavesNothing) {
  const std::string marker = "14142135" + std::to_string(::getpid());
  Process process(shell());
  ASSERT_TRUE(process.wait_for("outer> "));
  process.send("\"$sbx\" -- sh -c 'echo in; sleep " + marker + "'\n");
  ASSERT_TRUE(process.wait_for("in\r\n"));
  ::usleep(1'000'000);  // a shell that is about to vfork does not stop
  process.send("\x1a");
  ASSERT_TRUE(process.wait_for("Stopped")) << process.out();
  process.send("kill -KILL %1; wait %1; echo ended\"\"now\n");
  EXPECT_TRUE(process.wait_for("endednow")) << process.out();
  EXPECT_TRUE(eventually([&] { return processes_with(marker).empty(); }));
  leave(process);
}

}  // namespace
