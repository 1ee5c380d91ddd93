// The project is the enclosing git top level that belongs to the caller: anybody may put a .git into /tmp
// (CVE-2022-24765). A .git file is written by whoever wrote the project, so the repository it names is believed only
// when that repository holds this worktree's entry, which names the worktree in return (gitrepository-layout(5)).
#include "launch/project.h"

#include "base/path.h"
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>

namespace launch {

namespace {

constexpr std::size_t most_bytes = 64 << 10;

// One line of a small file, without its line end; empty when there is no such file. Not to be held up by a pipe.
Result<std::string> read_line(const std::string& path) {
  const std::optional<sys::Fd> file = TRY(sys::open_if_exists(path, O_RDONLY | O_NONBLOCK));
  if (!file) return std::string{};
  const sys::FileStat found = TRY(sys::stat_fd(file->get(), path));
  if (found.kind != sys::FileKind::file) return std::string{};
  const std::string content = TRY(sys::read_fd(*file, path, most_bytes));
  return std::string(trim(content));
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
    if (found && *found && (*found)->uid == host.uid) {
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
