// One change as git shows it (git-diff(1), "Generating patch text"), so that `git apply` in the overlaid directory takes
// it. What git has no words for (directories, owners, attributes, fifos) and what is no text stands in a line before,
// which it skips.
#pragma once

#include "store/changes.h"
#include "store/cursor.h"

#include <string>

namespace store {

struct Patch {
  std::string text;
  std::size_t additions = 0, removals = 0;  // lines
  bool binary = false;
};
class PatchMaker {
 public:
  explicit PatchMaker(const Overlay& overlay)
      : overlay_(overlay), upper_(overlay.upper, overlay.place), lower_(overlay.lower, overlay.origin.outside) {}
  Result<Patch> make(const Change& change);  // nothing of what is in a .git

 private:
  Result<std::string> content_of(bool is_new, const Change& change, bool& binary);
  Result<> add_file(Patch& patch, const Change& change, bool with_old, bool with_new);

  const Overlay& overlay_;
  Cursor upper_, lower_;
};

// "a/b", or in double quotes with escapes as git writes names that are not plain text.
std::string quoted_path(std::string_view prefix, std::string_view path);
inline constexpr std::size_t most_patched = 32 << 20;  // bytes of a file; a larger one counts as binary

}  // namespace store
