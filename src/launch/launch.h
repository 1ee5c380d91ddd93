// The launcher's side of a launch: prepares what the new process will need, makes it, writes its maps.
#pragma once

#include "plan/plan.h"
#include "supervise/sandbox.h"

namespace launch {

Result<supervise::Sandbox> start(const plan::Plan& plan);

}  // namespace launch
