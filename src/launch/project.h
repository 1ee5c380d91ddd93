// Finds the project around the working directory, and a worktree's repository.
#pragma once

#include "base/result.h"
#include "plan/host.h"

namespace launch {

// Fills cwd, project, git_is_file and git_common_dir. A deleted working directory leaves them empty.
Result<> probe_project(Host& host);

}  // namespace launch
