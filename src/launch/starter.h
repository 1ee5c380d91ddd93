// The program between sbx and a command that is started in a running sandbox, where a hostile process may wait for it:
// a hundred bytes in a sealed memory file. Whoever execs is, to the kernel, its old program until the new one is found.
// So a command that is a script for /proc/self/exe, or a link to it, would run sbx's own file inside, and its
// neighbours could open that file through /proc and write to it, where the user may (CVE-2019-5736).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>
#include <vector>

namespace launch {

// Runs its first argument as a program with the others, argv[0] first, and as a script of /bin/sh where the kernel
// does not know what it is. When that fails it writes -errno, eight bytes, to `complaints` and exits.
Result<sys::Fd> make_starter(const sys::Fd& complaints);

// In its place; returns only when the starter itself did not start. `complaints` is the descriptor it was made with.
Error start_by(const sys::Fd& starter, const sys::Fd& complaints, const std::string& file, const std::vector<std::string>& argv,
               const std::vector<std::string>& environment);

}  // namespace launch
