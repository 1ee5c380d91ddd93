// The launcher's side of a launch: prepares what the new process will need, makes it, writes its maps.
#pragma once

#include "plan/plan.h"
#include "supervise/sandbox.h"

namespace launch {

// `plan` outlives the sandbox where it is a named one. `state`: of a named one, else none; the launcher's alone, and to outlive the sandbox.
Result<supervise::Sandbox> start(const plan::Plan& plan, supervise::State* state = nullptr);

// All signals are blocked from then on; those that a user or a service manager sends are read from it.
Result<sys::Fd> take_signals();

}  // namespace launch
