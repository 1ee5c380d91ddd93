// Joins a running sandbox: asks its launcher, and makes init inside of what is shared.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"
#include "supervise/cgroup.h"
#include "supervise/pod.h"
#include "sys/process.h"

namespace launch {

// host.joined, where the profile asks for one.
Result<> probe_joined(Host& host, const profile::Profile& profile);

// As a member of its pod: the namespaces of plan.join in the order in which they are entered. `cgroup`: the member's own.
Result<std::vector<sys::Fd>> join_pod(const plan::Plan& plan, supervise::Pod& pod, const supervise::Cgroup& cgroup);
// One of them.
sys::Fd take_shared(const plan::Plan& plan, std::vector<sys::Fd>& shared, plan::Namespace kind);

// clone3(2) as sys::clone_process, from inside the shared namespaces: a child of the caller, which stays outside itself.
Result<sys::Process> clone_inside(const plan::Plan& plan, const std::vector<sys::Fd>& shared, std::uint64_t flags, const sys::Fd& cgroup);

}  // namespace launch
