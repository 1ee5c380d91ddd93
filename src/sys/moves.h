// Tells when a file or directory gets another name, whichever mount namespace that happens in (inotify(7)): a mount
// on it goes with it, and the kernel says nothing in mountinfo.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace sys {

Result<Fd> make_move_watch();
// Its number; 0 where the caller may not read the file, and so may not watch it.
Result<int> watch_for_move(const Fd& moves, const Fd& file, const std::string& shown);
// The number of one that was moved; 0 when there is none.
Result<int> next_move(const Fd& moves);

}  // namespace sys
