// The launcher's side of a launch: prepares what the new process will need, makes it, writes its maps.
#pragma once

#include "plan/plan.h"
#include "supervise/sandbox.h"

#include <string>

namespace launch {

// `cache`: where compiled filters are kept; empty when there is no such place.
Result<supervise::Sandbox> start(const plan::Plan& plan, const std::string& cache);

}  // namespace launch
