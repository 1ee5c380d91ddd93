// Lexical paths: every mount target passes through normalise() and is_below().
#include "base/path.h"

#include <gtest/gtest.h>

TEST(Path, Normalise) {
  EXPECT_EQ(path::normalise("/"), "/");
  EXPECT_EQ(path::normalise(""), "/");
  EXPECT_EQ(path::normalise("//a/./b//c/"), "/a/b/c");
  EXPECT_EQ(path::normalise("/a/../b"), "/b");
  EXPECT_EQ(path::normalise("/../../etc"), "/etc") << ".. stops at the root";
  EXPECT_EQ(path::normalise("/a/b/../../../.."), "/");
  EXPECT_EQ(path::normalise("/a/..."), "/a/...") << "three dots are a name";
  EXPECT_EQ(path::normalise("/a b\n/c"), "/a b\n/c");
}

TEST(Path, NormaliseIsIdempotent) {
  for (const std::string_view in : {"/", "a/b", "/a//../b/.", "/../x", "/x/.../y/"})
    EXPECT_EQ(path::normalise(path::normalise(in)), path::normalise(in)) << in;
}

TEST(Path, Join) {
  EXPECT_EQ(path::join("/a", "b"), "/a/b");
  EXPECT_EQ(path::join("/a/", "b"), "/a/b");
  EXPECT_EQ(path::join("/", "b"), "/b");
  EXPECT_EQ(path::join("/a", "/b"), "/b") << "an absolute name stands alone";
}

TEST(Path, ParentAndBaseName) {
  EXPECT_EQ(path::parent("/a/b"), "/a");
  EXPECT_EQ(path::parent("/a"), "/");
  EXPECT_EQ(path::parent("/"), "/");
  EXPECT_EQ(path::base_name("/a/b"), "b");
  EXPECT_EQ(path::base_name("/a"), "a");
  EXPECT_EQ(path::base_name("a"), "a");
}

TEST(Path, Components) {
  EXPECT_EQ(path::components("/a/./b//.."), (std::vector<std::string>{"a", "b", ".."}));
  EXPECT_TRUE(path::components("/").empty());
}

TEST(Path, BelowIsByComponentNotByPrefix) {
  EXPECT_TRUE(path::is_below("/a/b", "/a"));
  EXPECT_TRUE(path::is_below("/a", "/"));
  EXPECT_FALSE(path::is_below("/ab", "/a"));
  EXPECT_FALSE(path::is_below("/a", "/a"));
  EXPECT_FALSE(path::is_below("/", "/"));
  EXPECT_FALSE(path::is_below("/a", "/a/b"));
  EXPECT_TRUE(path::is_at_or_below("/a", "/a"));
  EXPECT_TRUE(path::is_at_or_below("/", "/"));
  EXPECT_FALSE(path::is_at_or_below("/ab", "/a"));
}

TEST(Path, SplitColons) {
  EXPECT_EQ(*path::split_colons("/a"), (std::vector<std::string>{"/a"}));
  EXPECT_EQ(*path::split_colons("/a:/b:ro"), (std::vector<std::string>{"/a", "/b", "ro"}));
  EXPECT_EQ(*path::split_colons("/a\\:b:/c\\\\"), (std::vector<std::string>{"/a:b", "/c\\"}));
  EXPECT_EQ(*path::split_colons("/a\\b"), (std::vector<std::string>{"/a\\b"})) << "other backslashes are themselves";
}

TEST(Path, SplitColonsRefusesEmptyParts) {
  for (const std::string_view in : {"", ":", "/a:", ":/b", "/a::ro"}) {
    const auto parts = path::split_colons(in);
    ASSERT_FALSE(parts) << in;
    EXPECT_NE(parts.error().hint, "") << in;
  }
}
