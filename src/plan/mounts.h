// Decides the sandbox's file system: every mount, file and mask, in order. launch/mounts carries it out.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

#include <span>
#include <string_view>

namespace plan {

struct FileSystem {
  std::vector<std::string> prepare;
  std::vector<MountStep> steps;
  std::vector<std::string> notes;
};

Result<FileSystem> make_filesystem(const profile::Profile& profile, const Host& host, const Plan& so_far);

// Host paths whose existence the plan depends on; the probe answers in Host::present.
Result<std::vector<std::string>> paths_to_probe(const profile::Profile& profile, const Host& host);

// sbx's own directories, as the caller names them.
std::vector<std::string> own_places(const Host& host);

// These, and what is bound or overlaid from places where links may lead to them; the probe answers in
// Host::resolved, which the answer to paths_to_probe() depends on. Empty: nothing that needs a look is shown.
Result<std::vector<std::string>> paths_to_resolve(const profile::Profile& profile, const Host& host);

// The entries of /proc and /sys that are covered where they exist (kernels differ).
std::span<const std::string_view> masked_proc_entries();
std::span<const std::string_view> masked_sys_entries();
std::span<const std::string_view> read_only_proc_entries();

// The host path that a bind or an overlay shows as a whole; nullptr: the step is neither.
const std::string* source_of(const MountStep& step);

// Where an outside path is seen inside: through the deepest bind that covers it.
std::optional<std::string> seen_inside(const std::vector<MountStep>& steps, const std::string& outside);

// The host path behind an inside path, when a bind or the layered /etc shows it.
std::optional<std::string> seen_outside(const std::vector<MountStep>& steps, const std::string& inside);

// The home directory inside.
std::string home_inside(const Identity& identity, const Host& host);

}  // namespace plan
