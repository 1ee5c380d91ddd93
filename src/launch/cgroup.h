// The sandbox's control group: made, divided and limited before anything runs in it.
#pragma once

#include "plan/plan.h"
#include "supervise/cgroup.h"

#include <string>

namespace launch {

// Nothing is looked at when the plan needs none. Where it fails with nobody to blame, what was only welcome is left
// out, and what may be missing is named in the result.
Result<supervise::Cgroup> start_cgroup(const plan::Cgroup& wanted, const std::string& name);

// What is written to the file: of io.max, with the number of the device.
Result<std::string> cgroup_value(const plan::CgroupSetting& setting);

}  // namespace launch
