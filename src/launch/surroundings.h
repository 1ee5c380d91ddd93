// What explains a refusal: the settings of this machine, and where the caller stands in it. Read for sbx doctor
// only; nothing is tried here.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "launch/delegation.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace launch {

// newuidmap, newgidmap: found in PATH or not, and able to do what the caller cannot.
struct MapHelper {
  std::string path;         // empty: not found
  bool privileged = false;  // set-uid root, or with file capabilities
};

struct Surroundings {
  Id uid = 0;
  std::string user;
  int kernel_major = 0, kernel_minor = 0;
  std::string executable;           // /proc/self/exe
  std::string first_in_path;        // the sbx that a shell would run; empty: none
  bool first_in_path_is_this = false;

  std::string container, evidence;  // "Docker", "/.dockerenv"; empty: none seen
  bool in_user_namespace = false;   // not the initial one
  bool chrooted = false;
  bool filtered = false;            // a seccomp filter is on sbx itself
  bool no_new_privileges = false;
  std::vector<std::string> covered_proc, covered_sys;  // mounts below /proc and /sys

  // Values of /proc/sys; empty: this kernel has no such setting.
  std::optional<std::uint64_t> apparmor_restricts;  // kernel.apparmor_restrict_unprivileged_userns
  std::optional<std::uint64_t> userns_clone;        // kernel.unprivileged_userns_clone
  std::optional<std::uint64_t> max_user_namespaces;
  std::string apparmor_loaded, apparmor_shipped;    // our profile in /etc/apparmor.d and beside the binary; empty: none
  std::string apparmor_binary;                      // the path it speaks of

  MapHelper newuidmap, newgidmap;
  Id free_ids = 100000;             // above every range in /etc/subuid and /etc/subgid
  std::string fuse_overlayfs;       // its path; empty: not found
  bool fuse_opens = false;          // /dev/fuse
  Delegation cgroup;
  std::string controllers_hint;     // how those that are not delegated are had
};

Result<Surroundings> probe_surroundings();

// In the caller's PATH; empty: it is not there.
Result<std::string> find_program(const std::string& name);

// The first id that no line of a subuid(5) file reaches, at least 100000; pure.
Id first_free_id(std::string_view subordinate);
// The path that an AppArmor profile attaches to: "profile sbx /usr/bin/sbx flags=…"; pure.
std::string binary_of_apparmor_profile(std::string_view profile);

}  // namespace launch
