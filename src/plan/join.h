// Decides what is shared with a running sandbox, and what that rules out.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

#include <string>
#include <vector>

namespace plan {

bool wants_join(const profile::Profile& profile);

// The plan's identity, network, hostname and `join`, by host.joined.
Result<> make_join(Plan& plan, const profile::Profile& profile, const Host& host, std::vector<std::string>& notes);

// Once the rest is decided: what a user namespace that others are in cannot give.
Result<> check_join(Plan& plan, const Host& host);

// The names by which its fellows know it; none without --name or --hostname. A host name that is shared is the other's.
std::vector<std::string> names_among_fellows(const Plan& plan);

}  // namespace plan
