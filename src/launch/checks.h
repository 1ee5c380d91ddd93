// Tries each stage of a launch for real, each in a process of its own that has ended and been waited for when its
// Attempt is there. Nothing is judged here: cli/verdicts.h says what a refusal means.
#pragma once

#include "base/enum_names.h"
#include "launch/surroundings.h"
#include "profile/profile.h"

#include <array>
#include <string>

namespace launch {

// In the order in which they are tried.
enum class Stage {
  processes, user_namespace, id_map, id_range, mounts, proc, sysfs, devpts, overlay, tap, time, seccomp, landlock, openat2, network, ping,
  launch, count_
};
inline constexpr std::size_t stage_count = static_cast<std::size_t>(Stage::count_);
inline constexpr EnumNames<Stage, stage_count> stage_names{
    {"processes", "user namespace", "id map", "id range", "mounts", "proc", "sysfs", "devpts", "overlay", "tap", "time",
     "seccomp", "landlock", "openat2", "network", "ping", "launch"}};
static_assert(stage_names.complete());

struct Attempt {
  enum class Tried { no, worked, refused };
  Tried tried = Tried::no;  // no: an earlier stage that it stands on did not work
  std::string found;        // worked: what there is
  Error error;              // refused

  bool worked() const { return tried == Tried::worked; }
  bool refused() const { return tried == Tried::refused; }
};

struct Findings {
  Surroundings around;
  std::array<Attempt, stage_count> attempts;

  Attempt& operator[](Stage stage) { return attempts[static_cast<std::size_t>(stage)]; }
  const Attempt& operator[](Stage stage) const { return attempts[static_cast<std::size_t>(stage)]; }
};

// `profile`: of a default launch, whose `true` is the last stage.
Result<Findings> run_checks(const profile::Profile& profile);

}  // namespace launch
