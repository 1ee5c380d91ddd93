// Directory entries: listing, and making them relative to a directory descriptor.
#include "sys/call.h"
#include "sys/file.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace sys {

Result<std::vector<std::string>> list_directory(const Fd& dir, const std::string& name) {
  // A description of our own, at the start; and no opendir(3): its buffer alone is 32 KiB.
  const int fd = SYS(::openat(dir.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return fail_errno("open ", printable(name));
  const Fd opened(fd);
  std::vector<std::string> names;
  alignas(dirent64) char block[8192];
  while (true) {
    const ssize_t got = SYS(::getdents64(fd, block, sizeof block));
    if (got < 0) return fail_errno("list ", printable(name));
    if (got == 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(block + at);
      const std::string_view found = entry->d_name;
      if (found != "." && found != "..") names.emplace_back(found);
      at += entry->d_reclen;
    }
  }
  std::ranges::sort(names);
  return names;
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const Fd dir = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  return list_directory(dir, path);
}

Result<> make_directory_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown) {
  if (SYS(::mkdirat(dir.get(), name.c_str(), mode)) < 0) return fail_errno("mkdir ", printable(shown));
  return {};
}

Result<> remove_directory_at(const Fd& dir, const std::string& name, const std::string& shown) {
  if (SYS(::unlinkat(dir.get(), name.c_str(), AT_REMOVEDIR)) < 0) return fail_errno("rmdir ", printable(shown));
  return {};
}

Result<Fd> create_file_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown) {
  const int fd = SYS(::openat(dir.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (fd < 0) return fail_errno("create ", printable(shown));
  return Fd(fd);
}

Result<> make_file_at(const Fd& dir, const std::string& name, std::string_view content, unsigned mode, const std::string& shown) {
  const Fd file = TRY(create_file_at(dir, name, mode, shown));
  return write_all(file.get(), shown, content);
}

Result<std::optional<Fd>> open_at_if_exists(const Fd& dir, const std::string& name, int flags, const std::string& shown) {
  const int fd = SYS(::openat(dir.get(), name.c_str(), flags | O_CLOEXEC));
  if (fd >= 0) return std::optional(Fd(fd));
  if (errno == ENOENT) return std::optional<Fd>{};
  return fail_errno("open ", printable(shown));
}

Result<> rename_at(const Fd& dir, const std::string& from, const std::string& to, const std::string& shown) {
  if (SYS(::renameat(dir.get(), from.c_str(), dir.get(), to.c_str())) < 0) return fail_errno("rename to ", printable(shown));
  return {};
}

Result<> exchange_at(const Fd& dir, const std::string& one, const std::string& other, const std::string& shown) {
  if (SYS(::renameat2(dir.get(), one.c_str(), dir.get(), other.c_str(), RENAME_EXCHANGE)) < 0) return fail_errno("exchange ", printable(shown));
  return {};
}

Result<> remove_file_at(const Fd& dir, const std::string& name, const std::string& shown) {
  if (SYS(::unlinkat(dir.get(), name.c_str(), 0)) < 0 && errno != ENOENT) return fail_errno("remove ", printable(shown));
  return {};
}

Result<> replace_file_at(const Fd& dir, const std::string& name, std::string_view content, unsigned mode, const std::string& shown) {
  const std::string temporary = name + ".tmp";
  TRY(remove_file_at(dir, temporary, shown));
  const auto write = [&]() -> Result<> {
    TRY(make_file_at(dir, temporary, content, mode, shown));
    return rename_at(dir, temporary, name, shown);
  };
  Result<> done = write();
  if (!done) static_cast<void>(::unlinkat(dir.get(), temporary.c_str(), 0));
  return done;
}

Result<> make_symlink_at(const Fd& dir, const std::string& name, const std::string& to, const std::string& shown) {
  if (SYS(::symlinkat(to.c_str(), dir.get(), name.c_str())) < 0) return fail_errno("symlink ", printable(shown));
  return {};
}

Result<> make_whiteout_at(const Fd& dir, const std::string& name, const std::string& shown) {
  if (SYS(::mknodat(dir.get(), name.c_str(), S_IFCHR, ::makedev(0, 0))) < 0)
    return fail_errno("whiteout ", printable(shown));
  return {};
}

Result<> change_owner_at(const Fd& dir, const std::string& name, std::uint32_t uid, std::uint32_t gid,
                         const std::string& shown) {
  if (SYS(::fchownat(dir.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW)) < 0)
    return fail_errno("chown ", printable(shown));
  return {};
}

}  // namespace sys
