// Removing a directory with all that is in it, however deep: what a sandbox has made, or its overlay's.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace sys {

// Nothing of that name is fine. Symbolic links are removed, never followed.
Result<> remove_tree_at(const Fd& dir, const std::string& name, const std::string& shown);

}  // namespace sys
