// The number sbx exits with, for every way to end.
#include "supervise/sandbox.h"

#include <gtest/gtest.h>

#include <csignal>

namespace supervise {
namespace {

Outcome ended(Reason reason, int code = 0, int signal = 0) {
  Outcome outcome;
  outcome.reason = reason, outcome.code = code, outcome.signal = signal;
  return outcome;
}

TEST(SuperviseExitStatus, TheCommandsOwn) {
  for (int code = 0; code < 256; ++code) EXPECT_EQ(exit_status_of(ended(Reason::exited, code)), code);
}

TEST(SuperviseExitStatus, Signals) {
  EXPECT_EQ(exit_status_of(ended(Reason::signaled, 0, SIGTERM)), 143);
  EXPECT_EQ(exit_status_of(ended(Reason::signaled, 0, SIGKILL)), 137);
}

TEST(SuperviseExitStatus, TheTimeoutCountsWhateverTheCommandSaid) {
  EXPECT_EQ(exit_status_of(ended(Reason::timeout, 0)), 124);
  EXPECT_EQ(exit_status_of(ended(Reason::timeout, 3, SIGKILL)), 124);
}

TEST(SuperviseExitStatus, SetUpSaysWhatItsErrorSays) {
  EXPECT_EQ(exit_status_of(ended(Reason::setup)), 125);
  Outcome outcome = ended(Reason::setup);
  for (const int status : {125, 126, 127}) {
    outcome.error = Error{.code = 0, .message = {}, .hint = {}, .status = status};
    EXPECT_EQ(exit_status_of(outcome), status);
  }
}

TEST(SuperviseExitStatus, ALostMaskIsOurFailure) {
  Outcome outcome = ended(Reason::mask, 0);
  EXPECT_EQ(exit_status_of(outcome), 125);
  outcome.error = Error{};
  EXPECT_EQ(exit_status_of(outcome), 125);
}

}  // namespace
}  // namespace supervise
