// Opening a path as if a directory were the root: nothing on the way leads outside it, whatever symbolic
// links it holds. openat2(2) RESOLVE_IN_ROOT does it (5.6); where a filter answers ENOSYS, a walker does.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <optional>
#include <string>

namespace sys {

enum class LastLink { follow, keep };  // keep: a symbolic link as last component is opened itself (O_PATH)

// O_PATH descriptor; nullopt when a component does not exist.
Result<std::optional<Fd>> find_in_root(const Fd& root, const std::string& path, LastLink last = LastLink::follow);

// An absolute path no component of which may be a symbolic link: that is an error.
Result<std::optional<Fd>> find_without_links(const std::string& path);

bool has_openat2();

// The walker alone, for its test: one component at a time, links read and followed by hand, at most 40.
Result<std::optional<Fd>> walk_in_root(const Fd& root, const std::string& path, LastLink last);

}  // namespace sys
