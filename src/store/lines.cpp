// Lines are numbered by content first, so that comparing two is comparing numbers. Boxes yet to be compared wait on a
// stack of our own: a file cannot make it deep.
#include "store/lines.h"

#include "base/text.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace store {

namespace {

using Index = std::ptrdiff_t;
constexpr Index most_steps = 1500;  // of the search from either side in one box
constexpr Index context = 3;

struct Box { Index left, top, right, bottom; };  // of the lines [left, right) and [top, bottom)
struct Point { Index x, y; };

struct Search {
  std::vector<std::uint32_t> a, b;
  std::vector<Index> forward, backward;  // the furthest x of each diagonal, around the middle of the vector
  Index middle = 0;
  LineDiff diff;

  bool find_middle(const Box& box, Point& found);
  void compare(Box box, std::vector<Box>& pending);
  void replace(const Box& box);
};

// A point that a shortest script of the box goes through (Myers' section 4b).
bool Search::find_middle(const Box& box, Point& found) {
  const Index width = box.right - box.left, height = box.bottom - box.top, delta = width - height;
  const bool odd = delta % 2 != 0;
  forward[static_cast<std::size_t>(middle + 1)] = 0, backward[static_cast<std::size_t>(middle + 1)] = 0;
  const auto at = [&](std::vector<Index>& v, Index k) -> Index& { return v[static_cast<std::size_t>(middle + k)]; };
  for (Index d = 0; d <= std::min((width + height + 1) / 2, most_steps); ++d) {
    for (Index k = -d; k <= d; k += 2) {
      Index x = k == -d || (k != d && at(forward, k - 1) < at(forward, k + 1)) ? at(forward, k + 1) : at(forward, k - 1) + 1;
      while (x < width && x - k < height && a[static_cast<std::size_t>(box.left + x)] == b[static_cast<std::size_t>(box.top + x - k)]) ++x;
      at(forward, k) = x;
      const bool inside = x <= width && x - k <= height;
      if (inside && odd && delta - k >= -(d - 1) && delta - k <= d - 1 && x + at(backward, delta - k) >= width) {
        found = {box.left + x, box.top + x - k};
        return true;
      }
    }
    for (Index k = -d; k <= d; k += 2) {
      Index x = k == -d || (k != d && at(backward, k - 1) < at(backward, k + 1)) ? at(backward, k + 1) : at(backward, k - 1) + 1;
      while (x < width && x - k < height &&
             a[static_cast<std::size_t>(box.right - 1 - x)] == b[static_cast<std::size_t>(box.bottom - 1 - (x - k))]) ++x;
      at(backward, k) = x;
      const bool inside = x <= width && x - k <= height;
      if (inside && !odd && delta - k >= -d && delta - k <= d && x + at(forward, delta - k) >= width) {
        found = {box.right - x, box.bottom - (x - k)};
        return true;
      }
    }
  }
  return false;
}

void Search::replace(const Box& box) {
  for (Index x = box.left; x < box.right; ++x) diff.removed[static_cast<std::size_t>(x)] = true, ++diff.removals;
  for (Index y = box.top; y < box.bottom; ++y) diff.added[static_cast<std::size_t>(y)] = true, ++diff.additions;
}

void Search::compare(Box box, std::vector<Box>& pending) {
  while (box.left < box.right && box.top < box.bottom && a[static_cast<std::size_t>(box.left)] == b[static_cast<std::size_t>(box.top)]) ++box.left, ++box.top;
  while (box.left < box.right && box.top < box.bottom && a[static_cast<std::size_t>(box.right - 1)] == b[static_cast<std::size_t>(box.bottom - 1)]) --box.right, --box.bottom;
  Point split{};
  if (box.left == box.right || box.top == box.bottom || !find_middle(box, split)) return replace(box);
  const bool whole = (split.x == box.left && split.y == box.top) || (split.x == box.right && split.y == box.bottom);
  if (whole) return replace(box);
  pending.push_back({box.left, box.top, split.x, split.y});
  pending.push_back({split.x, split.y, box.right, box.bottom});
}

std::string range_text(Index first, Index count) {
  const Index shown = count == 0 ? first : first + 1;
  return count == 1 ? text(shown) : text(shown, ",", count);
}

void append_line(std::string& out, char sign, std::string_view line) {
  out += sign;
  out += line;
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    text.remove_prefix(out.back().size());
  }
  return out;
}

LineDiff diff_lines(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after) {
  Search search;
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  const auto numbered = [&](const std::vector<std::string_view>& lines) {
    std::vector<std::uint32_t> out;
    out.reserve(lines.size());
    for (const std::string_view line : lines) out.push_back(numbers.emplace(line, static_cast<std::uint32_t>(numbers.size())).first->second);
    return out;
  };
  search.a = numbered(before), search.b = numbered(after);
  search.diff.removed.resize(before.size()), search.diff.added.resize(after.size());
  search.middle = std::min(static_cast<Index>(before.size() + after.size()), most_steps) + 2;
  search.forward.resize(static_cast<std::size_t>(2 * search.middle + 2)), search.backward.resize(search.forward.size());
  std::vector<Box> pending{{0, 0, static_cast<Index>(before.size()), static_cast<Index>(after.size())}};
  while (!pending.empty()) {
    const Box box = pending.back();
    pending.pop_back();
    search.compare(box, pending);
  }
  return std::move(search.diff);
}

std::string unified_hunks(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after, const LineDiff& diff) {
  const Index rows = static_cast<Index>(before.size()), columns = static_cast<Index>(after.size());
  const auto removed = [&](Index x) { return x < rows && diff.removed[static_cast<std::size_t>(x)]; };
  const auto added = [&](Index y) { return y < columns && diff.added[static_cast<std::size_t>(y)]; };
  std::string out;
  for (Index x = 0, y = 0; x < rows || y < columns;) {
    if (!removed(x) && !added(y)) { ++x, ++y; continue; }
    const Index lead = std::min({context, x, y}), first_x = x - lead, first_y = y - lead;
    std::string lines;
    for (Index i = lead; i > 0; --i) append_line(lines, ' ', before[static_cast<std::size_t>(x - i)]);
    // Goes on while less than two contexts of equal lines follow a change.
    for (Index equal = 0; x < rows || y < columns;) {
      if (removed(x)) append_line(lines, '-', before[static_cast<std::size_t>(x++)]), equal = 0;
      else if (added(y)) append_line(lines, '+', after[static_cast<std::size_t>(y++)]), equal = 0;
      else {
        Index next = 0;
        while (next <= context * 2 && x + next < rows && !removed(x + next) && !added(y + next)) ++next;
        const bool more = next <= context * 2 - equal && (removed(x + next) || added(y + next));
        if (!more && equal >= context) break;
        append_line(lines, ' ', before[static_cast<std::size_t>(x)]);
        ++x, ++y, ++equal;
      }
    }
    out += text("@@ -", range_text(first_x, x - first_x), " +", range_text(first_y, y - first_y), " @@\n", lines);
  }
  return out;
}

}  // namespace store
