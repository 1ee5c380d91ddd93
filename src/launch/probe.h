// Reads the Host: what the plan needs to know of this machine and of the caller, and nothing more. It runs on
// every launch, so it asks only by cheap calls; sbx doctor is where things are tried for real.
#pragma once

#include "plan/host.h"
#include "profile/profile.h"

namespace launch {

// The profile decides which questions are asked (subordinate ids, a rootfs's owner, paths to guard).
Result<Host> probe_host(const profile::Profile& profile);

}  // namespace launch
