// Files and directories on the host.
#include "sys/file.h"

#include "base/path.h"
#include "sys/call.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sys {

namespace {

FileStat from_stat(const struct stat& in) {
  FileStat out;
  out.kind = S_ISREG(in.st_mode)   ? FileKind::file
             : S_ISDIR(in.st_mode) ? FileKind::directory
             : S_ISLNK(in.st_mode) ? FileKind::symlink
                                   : FileKind::other;
  out.uid = in.st_uid, out.gid = in.st_gid, out.mode = in.st_mode & 07777u;
  out.size = static_cast<std::uint64_t>(in.st_size), out.device = in.st_dev, out.inode = in.st_ino;
  out.links = in.st_nlink;
  out.changed = in.st_ctim.tv_sec, out.changed_nanoseconds = static_cast<std::uint32_t>(in.st_ctim.tv_nsec);
  return out;
}

bool absent() { return errno == ENOENT || errno == ENOTDIR; }

}  // namespace

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  const int fd = SYS(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (fd < 0) return fail_errno("open ", printable(path));
  return Fd(fd);
}

Result<std::optional<Fd>> open_if_exists(const std::string& path, int flags) {
  const int fd = SYS(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd < 0 && absent()) return std::optional<Fd>{};
  if (fd < 0) return fail_errno("open ", printable(path));
  return std::optional<Fd>(Fd(fd));
}

Result<Fd> open_at(const Fd& dir, const std::string& path, int flags, unsigned mode) {
  const int fd = SYS(::openat(dir.get(), path.c_str(), flags | O_CLOEXEC, mode));
  if (fd < 0) return fail_errno("open ", printable(path));
  return Fd(fd);
}

Result<FileStat> stat_fd(int fd, const std::string& name) {
  struct stat found {};
  if (SYS(::fstat(fd, &found)) < 0) return fail_errno("stat ", printable(name));
  return from_stat(found);
}

Result<std::optional<FileStat>> stat_path(const std::string& path, bool follow) {
  struct stat found {};
  if (SYS(::fstatat(AT_FDCWD, path.c_str(), &found, follow ? 0 : AT_SYMLINK_NOFOLLOW)) < 0) {
    if (absent()) return std::optional<FileStat>{};
    return fail_errno("stat ", printable(path));
  }
  return std::optional(from_stat(found));
}

bool may_write(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0; }

bool may_execute(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0; }

bool has_attribute(const std::string& path, const char* name) {
  char value[2];
  return ::getxattr(path.c_str(), name, value, sizeof value) == 1 && value[0] == '1';
}

Result<std::string> block_device_of(const std::string& path) {
  struct stat found {};
  if (SYS(::stat(path.c_str(), &found)) < 0) return fail_errno("stat ", printable(path));
  const dev_t device = S_ISBLK(found.st_mode) ? found.st_rdev : found.st_dev;
  // Major 0: memory, the network, or several devices at once.
  if (major(device) == 0) return fail_hint("name the device itself, as /dev/sda or 8:0", printable(path), " lies on no single block device");
  return text(major(device), ":", minor(device));
}

bool has_file_capabilities(const std::string& path) { return ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0; }

Result<std::string> read_fd(const Fd& fd, const std::string& name, std::size_t limit) {
  std::string out;
  char block[8192];
  while (true) {
    const ssize_t got = SYS(::read(fd.get(), block, sizeof block));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read ", printable(name));
    if (got == 0) return out;
    out.append(block, static_cast<std::size_t>(got));
    if (out.size() > limit) return fail(printable(name), " is larger than ", limit, " bytes");
  }
}

Result<> rewind_file(const Fd& fd, const std::string& name) {
  if (SYS(::lseek(fd.get(), 0, SEEK_SET)) < 0) return fail_errno("rewind ", printable(name));
  return {};
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const Fd fd = TRY(open_file(path, O_RDONLY));
  return read_fd(fd, path, limit);
}

