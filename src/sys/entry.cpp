// fstatat(2), openat2(2), renameat2(2) and their like. Extended attributes and modes of a name in a directory have no
// calls of their own before 6.13: they go by /proc/self/fd, whose links lead to the open directory whatever its name.
#include "sys/entry.h"

#include "sys/call.h"
#include "sys/memory.h"

#include <algorithm>
#include <array>
#include <climits>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sys {

namespace {

EntryType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return EntryType::directory;
    case S_IFLNK: return EntryType::symlink;
    case S_IFIFO: return EntryType::fifo;
    case S_IFSOCK: return EntryType::socket;
    case S_IFCHR: return EntryType::character;
    case S_IFBLK: return EntryType::block;
    default: return EntryType::file;
  }
}

Instant from_timespec(const timespec& in) { return {in.tv_sec, static_cast<std::uint32_t>(in.tv_nsec)}; }

Entry from_stat(const struct stat& in) {
  Entry out;
  out.type = type_of(in.st_mode), out.mode = in.st_mode & 07777u, out.uid = in.st_uid, out.gid = in.st_gid;
  out.size = static_cast<std::uint64_t>(in.st_size), out.device = in.st_dev, out.inode = in.st_ino, out.links = in.st_nlink;
  out.whiteout = S_ISCHR(in.st_mode) && in.st_rdev == ::makedev(0, 0);
  out.modified = from_timespec(in.st_mtim), out.changed = from_timespec(in.st_ctim);
  return out;
}

std::string by_descriptor(const Fd& dir, const std::string& name) { return text("/proc/self/fd/", dir.get(), "/", name); }

Result<std::string> attribute_of(const std::string& path, const std::string& attribute, const std::string& shown) {
  std::string value(256, '\0');
  while (true) {
    const ssize_t got = SYS(::lgetxattr(path.c_str(), attribute.c_str(), value.data(), value.size()));
    if (got >= 0) {
      value.resize(static_cast<std::size_t>(got));
      return value;
    }
    if (errno != ERANGE || value.size() > XATTR_SIZE_MAX) return fail_errno("read attribute ", printable(attribute), " of ", printable(shown));
    value.resize(value.size() * 16);
  }
}

// One stretch of bytes that are there.
Result<> copy_range(const Fd& from, const Fd& to, off_t at, off_t end, const std::string& shown) {
  off_t out = at;
  while (at < end) {
    const ssize_t got = SYS(::copy_file_range(from.get(), &at, to.get(), &out, static_cast<std::size_t>(end - at), 0));
    if (got == 0) return {};  // it was cut meanwhile
    if (got > 0) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return fail_errno("copy ", printable(shown));
    char block[64 << 10];
    const ssize_t read = SYS(::pread(from.get(), block, std::min<std::size_t>(sizeof block, static_cast<std::size_t>(end - at)), at));
    if (read < 0) return fail_errno("read ", printable(shown));
    if (read == 0) return {};
    for (ssize_t done = 0; done < read;) {
      const ssize_t wrote = SYS(::pwrite(to.get(), block + done, static_cast<std::size_t>(read - done), out + done));
      if (wrote < 0) return fail_errno("write ", printable(shown));
      done += wrote;
    }
    at += read, out += read;
  }
  return {};
}

}  // namespace

Result<std::optional<Entry>> entry_at(const Fd& dir, const std::string& name, const std::string& shown) {
  struct stat found {};
  if (SYS(::fstatat(dir.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW)) == 0) return std::optional(from_stat(found));
  if (errno == ENOENT) return std::optional<Entry>{};
  return fail_errno("stat ", printable(shown));
}

Result<Entry> entry_of(const Fd& fd, const std::string& shown) {
  struct stat found {};
  if (SYS(::fstat(fd.get(), &found)) < 0) return fail_errno("stat ", printable(shown));
  return from_stat(found);
}

Result<Fd> open_entry(const Fd& dir, const std::string& name, int flags, const std::string& shown) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC | ((flags & O_PATH) == 0 ? O_NONBLOCK : 0));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const long fd = SYS(::syscall(SYS_openat2, dir.get(), name.c_str(), &how, sizeof how));
  if (fd >= 0) return Fd(static_cast<int>(fd));
  if (errno == EXDEV) return fail_hint("what is mounted below an overlaid directory is no part of it", "open ", printable(shown), ": something is mounted there");
  if (errno != ENOSYS) return fail_errno("open ", printable(shown));
  // A filter without openat2: one component without links cannot lead out, and a mount shows as another device.
  Fd opened(SYS(::openat(dir.get(), name.c_str(), static_cast<int>(how.flags))));
  if (!opened.valid()) return fail_errno("open ", printable(shown));
  const Entry at = TRY(entry_of(opened, shown)), above = TRY(entry_of(dir, shown));
  if (at.device != above.device) return fail("open ", printable(shown), ": something is mounted there");
  return opened;
}

Result<std::string> read_link_at(const Fd& dir, const std::string& name, const std::string& shown) {
  char to[PATH_MAX];
  const ssize_t length = SYS(::readlinkat(dir.get(), name.c_str(), to, sizeof to));
  if (length < 0) return fail_errno("readlink ", printable(shown));
  return std::string(to, static_cast<std::size_t>(length));
}

