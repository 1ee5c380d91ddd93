// A further command in a running sandbox (sbx exec), from the launcher's side: a process forked by the launcher, which
// has the plan and what it was prepared with in memory, so that the command is confined by the same code as the payload.
#pragma once

#include "launch/enter.h"
#include "supervise/init.h"
#include "supervise/sandbox.h"

namespace launch {

// Called by init, once its root is made and while it has the host's /proc: its namespaces in the plan's order, then the
// directory of its devpts.
Result<std::vector<sys::Fd>> open_entrances(const plan::Plan& plan, const sys::Fd& proc);

// A command among processes that are not all its own, in the pid namespace that the caller has entered for its children:
// executed by a starter (launch/starter.h). What goes wrong before that the child says on `channel`. Forked, not vforked:
// whoever stops it before its exec must not stop the caller with it. `command` outlives what is returned.
struct StartedCommand { pid_t pid; supervise::Complaints complaints; };
Result<StartedCommand> start_command(const plan::Plan& plan, const Prepared& prepared, const plan::Command& command,
                                     const sys::Fd& channel, const sys::Fd& terminal);

// The launcher's answer to exec requests: it forks an attendant, which takes over the connection.
using Attend = std::function<Result<supervise::Reply>(supervise::Sandbox&, supervise::Request&, sys::Fd& client)>;
Attend attend_with(const plan::Plan& plan, Prepared prepared);

}  // namespace launch
