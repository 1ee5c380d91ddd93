// Paths as text: nothing here touches a file. "Outside" paths are the host's, "inside" the sandbox's.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace path {

// Absolute, without empty, "." and ".." components and without a trailing slash; ".." stops at "/".
// Lexical: right for inside paths and for names already resolved, not for a path with symlinks.
std::string normalise(std::string_view in);

// "dir/name"; an absolute name stands alone.
std::string join(std::string_view dir, std::string_view name);
std::string parent(std::string_view in);        // "/a/b" -> "/a", "/a" -> "/", "/" -> "/"
std::string_view base_name(std::string_view in);  // "/a/b" -> "b"
std::vector<std::string> components(std::string_view in);

// Both normalised; a path is not below itself.
bool is_below(std::string_view in, std::string_view dir);
bool is_at_or_below(std::string_view in, std::string_view dir);

// The parts of "A[:B[:MODE]]" of --ro, --rw and -v; inside a name a colon is "\\:" and a backslash two of them.
Result<std::vector<std::string>> split_colons(std::string_view in);

}  // namespace path
