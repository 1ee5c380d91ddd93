// Lets this process reach every file of the user's, whatever its mode, and those of his subordinate ids: as root of a
// user namespace in which he is 0 and the range follows. Nothing else changes for it: same files, same mounts, and no
// right over what belongs to anybody else.
#pragma once

#include "plan/plan.h"

namespace launch {

// `as_root`: of profile user "root", with a range or without. For good.
Result<> own_all_files(const plan::Identity& as_root);

}  // namespace launch
