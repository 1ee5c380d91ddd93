// What is laid over mounts that exist: `protect` (read-only parts of a writable bind), `hide`, and sbx's own
// directories, which no sandbox may see.
#pragma once

#include "plan/mounts.h"

namespace plan {

Result<> add_guards(FileSystem& out, const profile::Profile& profile, const Host& host);

}  // namespace plan
