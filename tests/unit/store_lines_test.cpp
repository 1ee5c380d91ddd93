// Line diffs: applied, a script gives the new text; it is as short as the longest common subsequence allows; and texts
// made to be slow are not.
#include "store/lines.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace store {
namespace {

using Lines = std::vector<std::string_view>;

// What is kept and what is added, in the order of the new text.
std::string applied(const Lines& before, const Lines& after, const LineDiff& diff) {
  std::string out;
  std::size_t x = 0, y = 0;
  while (x < before.size() || y < after.size()) {
    if (x < before.size() && diff.removed[x]) ++x;
    else if (y < after.size() && diff.added[y]) out += after[y++];
    else if (x < before.size() && y < after.size()) out += before[x++], ++y;
    else return "the scripts do not fit";
  }
  return out;
}

std::size_t common(const Lines& a, const Lines& b) {
  std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;) best[i][j] = a[i] == b[j] ? best[i + 1][j + 1] + 1 : std::max(best[i + 1][j], best[i][j + 1]);
  return best[0][0];
}

std::string hunks(std::string_view before, std::string_view after) {
  return unified_hunks(lines_of(before), lines_of(after), diff_lines(lines_of(before), lines_of(after)));
}

TEST(StoreLines, KeepTheirEnds) {
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("a"), Lines{"a"});
  EXPECT_EQ(lines_of("a\n\nb"), (Lines{"a\n", "\n", "b"}));
}

TEST(StoreLines, AnyTwoTexts) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string before, after;
    for (std::string* text : {&before, &after})
      for (unsigned long count = random() % 24; count > 0; --count) *text += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
    const Lines a = lines_of(before), b = lines_of(after);
    const LineDiff diff = diff_lines(a, b);
    ASSERT_EQ(applied(a, b, diff), after) << before << "--\n" << after;
    ASSERT_EQ(diff.removals, a.size() - common(a, b)) << before << "--\n" << after;
    ASSERT_EQ(diff.additions, b.size() - common(a, b));
  }
}

TEST(StoreLines, Hunks) {
  EXPECT_EQ(hunks("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(hunks("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(hunks("a\n", ""), "@@ -1 +0,0 @@\n-a\n");
  EXPECT_EQ(hunks("a", "a\n"), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
  EXPECT_EQ(hunks("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\n6\n7\n8\n"), "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
}

TEST(StoreLines, ChangesFarApartAreHunksOfTheirOwn) {
  std::string before, after;
  for (int i = 1; i <= 30; ++i) before += std::to_string(i) + "\n", after += (i == 5 || i == 25 ? "x" : std::to_string(i)) + "\n";
  const std::string out = hunks(before, after);
  EXPECT_NE(out.find("@@ -2,7 +2,7 @@\n"), std::string::npos) << out;
  EXPECT_NE(out.find("@@ -22,7 +22,7 @@\n"), std::string::npos) << out;
}

TEST(StoreLines, NothingInCommonIsNotSlow) {
  std::string before, after;
  for (int i = 0; i < 200'000; ++i) before += "a" + std::to_string(i) + "\n", after += "b" + std::to_string(i) + "\n";
  for (int i = 0; i < 2'000; ++i) before += "a\nb\n", after += "b\nb\na\n";
  const auto start = std::chrono::steady_clock::now();
  const Lines a = lines_of(before), b = lines_of(after);
  const LineDiff diff = diff_lines(a, b);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(applied(a, b, diff), after);
}

}  // namespace
}  // namespace store
