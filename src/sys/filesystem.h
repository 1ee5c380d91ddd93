// What the file system at a place is, and whether overlayfs can put its marks there (xattr(7), statfs(2)).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace sys {

// Of those that others may change, or that lack something: "nfs", "fuse", "overlay", …; empty: another one.
Result<std::string> filesystem_name(const std::string& path);

// Sets such a mark on a directory that is open for reading, and takes it off.
Result<> try_overlay_mark(const Fd& directory, const std::string& shown);

}  // namespace sys
