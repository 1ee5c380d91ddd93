// What differs between two texts, line by line: the shortest edit script of Myers ("An O(ND) Difference Algorithm and
// Its Variations", 1986) in linear space. Where two stretches have too little in common, one replaces the other: a
// longer script, and no hostile file can make it slow. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace store {

// Lines with their line ends; only the last may lack one.
std::vector<std::string_view> lines_of(std::string_view text);

struct LineDiff {
  std::vector<bool> removed, added;  // by line of the old and of the new
  std::size_t removals = 0, additions = 0;
};
LineDiff diff_lines(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after);

// "@@ -1,3 +1,4 @@" and so on with three lines around each change; empty when nothing differs.
std::string unified_hunks(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after, const LineDiff& diff);

}  // namespace store
