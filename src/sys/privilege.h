// Giving up privileges: capabilities(7), securebits, no_new_privs, Landlock (landlock(7)).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>
#include <vector>

namespace sys {

// Names without "CAP_", any case. Unknown names are errors.
Result<int> capability_number(const std::string& name);

// The bounding set becomes exactly `keep`: what no exec can give back. Needs CAP_SETPCAP, so it comes first.
Result<> bound_capabilities(const std::vector<int>& keep);
// Permitted and effective become exactly `keep`; inheritable and ambient empty.
Result<> keep_capabilities(const std::vector<int>& keep);

// All that are permitted outlive the next exec, whatever the user id (capabilities(7), "Ambient set").
Result<> keep_capabilities_on_exec();

// Locks ambient and set-id fixups; root_is_nobody: uid 0 gains nothing by exec either (SECBIT_NOROOT), else keep-caps too.
Result<> lock_securebits(bool root_is_nobody);
Result<> set_no_new_privileges();

struct LandlockPath { std::string path; bool writable; };
Result<int> landlock_abi();  // 0: not available
// Files as listed, every other path denied; signals and abstract sockets stay inside (ABI 6). Needs no_new_privs.
Result<> enter_landlock(int abi, const std::vector<LandlockPath>& paths);

}  // namespace sys
