// Stands in a directory below a root and moves to another: what both paths share is not opened again. Of many paths in
// order only the last steps are.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>
#include <string_view>
#include <vector>

namespace store {

class Cursor {
 public:
  Cursor(const sys::Fd& root, std::string shown) : root_(&root), shown_(std::move(shown)) {}
  // The directory at a relative path; empty: the root. Never through a link or onto another mount. ENOENT, ENOTDIR.
  Result<const sys::Fd*> at(std::string_view directory);

 private:
  const sys::Fd* root_;
  std::string shown_;
  std::vector<std::string> names_;
  std::vector<sys::Fd> open_;
};

std::string_view parent_of(std::string_view path);  // "a/b" -> "a", "a" -> ""
std::string name_of(std::string_view path);

}  // namespace store
