// One stage tried in a process of its own, so that sbx itself enters no namespace and keeps nothing of it.
#pragma once

#include "launch/checks.h"
#include "plan/plan.h"

#include <functional>

namespace launch {

// In the new process, once its ids are mapped: what was found, or the refusal.
using TrialSteps = std::function<Result<std::string>()>;

// `flags` as for clone(2); `identity`: the ids to take first, nullptr for none.
Attempt try_stage(std::uint64_t flags, const plan::Identity* identity, const TrialSteps& steps);

// One stage each. Those without an identity need no user namespace.
Attempt try_processes();
Attempt try_user_namespace();
Attempt try_id_map(const plan::Identity& identity);
Attempt try_id_range(const plan::Identity& identity);
Attempt try_tap(const plan::Identity& identity);
Attempt try_time(const plan::Identity& identity);
Attempt try_mounts(const plan::Identity& identity);
Attempt try_proc(const plan::Identity& identity);
Attempt try_sysfs(const plan::Identity& identity);
Attempt try_devpts(const plan::Identity& identity);
Attempt try_overlay(const plan::Identity& identity);
Attempt try_seccomp();
Attempt try_landlock();
Attempt try_openat2();
Attempt try_network(profile::Profile profile);
Attempt try_ping();
Attempt try_launch(const profile::Profile& profile);

}  // namespace launch
