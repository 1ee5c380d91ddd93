// The last steps of the payload: its terminal, limits, privileges and filter, then the command itself.
#pragma once

#include "launch/enter.h"

namespace launch {

// Of a command that joins a running sandbox: the program that starts it (launch/starter.h), and the pipe whose only
// reader is its parent.
struct Joining { const sys::Fd& starter; const sys::Fd& complaints; };

// Returns only when something failed. `command` is the plan's own, or one that joins.
Error run_payload(const plan::Plan& plan, const plan::Command& command, const Prepared& prepared, const sys::Fd& terminal,
                  const Joining* joining = nullptr);

// What a failed exec of the command means.
Error explain_exec(const plan::Command& command, Error refused);

}  // namespace launch
