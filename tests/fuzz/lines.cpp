// Two texts, apart by a zero byte: the scripts fit both, and leave as many lines of one as of the other.
#include "store/lines.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(bytes), size);
  const std::size_t apart = std::min(all.find('\0'), all.size());
  const auto before = store::lines_of(all.substr(0, apart)), after = store::lines_of(all.substr(std::min(apart + 1, all.size())));
  const store::LineDiff diff = store::diff_lines(before, after);
  std::vector<std::string_view> left, right;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (!diff.removed[i]) left.push_back(before[i]);
  for (std::size_t i = 0; i < after.size(); ++i)
    if (!diff.added[i]) right.push_back(after[i]);
  if (left != right) std::abort();
  if (store::unified_hunks(before, after, diff).empty() != (before == after)) std::abort();
  return 0;
}
