// A further command in a running sandbox (sbx exec), from the launcher's side: a process forked by the launcher, which
// has the plan and what it was prepared with in memory, so that the command is confined by the same code as the payload.
#pragma once

#include "launch/enter.h"
#include "supervise/sandbox.h"

namespace launch {

// Called by init, once its root is made and while it has the host's /proc: its namespaces in the plan's order, then the
// directory of its devpts.
Result<std::vector<sys::Fd>> open_entrances(const plan::Plan& plan, const sys::Fd& proc);

// The launcher's answer to exec requests: it forks an attendant, which takes over the connection.
using Attend = std::function<Result<supervise::Reply>(supervise::Sandbox&, supervise::Request&, sys::Fd& client)>;
Attend attend_with(const plan::Plan& plan, Prepared prepared);

}  // namespace launch
