// Merge rules, and the walk over `extends`.
#include "profile/merge.h"

#include "profile/parse.h"

#include <gtest/gtest.h>

#include <map>

namespace profile {
namespace {

std::vector<std::string> values(const List& list) {
  std::vector<std::string> out;
  for (const Item& item : list) out.push_back(item.value);
  return out;
}

using Words = std::vector<std::string>;

Profile layer(std::string_view toml, std::string_view name = "t") {
  auto parsed = parse_profile(toml, name);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *std::move(parsed);
}

// Profiles by name; counts how often each is read.
struct Shelf {
  std::map<std::string, std::string> texts;
  std::map<std::string, int> read = {};

  Result<Profile> resolve(const Words& names) {
    return profile::resolve(names, [this](const std::string& name) -> Result<Profile> {
      const auto found = texts.find(name);
      if (found == texts.end()) return fail("no profile is named '", name, "'");
      ++read[name];
      return parse_profile(found->second, name);
    });
  }
};

TEST(ProfileMerge, TheLastScalarWinsWithItsOrigin) {
  const Profile merged =
      merge(layer("[sandbox]\nuser = \"self\"\nhostname = \"a\"\n", "p"), layer("[sandbox]\nuser = \"root\"\n", "c"));
  EXPECT_EQ(merged.user, (Item{"root", {"c", 2, 8}}));
  EXPECT_EQ(merged.hostname, (Item{"a", {"p", 3, 12}}));
}

TEST(ProfileMerge, ListsAppendAndKeepEachItemOnce) {
  const Profile merged =
      merge(layer("[filesystem]\nread_only = [\"/a\", \"/b\"]"), layer("[filesystem]\nread_only = [\"/b\", \"/c\"]"));
  EXPECT_EQ(values(merged.read_only), (Words{"/a", "/b", "/c"}));
}

TEST(ProfileMerge, AnItemIsRemovedFromWhatCameBeforeOnly) {
  const Profile merged = merge(layer("[filesystem]\nread_only = [\"/a\", \"/b?\", \"/c\"]"),
                               layer("[filesystem]\nread_only = [\"!/a\", \"!/b\", \"!/absent\", \"/a\"]"));
  EXPECT_EQ(values(merged.read_only), (Words{"/c", "/a"}));
}

TEST(ProfileMerge, TheFirstLayersRemovalsAreCarriedOutToo) {
  const auto merged = Shelf{{{"a", "[filesystem]\nread_only = [\"!/x\", \"/y\"]"}}}.resolve({"a"});
  ASSERT_TRUE(merged);
  EXPECT_EQ(values(merged->read_only), (Words{"/y"}));
}

TEST(ProfileMerge, StarRemovesEverythingBefore) {
  const Profile merged =
      merge(layer("[environment]\npass = [\"TERM\", \"LC_*\"]"), layer("[environment]\npass = [\"!*\", \"LANG\"]"));
  EXPECT_EQ(values(merged.env_pass), (Words{"LANG"}));
}

TEST(ProfileMerge, APatternIsRemovedAsWrittenNotByWhatItMatches) {
  const Profile merged =
      merge(layer("[environment]\npass = [\"LC_ALL\", \"LC_*\"]"), layer("[environment]\npass = [\"!LC_*\"]"));
  EXPECT_EQ(values(merged.env_pass), (Words{"LC_ALL"}));
}

TEST(ProfileMerge, TheLastEntryOfAMapWins) {
  const Profile merged =
      merge(layer("[environment.set]\nA = \"1\"\nB = \"2\""), layer("[environment.set]\nB = \"3\"\nC = \"4\"", "c"));
  EXPECT_EQ(merged.env_set, (Map{{"A", {"1", {"t", 2, 5}}}, {"B", {"3", {"c", 2, 5}}}, {"C", {"4", {"c", 3, 5}}}}));
}

TEST(ProfileMerge, TheChainNamesEachProfileOnce) {
  Profile a, b;
  a.chain = {"base", "x"}, b.chain = {"base", "y"};
  EXPECT_EQ(merge(a, b).chain, (Words{"base", "x", "y"}));
}

TEST(ProfileResolve, ParentsComeFirstDepthFirst) {
  Shelf shelf{{{"base", ""},
               {"left", "extends = [\"base\"]"},
               {"right", "extends = [\"base\"]"},
               {"top", "extends = [\"left\", \"right\"]\n[sandbox]\nuser = \"root\""},
               {"other", "[sandbox]\nuser = \"self\""}}};
  const auto merged = shelf.resolve({"top", "other"});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(merged->chain, (Words{"base", "left", "right", "top", "other"}));
  EXPECT_EQ(merged->user->value, "self");
  EXPECT_TRUE(merged->extends.empty());
  for (const auto& [name, count] : shelf.read) EXPECT_EQ(count, 1) << name;
}

TEST(ProfileResolve, AProfileNamedTwiceIsMergedOnce) {
  Shelf shelf{{{"a", ""}, {"b", "extends = [\"a\"]"}}};
  EXPECT_EQ(shelf.resolve({"a", "b", "a", "b"})->chain, (Words{"a", "b"}));
}

TEST(ProfileResolve, ACycleIsPrinted) {
  Shelf shelf{{{"in", "extends = [\"a\"]"},
               {"a", "extends = [\"b\"]"},
               {"b", "extends = [\"c\"]"},
               {"c", "extends = [\"a\"]"}}};
  const auto merged = shelf.resolve({"in"});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().message, "profiles extend each other: a -> b -> c -> a");
  Shelf alone{{{"a", "extends = [\"a\"]"}}};
  EXPECT_EQ(alone.resolve({"a"}).error().message, "profiles extend each other: a -> a");
}

TEST(ProfileResolve, AMissingParentNamesWhoExtendsIt) {
  Shelf shelf{{{"a", "# one\nextends = [\"gone\"]"}}};
  EXPECT_EQ(shelf.resolve({"a"}).error().message, "no profile is named 'gone' (a:2 extends it)");
  EXPECT_EQ(Shelf{}.resolve({"gone"}).error().message, "no profile is named 'gone'");
}

}  // namespace
}  // namespace profile
