// Processes: how they end is told exactly, programs give their output or their complaint, signals come by descriptor.
#include "sys/process.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sys {
namespace {

using std::chrono::milliseconds;

// A child that runs `act` and exits with what it returns.
template <class Act>
Process child(const Act& act) {
  auto made = clone_process(0, "a child");
  EXPECT_TRUE(made) << made.error().message;
  if (made->is_child()) exit_now(act());
  return *std::move(made);
}

TEST(SysProcess, TheExitStatusComesBack) {
  for (const int status : {0, 1, 125, 255}) {
    const auto ended = wait_process(child([&] { return status; }));
    ASSERT_TRUE(ended);
    EXPECT_FALSE(ended->signaled);
    EXPECT_EQ(ended->number, status);
  }
}

TEST(SysProcess, SignalsComeBackAndGoByPidfd) {
  const Process waiting = child([] { return ::pause(); });
  ASSERT_TRUE(send_signal(waiting.pidfd, SIGKILL));
  const auto ended = wait_process(waiting);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->signaled);
  EXPECT_EQ(ended->number, SIGKILL);
  EXPECT_TRUE(send_signal(waiting.pidfd, SIGKILL)) << "already gone is success";
  EXPECT_TRUE(send_signal_to(waiting.pid, 0));
  EXPECT_EQ(wait_process(waiting).error().code, ECHILD);
}

TEST(SysProcess, ThePidfdClosesOnExec) {
  const Process made = child([] { return 0; });
  EXPECT_EQ(::fcntl(made.pidfd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_TRUE(wait_process(made));
}

TEST(SysProcess, AChildUntilExecSharesNothingAfterwards) {
  struct Told { int number = 0; } told;
  const auto pid = run_until_exec([](void* argument) {
    static_cast<Told*>(argument)->number = 7;  // its memory is ours until it ends
    exit_now(3);
  }, &told, "a child");
  ASSERT_TRUE(pid) << pid.error().message;
  int status = 0;
  ASSERT_EQ(::waitpid(*pid, &status, 0), *pid);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(told.number, 7);
}

TEST(SysProcess, ProgramsOfTheHost) {
  EXPECT_EQ(program_output({"printf", "a\\nb"}, 100).value_or("error"), "a\nb");
  EXPECT_EQ(program_output({"printf", "%0100d", "7"}, 4000)->size(), 100U);
  EXPECT_EQ(program_output({"false"}, 100).error().message, "false ended with status 1");
  const auto missing = program_output({"no-such-program-here"}, 100);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_EQ(missing.error().message, "run no-such-program-here: No such file or directory");
  auto complaining = start_program({"sh", "-c", "echo no >&2; exit 4"});
  ASSERT_TRUE(complaining);
  const auto result = finish_program(*std::move(complaining));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 4);
  EXPECT_EQ(result->errors, "no\n");
}

TEST(SysProcess, AProgramThatSaysTooMuchStillEnds) {
  const auto output = program_output({"sh", "-c", "yes | head -c 1000000"}, 5000);
  ASSERT_TRUE(output);
  EXPECT_GE(output->size(), 5000U);
  EXPECT_LT(output->size(), 10000U);
}

TEST(SysProcess, ProgramsStartWithACleanSignalMask) {
  const auto ended = wait_process(child([] {
    if (!block_signals(std::array{SIGTERM})) return 1;
    const auto output = program_output({"grep", "SigBlk", "/proc/self/status"}, 1000);
    return output && output->find("0000000000000000") != std::string::npos ? 0 : 2;
  }));
  EXPECT_EQ(ended->number, 0);
}

TEST(SysProcess, BlockedSignalsAreReadOneByOne) {
  const auto ended = wait_process(child([] {
    const auto signals = block_signals(std::array{SIGTERM, SIGHUP});
    if (!signals || *read_signal(*signals) != 0) return 1;
    ::raise(SIGTERM), ::raise(SIGHUP), ::raise(SIGUSR1);
    int seen = 0;
    while (const int signal = *read_signal(*signals)) seen = seen * 100 + signal;
    if (seen != SIGHUP * 100 + SIGTERM) return 2;
    if (!unblock_all_signals()) return 3;
    return 4;  // SIGUSR1 was pending, and ends us before this
  }));
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->signaled) << "ended with " << ended->number;
  EXPECT_EQ(ended->number, SIGUSR1);
}

TEST(SysProcess, WaitingForEvents) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  std::array<Watch, 2> watches{{{reader.get(), POLLIN}, {-1, POLLIN}}};
  ASSERT_TRUE(wait_for_events(watches, milliseconds(0)));
  EXPECT_EQ(watches[0].happened, 0);
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  ASSERT_TRUE(wait_for_events(watches, milliseconds(-1)));
  EXPECT_EQ(watches[0].happened, POLLIN);
  EXPECT_EQ(watches[1].happened, 0);
  writer.reset();
  ASSERT_TRUE(wait_for_events(watches, milliseconds(1000)));
  EXPECT_EQ(watches[0].happened & POLLHUP, POLLHUP);
}

TEST(SysProcess, LimitsAndDescriptors) {
  const auto ended = wait_process(child([] {
    if (!set_resource_limit(RLIMIT_NOFILE, 32, 64, "nofile")) return 1;
    const auto now = resource_limit(RLIMIT_NOFILE, "nofile");
    if (!now || now->first != 32 || now->second != 64) return 2;
    const auto raised = set_resource_limit(RLIMIT_NOFILE, 65, 64, "nofile");
    if (raised || raised.error().message != "limit nofile: Invalid argument") return 3;
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!duplicate_onto(null, 20) || ::fcntl(20, F_GETFD) != 0) return 4;
    if (!make_inherited_close_on_exec(3) || ::fcntl(20, F_GETFD) != FD_CLOEXEC || ::fcntl(0, F_GETFD) == FD_CLOEXEC) return 5;
    if (!duplicate_onto(Fd(20), 20)) return 6;
    return 0;
  }));
  EXPECT_EQ(ended->number, 0);
}

TEST(SysProcess, AProgramInPlaceSaysWhatIsWrong) {
  char name[] = "x";
  char* const argv[] = {name, nullptr};
  char* const none[] = {nullptr};
  EXPECT_EQ(start_program_in_place("/missing\n", argv, none).error().message, "exec /missing\\n: No such file or directory");
  EXPECT_EQ(start_program_in_place("/etc", argv, none).error().code, EACCES);
}

TEST(SysProcess, TheClockRuns) {
  const auto first = monotonic_now();
  EXPECT_LE(first, monotonic_now());
  EXPECT_GT(unix_now(), 1'600'000'000);
}

}  // namespace
}  // namespace sys
