// What the new process does to become init of the sandbox, and the payload below it.
#pragma once

#include "plan/plan.h"
#include "sys/fd.h"

#include <linux/filter.h>
#include <vector>

namespace launch {

// Made by the launcher before the clone: nothing here is decided or looked up later.
struct Prepared {
  std::vector<sock_filter> filter;   // compiled plan.seccomp
  std::vector<int> capabilities;     // numbers of plan.privileges.capabilities
  unsigned file_mask = 022;          // the user's umask, for the payload
};

// Init's too: without it the rest has no life either. `proc` is the host's /proc; the caller is dumpable.
Result<> raise_oom_score(int adjustment, const sys::Fd& proc);

// What init comes with: its ends of the sockets to the launcher and to the network engine (where there is one). Where it
// shares the pid namespace of another sandbox, that, and the connection to its launcher, whose end says that both
// launcher and init are gone.
struct Luggage { sys::Fd channel, engine, processes, first; };

// In the child of the clone; `in_cgroup`: it is in a control group of its own. Never returns into the parent's code.
[[noreturn]] void enter(const plan::Plan& plan, const Prepared& prepared, Luggage luggage, bool in_cgroup);

}  // namespace launch
