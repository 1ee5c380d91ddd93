// Decides the sandbox's network, and the two files in /etc that names are looked up with.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

namespace plan {

Result<Network> make_network(const profile::Profile& profile);

// Whether the profile asks for one, so that the probe looks at the host's only then.
bool wants_network(const profile::Profile& profile);

// Those of resolv.conf and hosts that are not the host's own; `inside` as in Layered::files.
std::vector<File> name_files(const Network& network, const std::string& hostname, const Host& host);

}  // namespace plan
