// Profile + Host → Plan. Pure: the same two give the same Plan.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

namespace plan {

Result<Plan> make(const profile::Profile& profile, const Host& host, std::vector<std::string> command);

}  // namespace plan
