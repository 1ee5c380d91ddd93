// Decides what is run and with which environment, working directory and limits.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

namespace plan {

Result<Command> make_command(const profile::Profile& profile, const Host& host, const Plan& so_far,
                             std::vector<std::string> argv);
Result<std::vector<Limit>> make_limits(const profile::Profile& profile);

}  // namespace plan