Result<std::optional<std::string>> read_file_if_exists(const std::string& path, std::size_t limit) {
  const std::optional<Fd> fd = TRY(open_if_exists(path, O_RDONLY));
  if (!fd) return std::optional<std::string>{};
  return std::optional<std::string>(TRY(read_fd(*fd, path, limit)));
}

Result<> write_all(int fd, const std::string& name, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = SYS(::write(fd, content.data(), content.size()));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno("write ", printable(name));
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<> rewrite_file(const Fd& fd, const std::string& name, std::string_view content) {
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t wrote = SYS(::pwrite(fd.get(), content.data() + done, content.size() - done, static_cast<off_t>(done)));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno("write ", printable(name));
    done += static_cast<std::size_t>(wrote);
  }
  if (SYS(::ftruncate(fd.get(), static_cast<off_t>(content.size()))) < 0) return fail_errno("truncate ", printable(name));
  return {};
}

Result<> write_file_atomically(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = text(path, ".", ::getpid(), ".tmp");
  const auto write = [&]() -> Result<> {
    const Fd fd = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    TRY(write_all(fd.get(), temporary, content));
    if (SYS(::fsync(fd.get())) < 0) return fail_errno("fsync ", printable(temporary));
    if (SYS(::rename(temporary.c_str(), path.c_str())) < 0) return fail_errno("rename to ", printable(path));
    return {};
  };
  Result<> done = write();
  if (!done && done.error().code != EEXIST) ::unlink(temporary.c_str());
  return done;
}

Result<> make_directories(const std::string& path, unsigned mode) {
  std::string so_far;
  for (const std::string& part : path::components(path)) {
    so_far += "/" + part;
    if (SYS(::mkdir(so_far.c_str(), mode)) < 0 && errno != EEXIST) return fail_errno("mkdir ", printable(so_far));
  }
  return {};
}

Result<std::optional<std::string>> read_link(const std::string& path) {
  char out[PATH_MAX];
  const ssize_t length = SYS(::readlink(path.c_str(), out, sizeof out));
  if (length < 0 && (absent() || errno == EINVAL)) return std::optional<std::string>{};
  if (length < 0) return fail_errno("readlink ", printable(path));
  return std::optional(std::string(out, static_cast<std::size_t>(length)));
}

Result<std::string> working_directory() {
  char bytes[PATH_MAX];
  // The kernel writes "(unreachable)/…" for a directory outside the root (getcwd(3)).
  const auto failed = SYS(::getcwd(bytes, sizeof bytes) != nullptr ? 0 : -1) < 0;
  if (failed) return fail_errno("working directory");
  const std::string out(bytes);
  if (!out.starts_with('/')) return fail("working directory is outside the root: ", printable(out));
  return out;
}

Result<std::string> real_path(const std::string& path) {
  char out[PATH_MAX];
  if (SYS(::realpath(path.c_str(), out) != nullptr ? 0 : -1) < 0) return fail_errno("resolve ", printable(path));
  return std::string(out);
}

Result<bool> take_lock(const Fd& file, const std::string& shown) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  if (SYS(::fcntl(file.get(), F_SETLK, &lock)) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return fail_errno("lock ", printable(shown));
}

Result<LockHolder> lock_holder(const Fd& file, const std::string& shown) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  if (SYS(::fcntl(file.get(), F_GETLK, &lock)) < 0) return fail_errno("look who locked ", printable(shown));
  if (lock.l_type == F_UNLCK) return LockHolder{};
  return LockHolder{.held = true, .pid = lock.l_pid > 0 ? lock.l_pid : 0};
}

Result<> change_directory(const std::string& path) {
  if (SYS(::chdir(path.c_str())) < 0) return fail_errno("chdir ", printable(path));
  return {};
}

Result<> change_directory(const Fd& dir, const std::string& shown) {
  if (SYS(::fchdir(dir.get())) < 0) return fail_errno("chdir ", printable(shown));
  return {};
}

}  // namespace sys
