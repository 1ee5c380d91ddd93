// Files that act on the host later: those a shipped profile protects are among them, at any depth.
#include "store/acts_later.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace store {
namespace {

TEST(StoreActsLater, WhatTheProfilesProtect) {
  std::size_t seen = 0;
  for (const char* name : {"dev", "build"}) {
    std::ifstream file(std::string(SBX_SOURCE_DIR "/profiles/") + name + ".toml");
    const std::string content(std::istreambuf_iterator<char>(file), {});
    const std::size_t from = content.find("protect = ["), to = content.find(']', from);
    ASSERT_NE(from, std::string::npos);
    for (std::size_t at = from; (at = content.find("\"$PROJECT/", at)) < to; ++seen) {
      at += std::string_view("\"$PROJECT/").size();
      const std::string path = content.substr(at, content.find('"', at) - at);
      EXPECT_FALSE(acts_later(path).empty()) << path;
    }
  }
  EXPECT_GE(seen, 12u);
}

TEST(StoreActsLater, AtAnyDepth) {
  EXPECT_EQ(acts_later(".git/hooks/post-commit"), "git");
  EXPECT_EQ(acts_later("vendor/lib/.git/hooks/deep/er"), "git");
  EXPECT_EQ(acts_later("a/.envrc"), "direnv");
  EXPECT_EQ(acts_later(".bashrc"), "your shell");
  EXPECT_EQ(acts_later(".vscode/tasks.json"), "your editor");
}

TEST(StoreActsLater, WhatLiesDeeperInARepository) {
  for (const char* path : {".git/modules/x/hooks/post-checkout", ".git/modules/vendor/lib/hooks/x", "a/.git/modules/x/modules/y/config",
                           ".git/modules/x/config.worktree", ".git/worktrees/w/config.worktree"})
    EXPECT_EQ(acts_later(path), "git") << path;
  for (const char* path : {".git/modules/x/HEAD", ".git/worktrees/w/HEAD", ".git/worktrees/a/b/config.worktree", ".git/worktrees/config.worktree"})
    EXPECT_EQ(acts_later(path), "") << path;
}

TEST(StoreActsLater, SettingsOfOtherPrograms) {
  for (const char* path : {".cargo/config.toml", ".gdbinit", ".yarnrc.yml", "mise.toml", "a/mise.toml", ".config/sbx/profiles/x.toml", ".config/direnv/direnvrc",
                           ".config/environment.d/50.conf", ".xprofile", ".zlogout", "CLAUDE.md", "a/CLAUDE.md", ".claude.json"})
    EXPECT_NE(acts_later(path), "") << path;
  for (const char* path : {"xmise.toml", "CLAUDE.md.txt", ".cargo/registry/x", ".config/other/x"}) EXPECT_EQ(acts_later(path), "") << path;
}

TEST(StoreActsLater, NotEverythingThatBeginsWithADot) {
  for (const char* path : {"src/main.c", ".git/objects/ab/cd", ".git/index", ".gitignore", "bashrc", ".bashrc.d/x", ".bashrc/x", "hooks/x", "", ".config"})
    EXPECT_EQ(acts_later(path), "") << path;
}

TEST(StoreActsLater, TheTableIsWellFormed) {
  for (const ActsLater& each : acts_later_table()) {
    EXPECT_FALSE(each.pattern.starts_with('*') || each.pattern.starts_with('/')) << each.pattern;
    EXPECT_FALSE(each.who.empty()) << each.pattern;
  }
}

}  // namespace
}  // namespace store
