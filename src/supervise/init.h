// Init: pid 1 of the sandbox, or beside the pid namespace that it shares with another. Reaps, passes signals on, watches
// the launcher and the masks.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace supervise {

// Of a command that a starter executes (launch/starter.h): -errno, when that failed.
struct Complaints {
  sys::Fd reader;
  std::function<Error(int code)> explain;
  Result<std::optional<Error>> take() const;
};

struct Init {
  pid_t payload = 0;             // leads its own process group; 0 again when it has been waited for
  sys::Fd channel, signals;      // signals: SIGCHLD
  sys::Fd mountinfo;             // open only when there are masks to watch
  std::vector<std::pair<std::uint64_t, std::string>> masks;  // mount id, path inside
  sys::Fd moves;                                             // with the masks
  std::vector<std::pair<int, std::string>> move_numbers;     // sys::next_move's, path inside
  Complaints complaints;         // where the payload is in another sandbox's pid namespace, and init is not
};

// Until the payload has ended or the launcher is gone. Then the caller exits, and the kernel ends the rest.
Result<> run_init(Init& init);

// Before the caller exits, in a pid namespace that is shared: ends a payload that has not, and waits for it, as the end of
// that namespace's first process does.
Result<> end_among_others(const Init& init);

// What init and attendants keep for themselves: the right to signal a command that has changed its ids.
Result<> keep_signalling_only();

// What the launcher says about a command that leads its own process group; true when the launcher is gone.
Result<bool> obey(const sys::Fd& channel, pid_t command);

// The first of `masks` that mountinfo does not list (proc_pid_mountinfo(5)); pure.
const std::string* lost_mask(const std::vector<std::pair<std::uint64_t, std::string>>& masks, std::string_view mountinfo);

}  // namespace supervise
