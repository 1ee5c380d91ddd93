// A pattern holds at any depth: a repository in a sub-directory has hooks, too.
#include "store/acts_later.h"

#include "base/path.h"
#include "base/text.h"

#include <array>
#include <span>
#include <string>
#include <vector>

namespace store {

namespace {

constexpr std::array<ActsLater, 69> table{{
    {".git", "git"}, {".git/config", "git"}, {".git/config.worktree", "git"}, {".git/hooks/**", "git"}, {".git/info/attributes", "git"},
    {".git/modules/**/hooks/**", "git"}, {".git/modules/**/config", "git"}, {".git/modules/**/config.worktree", "git"},
    {".git/worktrees/*/config.worktree", "git"},
    {".gitmodules", "git"}, {".gitconfig", "git"}, {".config/git/**", "git"}, {".husky/**", "git"},
    {".pre-commit-config.yaml", "pre-commit"}, {".lefthook.yml", "lefthook"},
    {".envrc", "direnv"}, {".mise.toml", "mise"}, {".tool-versions", "asdf or mise"},
    {".vscode/**", "your editor"}, {".idea/**", "your editor"}, {".zed/**", "your editor"}, {".fleet/**", "your editor"},
    {".devcontainer/**", "your editor"}, {".dir-locals.el", "your editor"}, {".exrc", "your editor"}, {".nvim.lua", "your editor"},
    {".vimrc", "your editor"}, {".vim/**", "your editor"}, {".emacs", "your editor"}, {".emacs.d/**", "your editor"}, {".config/nvim/**", "your editor"},
    {".mcp.json", "a coding agent"}, {".claude/**", "a coding agent"}, {".cursor/**", "a coding agent"}, {".gemini/**", "a coding agent"},
    {".codex/**", "a coding agent"},
    {".bashrc", "your shell"}, {".bash_profile", "your shell"}, {".bash_login", "your shell"}, {".bash_logout", "your shell"},
    {".bash_aliases", "your shell"}, {".profile", "your shell"}, {".zshrc", "your shell"}, {".zshenv", "your shell"}, {".zprofile", "your shell"},
    {".zlogin", "your shell"}, {".config/fish/**", "your shell"}, {".inputrc", "your shell"},
    {".tmux.conf", "tmux"}, {".ssh/**", "ssh"}, {".gnupg/**", "gpg"}, {".config/autostart/**", "your desktop"},
    {".config/systemd/user/**", "systemd"}, {".local/bin/**", "your shell"}, {".npmrc", "npm"}, {".yarnrc.yml", "yarn"}, {".cargo/config.toml", "cargo"},
    {".gdbinit", "gdb"}, {"mise.toml", "mise"}, {".config/sbx/**", "sbx"}, {".config/direnv/**", "direnv"},
    {".config/environment.d/**", "systemd"}, {".xprofile", "your desktop"}, {".zlogout", "your shell"},
    {"CLAUDE.md", "a coding agent"}, {".claude.json", "a coding agent"}, {".cargo/config", "cargo"}, {".config/mise/**", "mise"},
    {".github/workflows/**", "your CI"},
}};

using Parts = std::span<const std::string>;

// "**" at the end is all below a directory and the directory itself, in the middle directories or none.
bool holds(Parts path, Parts pattern) {
  if (pattern.empty()) return path.empty();
  if (pattern.front() == "**") {
    if (pattern.size() == 1) return true;
    for (std::size_t skipped = 0; skipped <= path.size(); ++skipped)
      if (holds(path.subspan(skipped), pattern.subspan(1))) return true;
    return false;
  }
  if (path.empty() || !(pattern.front() == "*" || pattern.front() == path.front())) return false;
  return holds(path.subspan(1), pattern.subspan(1));
}

}  // namespace

std::span<const ActsLater> acts_later_table() { return table; }

std::string_view acts_later(std::string_view path) {
  const std::vector<std::string> parts = path::components(path);
  for (std::size_t from = 0; from < parts.size(); ++from) {
    for (const ActsLater& each : table) {
      if (each.pattern.substr(0, each.pattern.find('/')) != parts[from]) continue;  // no first one is a pattern
      if (holds(Parts(parts).subspan(from), path::components(each.pattern))) return each.who;
    }
  }
  return {};
}

}  // namespace store
