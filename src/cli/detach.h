// `sbx -d`: the launcher goes on in a session of its own, without a terminal, and its output into the sandbox's log. The
// sbx that was called waits until the command runs, or until it is clear that it does not.
#pragma once

#include "base/result.h"
#include "supervise/log.h"
#include "sys/fd.h"

#include <optional>
#include <string>

namespace cli {

struct Detached {
  sys::Fd caller;  // to the sbx that was called, while it waits
  sys::Fd errors;  // its standard error
  sys::Fd output;  // what comes from 1 and 2 of the sandbox, until the log takes it
};

// In the sbx that was called: its exit status, when all is said. In the launcher: nothing, and 0–2 lead to nowhere and `output`.
Result<std::optional<int>> detach(Detached& detached);

// The launcher, when init has taken over 0–2.
Result<> let_go_of_output(supervise::Log& log);
// The command runs: the caller prints the name and ends. An error when nobody waits for it any more.
Result<> tell_running(Detached& detached, const std::string& name);
// It does not: what is printed from now on the user sees, and with the status the caller ends.
Result<> show_errors(Detached& detached);
Result<> tell_status(Detached& detached, int status);

}  // namespace cli