Result<std::vector<Attribute>> attributes_at(const Fd& dir, const std::string& name, const std::string& shown) {
  const std::string path = by_descriptor(dir, name);
  std::string names(1024, '\0');
  ssize_t got;
  while ((got = SYS(::llistxattr(path.c_str(), names.data(), names.size()))) < 0 && errno == ERANGE && names.size() <= XATTR_LIST_MAX)
    names.resize(names.size() * 8);
  std::vector<Attribute> out;
  if (got < 0 && (errno == EOPNOTSUPP || errno == ENOENT)) return out;
  if (got < 0) return fail_errno("list attributes of ", printable(shown));
  for (ssize_t at = 0; at < got;) {
    const std::string attribute(names.c_str() + at);
    at += static_cast<ssize_t>(attribute.size()) + 1;
    auto value = attribute_of(path, attribute, shown);
    if (!value && (value.error().code == ENODATA || value.error().code == EOPNOTSUPP)) continue;  // gone meanwhile
    if (!value) return std::unexpected<Error>(std::move(value).error());
    out.push_back({attribute, *std::move(value)});
  }
  std::ranges::sort(out, {}, &Attribute::name);
  return out;
}

Result<> set_attribute_at(const Fd& dir, const std::string& name, const Attribute& attribute, const std::string& shown) {
  const std::string path = by_descriptor(dir, name);
  if (SYS(::lsetxattr(path.c_str(), attribute.name.c_str(), attribute.value.data(), attribute.value.size(), 0)) < 0)
    return fail_errno("set attribute ", printable(attribute.name), " of ", printable(shown));
  return {};
}

Result<> remove_attribute_at(const Fd& dir, const std::string& name, const std::string& attribute, const std::string& shown) {
  if (SYS(::lremovexattr(by_descriptor(dir, name).c_str(), attribute.c_str())) < 0 && errno != ENODATA)
    return fail_errno("remove attribute ", printable(attribute), " of ", printable(shown));
  return {};
}

Result<> rename_entry(const Fd& from, const std::string& name, const Fd& to, const std::string& new_name, Rename how,
                      const std::string& shown) {
  const unsigned flags = how == Rename::exchange ? RENAME_EXCHANGE : how == Rename::no_replace ? RENAME_NOREPLACE : 0;
  if (SYS(::renameat2(from.get(), name.c_str(), to.get(), new_name.c_str(), flags)) < 0) return fail_errno("replace ", printable(shown));
  return {};
}

Result<> link_entry(const Fd& from, const std::string& name, const Fd& to, const std::string& new_name, const std::string& shown) {
  if (SYS(::linkat(from.get(), name.c_str(), to.get(), new_name.c_str(), 0)) < 0) return fail_errno("link ", printable(shown));
  return {};
}

Result<> make_fifo_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown) {
  if (SYS(::mkfifoat(dir.get(), name.c_str(), mode)) < 0) return fail_errno("make fifo ", printable(shown));
  return {};
}

Result<> set_mode_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown) {
  // fchmodat(2) follows links: the file is opened first, and looked at.
  const Fd file = TRY(open_entry(dir, name, O_PATH, shown));
  if (TRY(entry_of(file, shown)).type == EntryType::symlink) return fail("chmod ", printable(shown), ": it is a symbolic link");
  if (SYS(::chmod(text("/proc/self/fd/", file.get()).c_str(), mode)) < 0) return fail_errno("chmod ", printable(shown));
  return {};
}

Result<> set_modified_at(const Fd& dir, const std::string& name, const Instant& modified, const std::string& shown) {
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = modified.seconds, .tv_nsec = modified.nanoseconds}};
  if (SYS(::utimensat(dir.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW)) < 0) return fail_errno("set the time of ", printable(shown));
  return {};
}

Result<> copy_content(const Fd& from, const Fd& to, const std::string& shown) {
  const off_t size = static_cast<off_t>(TRY(entry_of(from, shown)).size);
  for (off_t at = 0; at < size;) {
    off_t data = SYS(::lseek(from.get(), at, SEEK_DATA));
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    if (data < 0) data = at;                // a file system that tells no holes
    off_t hole = SYS(::lseek(from.get(), data, SEEK_HOLE));
    if (hole < 0) hole = size;
    TRY(copy_range(from, to, data, hole, shown));
    at = hole;
  }
  if (SYS(::ftruncate(to.get(), size)) < 0) return fail_errno("write ", printable(shown));
  return {};
}

Result<std::size_t> read_block(const Fd& fd, char* block, std::size_t size, const std::string& shown) {
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = SYS(::read(fd.get(), block + filled, size - filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read ", printable(shown));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

Result<> sync_file_system(const Fd& at, const std::string& shown) {
  if (SYS(::syncfs(at.get())) < 0) return fail_errno("write ", printable(shown), " to its disk");
  return {};
}

Result<std::string> random_token() {
  std::array<std::byte, 8> bytes{};
  TRY(fill_random(bytes));
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) out += digits[std::to_integer<unsigned>(byte) >> 4], out += digits[std::to_integer<unsigned>(byte) & 15];
  return out;
}

}  // namespace sys
