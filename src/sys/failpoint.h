// Names the process whose calls the test build counts, and what it does from now on: "launcher" until init runs,
// then "monitor"; "init" until the payload runs, then "init-running"; "payload" until exec; "engine"
// until it is ready, then "engine-running". Nothing in a release build.
#pragma once

namespace sys {
#ifdef SBX_FAILPOINTS
void failpoint_role(const char* role);  // starts the count of this process at 0
int failpoint_log();                    // the descriptor that what fired is written to; -1: none
#else
inline void failpoint_role(const char*) {}
inline int failpoint_log() { return -1; }
#endif
}  // namespace sys
