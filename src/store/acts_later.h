// Files that the user's own programs act on later, outside any sandbox: what is changed in them deserves a second look.
// Those that a shipped profile protects are among them. Pure.
#pragma once

#include <span>
#include <string_view>

namespace store {

struct ActsLater {
  std::string_view pattern;  // of components; "*" any, "**" any number; a last "**": all that is below, and the directory
  std::string_view who;      // acts on it: "git", "your shell"
};
std::span<const ActsLater> acts_later_table();

// Who acts on this path (relative, at any depth of the tree); empty: nobody known.
std::string_view acts_later(std::string_view path);

}  // namespace store
