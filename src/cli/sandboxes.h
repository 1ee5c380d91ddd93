// The verbs for sandboxes with a name: each looks at their state, or asks their launcher (supervise/control.h).
#pragma once

#include "cli/options.h"

namespace cli {

// Each prints, and returns the exit status: of several names the last error's.
int ps(const Options& options);
int inspect(const Options& options);
int logs(const Options& options);
int stop(const Options& options);
int kill(const Options& options);
int pause_or_resume(const Options& options);
int update(const Options& options);
int rm(const Options& options);
int stats(const Options& options);
int top();

// "HUP", "SIGHUP", "hup" or a number.
Result<int> parse_signal(std::string_view word);
// "12s", "3m", "5h", "9d": the largest unit that is at least one.
std::string describe_age(std::int64_t microseconds);

}  // namespace cli
