// Carries out the mount steps of the plan, in two halves: what needs the old root, then the pivot.
#pragma once

#include "launch/overlays.h"
#include "plan/plan.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace launch {

struct BuiltRoot {
  sys::Fd root;
  std::vector<std::pair<std::uint64_t, std::string>> watched;  // mount id, path inside
  sys::Fd moves;                                               // valid when there are any
  std::vector<std::pair<int, std::string>> move_numbers;       // sys::next_move's, path inside
  sys::Fd live;                                                // of plan::LiveFile, open to write
  sys::Fd userns_limit;                                        // max_user_namespaces, open to write
};

// A procfs of the caller's own pid namespace, not yet attached.
Result<sys::Fd> make_proc();

// In a mount namespace of our own: opens every source, then builds the new root beside the old one. `in_cgroup`: there
// is a control group for plan::CgroupMount to show.
// `layers`: of open_layers(). `proc`: for plan::Proc, where it is not our own (else not valid).
Result<BuiltRoot> build_root(const std::vector<plan::MountStep>& steps, std::vector<Layers> layers, sys::Fd proc, bool in_cgroup);

}  // namespace launch
