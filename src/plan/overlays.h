// Decides what is shown copy-on-write: which directories, who overlays them, and where the changes lie.
// launch/overlays carries it out.
#pragma once

#include "plan/mounts.h"

namespace plan {

// Host directories that the profile wants overlaid, or that the sandbox of its name has from earlier runs: the probe
// looks at them (Host::lowers).
Result<std::vector<std::string>> overlaid_directories(const profile::Profile& profile, const Host& host);

// Changes that are kept, and those that memory cannot hold, lie in the state directory of the sandbox: it has a name.
bool needs_state(const profile::Profile& profile, const Host& host);

// Of these steps' kept overlays.
Result<OnExit> make_on_exit(const profile::Profile& profile, const Host& host, const std::vector<MountStep>& steps);

bool keeps_changes(const std::vector<MountStep>& steps);

Result<> add_overlays(FileSystem& out, const profile::Profile& profile, const Host& host, const Plan& so_far);

}  // namespace plan
