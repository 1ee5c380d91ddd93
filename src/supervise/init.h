// Init: pid 1 of the sandbox. Reaps, passes signals on, watches the launcher and the masks.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace supervise {

struct Init {
  pid_t payload = 0;             // leads its own process group
  sys::Fd channel, signals;      // signals: SIGCHLD
  sys::Fd mountinfo;             // open only when there are masks to watch
  std::vector<std::pair<std::uint64_t, std::string>> masks;  // mount id, path inside
  sys::Fd moves;                                             // with the masks
  std::vector<std::pair<int, std::string>> move_numbers;     // sys::next_move's, path inside
};

// Until the payload has ended or the launcher is gone. Then the caller exits, and the kernel ends the rest.
Result<> run_init(const Init& init);

// What init and attendants keep for themselves: the right to signal a command that has changed its ids.
Result<> keep_signalling_only();

// What the launcher says about a command that leads its own process group; true when the launcher is gone.
Result<bool> obey(const sys::Fd& channel, pid_t command);

// The first of `masks` that mountinfo does not list (proc_pid_mountinfo(5)); pure.
const std::string* lost_mask(const std::vector<std::pair<std::uint64_t, std::string>>& masks, std::string_view mountinfo);

}  // namespace supervise
