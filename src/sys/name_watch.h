// Tells when a directory gets, loses or rewrites a file (inotify(7)).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace sys {

Result<Fd> make_name_watch();
Result<> watch_names_in(const Fd& watch, const std::string& directory);
Result<bool> take_name_events(const Fd& watch);  // empties the queue; true when there was anything

}  // namespace sys
