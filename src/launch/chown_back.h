// Gives files that belong to the caller's subordinate ids back to the caller.
#pragma once

#include "plan/plan.h"

#include <string>
#include <vector>

namespace launch {

// Below each path, without following symbolic links. The count of files whose owner changed.
Result<int> chown_back(const plan::Identity& root_with_range, const std::vector<std::string>& paths);

}  // namespace launch
