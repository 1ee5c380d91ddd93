// Names the process whose calls the test build counts, and what it does from now on: "launcher" until init runs,
// then "monitor"; "init" until the payload runs, then "init-running"; "payload" until exec. Nothing in a release
// build.
#pragma once

namespace sys {
#ifdef SBX_FAILPOINTS
void failpoint_role(const char* role);  // starts the count of this process at 0
#else
inline void failpoint_role(const char*) {}
#endif
}  // namespace sys
