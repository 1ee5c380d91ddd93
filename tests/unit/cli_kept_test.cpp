// Which paths of which overlay a command line chooses.
#include "cli/kept.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

using Paths = std::vector<std::string>;

std::vector<store::Origin> two() {
  store::Origin one, other;
  one.outside = one.inside = "/home/u/p";
  other.outside = "/srv/data", other.inside = "/data";
  return {one, other};
}

TEST(CliKept, NothingNamedIsAll) { EXPECT_EQ(*choose_paths(two(), {}, "/"), (Chosen{{""}, {""}})); }

TEST(CliKept, AbsolutePaths) {
  EXPECT_EQ(*choose_paths(two(), {"/home/u/p/src/"}, "/"), (Chosen{{"src"}, {}}));
  EXPECT_EQ(*choose_paths(two(), {"/home/u/p"}, "/"), (Chosen{{""}, {}}));
  EXPECT_EQ(*choose_paths(two(), {"/home"}, "/"), (Chosen{{""}, {}}));
  EXPECT_EQ(*choose_paths(two(), {"/data/x"}, "/"), (Chosen{{}, {"x"}}));  // as it is called inside
  EXPECT_EQ(*choose_paths(two(), {"/srv/data/../data/x"}, "/"), (Chosen{{}, {"x"}}));
}

TEST(CliKept, RelativePaths) {
  EXPECT_EQ(*choose_paths(two(), {"a"}, "/home/u/p/src"), (Chosen{{"src/a"}, {}}));
  EXPECT_EQ(*choose_paths(two(), {"../a", "."}, "/home/u/p/src"), (Chosen{{"a", "src"}, {}}));
  EXPECT_EQ(*choose_paths(two(), {"a"}, "/"), (Chosen{{"a"}, {"a"}}));
}

TEST(CliKept, ElsewhereIsAnError) {
  for (const char* path : {"/etc", "/home/u/pq", "/srv/data2/x"}) EXPECT_FALSE(choose_paths(two(), {path}, "/")) << path;
  const auto above = choose_paths(two(), {"../../x"}, "/home/u/p");
  ASSERT_FALSE(above);
  EXPECT_EQ(above.error().message, "../../x is not in a directory that is overlaid");
  EXPECT_EQ(above.error().hint, "the sandbox keeps what it changed in /home/u/p, /srv/data");
}

}  // namespace
}  // namespace cli
