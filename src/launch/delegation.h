// Where this user may make control groups (cgroup-v2.rst, "Delegation"), and how a launcher comes to stand there.
#pragma once

#include "base/result.h"
#include "plan/plan.h"
#include "supervise/cgroup.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace launch {

// A group that is ours to divide.
struct Base {
  supervise::CgroupKind kind = supervise::CgroupKind::delegated;
  std::string path;         // as /proc/PID/cgroup shows it
  std::string directory;
  bool around_us = true;    // we are in it or in its supervisor, and not somewhere else
  bool guarded = false;     // the kernel keeps a cgroup namespace from changing its own root's limits
};

// In this order: the parent that was asked for; our own group; the one around our own `supervisor`; a scope by that
// name from systemd.
Result<Base> find_base(const plan::Cgroup& wanted, const std::string& unit, pid_t pid);

// For the doctor, who changes nothing: the group that a launch would divide, or that its scope would lie in.
struct Delegation {
  bool unified = false;                  // version 2 is there, alone
  std::string directory;                 // empty: none is ours
  std::vector<std::string> controllers;  // of it
};
Result<Delegation> probe_delegation();

// Of a sandbox that has none: how its scope is called.
std::string scope_name(const std::string& sandbox, pid_t launcher);
// The name of the scope that was made for the sandbox of this group alone; empty: there is none. Pure.
std::string own_scope_of(std::string_view group);
// What a running sandbox is given anew, where it has a scope to itself: a weight counts among the units beside that one.
Result<> update_scope(std::string_view group, const std::vector<plan::CgroupSetting>& settings);

// What to do where a controller is not delegated: for people.
std::string controllers_hint();

// The mount of version 2: its root may be a group further down (a container's). Pure.
struct CgroupMount {
  std::string directory, root;
  bool guarded = false;     // option nsdelegate
};
std::optional<CgroupMount> cgroup_mount_of(std::string_view mountinfo);
// The line of version 2 in /proc/PID/cgroup; empty: none. Pure.
std::string cgroup_path_of(std::string_view proc_cgroup);
// nullopt: not to be seen through this mount. Pure.
std::optional<std::string> cgroup_directory(const CgroupMount& mount, std::string_view path);

}  // namespace launch
