// Standard streams and what else a caller leaves open: 0–2 pass through untouched, nothing else does.
#include "harness/surroundings.h"

#include <random>

using namespace harness;

namespace {

class DescriptorsTest : public SystemTest {};

std::string random_bytes(std::size_t count) {
  std::mt19937 generator(42);
  std::string out(count, '\0');
  for (char& byte : out) byte = static_cast<char>(generator());
  return out;
}

TEST_F(DescriptorsTest, PipesAreEightBitClean) {
  Command command = sbx({"--", "cat"});
  command.input = random_bytes(1 << 20);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out == command.input) << outcome.out.size();
}

TEST_F(DescriptorsTest, OutputAndErrorStayApart) {
  const Outcome outcome = run_sbx({"--", "sh", "-c", "echo out; echo err >&2"});
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST_F(DescriptorsTest, EndOfInputIsSeen) { EXPECT_EQ(run_sbx({"--", "sh", "-c", "cat; echo end"}).out, "end\n"); }

TEST_F(DescriptorsTest, FilesKeepTheirOffsets) {
  const Outcome outcome = run_shell("printf 'one\\ntwo\\n' >in; exec <in; \"$sbx\" -- sh -c 'read x; echo $x'; cat");
  EXPECT_EQ(outcome.out, "one\ntwo\n") << outcome.err;
}

TEST_F(DescriptorsTest, ClosedStreamsAreOpenedOnNothing) {
  for (const char* closing : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    const Outcome outcome = run_shell(std::string("\"$sbx\" -- sh -c 'ls -l /proc/self/fd >/tmp/x; exit 5' ") + closing);
    EXPECT_EQ(outcome.status, 5) << closing << outcome.err;
  }
  const Outcome outcome = run_shell("\"$sbx\" -- readlink /proc/self/fd/0 <&-");
  EXPECT_EQ(outcome.out, "/dev/null\n") << outcome.err;
}

TEST_F(DescriptorsTest, NothingInheritedAtAll) {
  Command command = sbx({"--", "sh", "-c", "exit 5"});
  command.inherit_nothing = true;
  EXPECT_EQ(run(command).status, 5);
}

TEST_F(DescriptorsTest, ADirectoryIsNoStream) {
  for (const char* redirection : {"</", "</tmp", ">/dev/null 2>/dev/null <."}) {
    const Outcome outcome = run_shell(std::string("\"$sbx\" -- true ") + redirection);
    EXPECT_EQ(outcome.status, 125) << redirection;
  }
  EXPECT_PRED2(contains, run_shell("\"$sbx\" -- true </").err, "descriptor 0 is a directory");
}

TEST_F(DescriptorsTest, OthersAreNotInherited) {
  const Outcome outcome = run_shell("exec 3</etc/passwd 4</ 9>/dev/null; exec \"$sbx\" --ro \"$probe\":/probe -- /probe fds");
  const Words open = values_of(outcome, "fd");
  EXPECT_EQ(open.size(), 3U) << outcome.out << outcome.err;
}

TEST_F(DescriptorsTest, InitHoldsNoneOfTheHosts) {
  // Pid 1 is not dumpable: nobody inside can look, not even at the links.
  const Outcome outcome = run_sbx({"--", "sh", "-c", "ls /proc/1/fd; readlink /proc/1/root /proc/1/exe; cat /proc/1/environ"});
  EXPECT_EQ(outcome.out, "");
  EXPECT_PRED2(contains, outcome.err, "Permission denied");
}

TEST_F(DescriptorsTest, AClosedReaderIsABrokenPipe) {
  const Outcome outcome = run_shell("{ \"$sbx\" -- yes; echo $? >status; } | head -n 1; cat status");
  EXPECT_EQ(outcome.out, "y\n141\n") << outcome.err;
}

TEST_F(DescriptorsTest, ASlowReaderLosesNothing) {
  const Outcome outcome = run_shell("\"$sbx\" -- sh -c 'head -c 300000 /dev/zero; exit 3' | { sleep 0.5; wc -c; }");
  EXPECT_EQ(outcome.out, "300000\n") << outcome.err;
}

}  // namespace
