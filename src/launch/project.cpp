// The project is the enclosing git top level. A .git file is written by whoever wrote the project, so the
// repository it names is believed only when that repository holds this worktree's entry, which names the worktree
// in return (gitrepository-layout(5)): an entry anywhere else could be the project's own and name any directory.
#include "launch/project.h"

#include "base/path.h"
#include "sys/file.h"

#include <cerrno>

namespace launch {

namespace {

constexpr std::size_t most_bytes = 64 << 10;

// One line of a small file, without its line end; empty when there is no such file.
Result<std::string> read_line(const std::string& path) {
  const auto content = TRY(sys::read_file_if_exists(path, most_bytes));
  return content ? std::string(trim(*content)) : std::string{};
}

Result<> probe_worktree(Host& host) {
  const std::string pointer = host.project + "/.git";
  std::string line = TRY(read_line(pointer));
  if (!line.starts_with("gitdir: ")) return {};
  const std::string own = path::normalise(path::join(host.project, line.substr(8)));
  const std::string back = TRY(read_line(own + "/gitdir"));
  const std::string common = TRY(read_line(own + "/commondir"));
  if (common.empty() || path::normalise(path::join(own, back)) != pointer) return {};
  const std::string repository = path::normalise(path::join(own, common));
  if (path::parent(own) == path::join(repository, "worktrees")) host.git_common_dir = repository;
  return {};
}

}  // namespace

Result<> probe_project(Host& host) {
  auto cwd = sys::working_directory();
  if (!cwd && cwd.error().code == ENOENT) return {};
  if (!cwd) return std::unexpected<Error>(cwd.error());
  host.cwd = host.project = *cwd;
  for (std::string at = host.cwd;; at = path::parent(at)) {
    const auto found = sys::stat_path(path::join(at, ".git"), false);
    if (found && *found) {
      host.project = at;
      host.git_is_file = (*found)->kind == sys::FileKind::file;
      break;
    }
    if (!found && found.error().code != EACCES) return std::unexpected<Error>(found.error());
    if (at == "/") break;
  }
  if (host.git_is_file) return probe_worktree(host);
  return {};
}

}  // namespace launch
