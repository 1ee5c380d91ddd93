// The launcher's side of a launch: prepares what the new process will need, makes it, writes its maps.
#pragma once

#include "plan/plan.h"
#include "supervise/sandbox.h"

namespace launch {

// `state`: of a named one, else none; the launcher's alone, and to outlive the sandbox.
Result<supervise::Sandbox> start(const plan::Plan& plan, supervise::State* state = nullptr);

}  // namespace launch
