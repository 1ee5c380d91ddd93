// Writes the id maps that plan/identity decided (user_namespaces(7), newuidmap(1)).
#pragma once

#include "plan/plan.h"
#include "sys/fd.h"
#include "sys/process.h"

namespace launch {

// In init, for one id: needs no help. `proc` is the host's /proc.
Result<> write_own_maps(const plan::Identity& identity, const sys::Fd& proc);

// In the launcher, for the process that waits for it.
Result<> write_maps_of(const plan::Identity& identity, pid_t pid);

}  // namespace launch
