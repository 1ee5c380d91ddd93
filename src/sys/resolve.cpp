// In-root path resolution. The walker keeps the chain of directories it came through, so that ".." pops
// what it pushed and never asks the kernel for a parent: a directory moved meanwhile cannot lead out. Its
// answers are openat2's, errors included (a file has no "..", magic links of /proc are refused).
#include "sys/resolve.h"

#include "base/path.h"
#include "sys/call.h"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <vector>

namespace sys {

namespace {

constexpr int most_links = 40;  // as the kernel's MAXSYMLINKS

struct Walk {
  std::vector<Fd> chain;             // chain[0] is the root
  std::vector<std::string> pending;  // components still to take, the next one last
  int links = 0;

  void push_components(std::string_view path) {
    std::vector<std::string> parts = path::components(path);
    if (path.ends_with('/') || path.ends_with("/.")) pending.emplace_back(".");  // what is before it is a directory
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) pending.push_back(std::move(*part));
  }
};

// The links of /proc that lead to an object and not to a name (proc(5)): "/usr/bin/x", "pipe:[1]".
Result<bool> is_magic(const Fd& link, std::string_view to, const std::string& shown) {
  struct statfs system {};
  if (SYS(::fstatfs(link.get(), &system)) < 0) return fail_errno("stat ", printable(shown));
  return system.f_type == PROC_SUPER_MAGIC && (to.starts_with('/') || to.find(':') != std::string_view::npos);
}

// Whether the walk stands on a directory.
Result<bool> on_directory(const Walk& walk, const std::string& shown) {
  struct stat found {};
  if (SYS(::fstat(walk.chain.back().get(), &found)) < 0) return fail_errno("stat ", printable(shown));
  return S_ISDIR(found.st_mode);
}

Result<> follow_link(Walk& walk, const Fd& link, const std::string& shown) {
  char bytes[PATH_MAX];
  const ssize_t length = SYS(::readlinkat(link.get(), "", bytes, sizeof bytes));
  if (length < 0) return fail_errno("readlink ", printable(shown));
  const std::string_view to(bytes, static_cast<std::size_t>(length));
  if (++walk.links > most_links || TRY(is_magic(link, to, shown))) {
    errno = ELOOP;
    return fail_errno("open ", printable(shown));
  }
  if (to.starts_with('/')) walk.chain.resize(1);
  walk.push_components(to);
  return {};
}

// One component: true when it was taken, false when it does not exist.
Result<bool> step(Walk& walk, const std::string& shown, LastLink last) {
  const std::string name = std::move(walk.pending.back());
  walk.pending.pop_back();
  if (name == "." || name == "..") {
    if (!TRY(on_directory(walk, shown))) return false;
    if (name == ".." && walk.chain.size() > 1) walk.chain.pop_back();
    return true;
  }
  const int fd = SYS(::openat(walk.chain.back().get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return false;
  if (fd < 0) return fail_errno("open ", printable(shown));
  Fd next(fd);
  struct stat found {};
  if (SYS(::fstat(fd, &found)) < 0) return fail_errno("stat ", printable(shown));
  if (S_ISLNK(found.st_mode) && !(walk.pending.empty() && last == LastLink::keep)) {
    TRY(follow_link(walk, next, shown));
    return true;
  }
  walk.chain.push_back(std::move(next));
  return true;
}

}  // namespace

Result<std::optional<Fd>> walk_in_root(const Fd& root, const std::string& path, LastLink last) {
  if (path.empty()) return std::optional<Fd>{};
  Walk walk;
  const int start = SYS(::openat(root.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (start < 0) return fail_errno("open ", printable(path));
  walk.chain.emplace_back(start);
  walk.push_components(path);
  while (!walk.pending.empty()) {
    const bool found = TRY(step(walk, path, last));
    if (!found) return std::optional<Fd>{};
  }
  return std::optional<Fd>(std::move(walk.chain.back()));
}

namespace {

std::unexpected<Error> link_on_the_way(const std::string& path) {
  return fail_hint("name where the link leads to, if that is what is meant", "bind ", printable(path),
                   ": a symbolic link is on the way");
}

Result<std::optional<Fd>> walk_without_links(const std::string& path) {
  int fd = SYS(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return fail_errno("open /");
  Fd at(fd);
  for (const std::string& name : path::components(path)) {
    fd = SYS(::openat(at.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<Fd>{};
    if (fd < 0) return fail_errno("open ", printable(path));
    at = Fd(fd);
    struct stat found {};
    if (SYS(::fstat(fd, &found)) < 0) return fail_errno("stat ", printable(path));
    if (S_ISLNK(found.st_mode)) return link_on_the_way(path);
  }
  return std::optional<Fd>(std::move(at));
}

}  // namespace

Result<std::optional<Fd>> find_without_links(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const long fd = SYS(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
  if (fd >= 0) return std::optional<Fd>(Fd(static_cast<int>(fd)));
  if (errno == ENOSYS) return walk_without_links(path);
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<Fd>{};
  if (errno == ELOOP) return link_on_the_way(path);
  return fail_errno("open ", printable(path));
}

bool has_openat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  const Fd root(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return root.valid();
}

Result<std::optional<Fd>> find_in_root(const Fd& root, const std::string& path, LastLink last) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (last == LastLink::keep ? O_NOFOLLOW : 0);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = SYS(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how));
  if (fd >= 0) return std::optional<Fd>(Fd(static_cast<int>(fd)));
  // EAGAIN: somewhere a directory was renamed while it climbed "..".
  if (errno == ENOSYS || errno == EAGAIN) return walk_in_root(root, path, last);
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<Fd>{};
  return fail_errno("open ", printable(path));
}

}  // namespace sys
