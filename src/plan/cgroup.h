// The limits of [resources] as files of a control group, version 2.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

namespace plan {

// All that the profile names, "max" included: what a running sandbox is given when only some keys are set.
Result<std::vector<CgroupSetting>> make_cgroup_settings(const profile::Profile& profile, const Host& host);

// Of a launch: a new group has no limits, so there is nothing to lift. A sandbox with a name is glad of a group (it
// can be frozen then), one with limits needs it.
Result<Cgroup> make_cgroup(const profile::Profile& profile, const Host& host);

// Of the required ones, each once: "memory" of memory.max.
std::vector<std::string> controllers_of(const std::vector<CgroupSetting>& settings);

}  // namespace plan
