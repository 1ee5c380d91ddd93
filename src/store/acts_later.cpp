// A pattern holds at any depth: a repository in a sub-directory has hooks, too.
#include "store/acts_later.h"

#include "base/path.h"
#include "base/text.h"

#include <array>
#include <string>
#include <vector>

namespace store {

namespace {

constexpr std::array<ActsLater, 52> table{{
    {".git", "git"}, {".git/config", "git"}, {".git/config.worktree", "git"}, {".git/hooks/**", "git"}, {".git/info/attributes", "git"},
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
    {".config/systemd/user/**", "systemd"}, {".local/bin/**", "your shell"}, {".npmrc", "npm"}, {".github/workflows/**", "your CI"},
}};

bool holds_at(const std::vector<std::string>& path, std::size_t from, std::string_view pattern) {
  std::size_t at = from;
  for (const std::string& part : path::components(pattern)) {
    if (part == "**") return at <= path.size();  // the directory itself, too
    if (at == path.size() || path[at] != part) return false;
    ++at;
  }
  return at == path.size();
}

}  // namespace

std::span<const ActsLater> acts_later_table() { return table; }

std::string_view acts_later(std::string_view path) {
  const std::vector<std::string> parts = path::components(path);
  for (std::size_t from = 0; from < parts.size(); ++from) {
    if (parts[from].front() != '.') continue;  // as every pattern's first
    for (const ActsLater& each : table)
      if (holds_at(parts, from, each.pattern)) return each.who;
  }
  return {};
}

}  // namespace store
