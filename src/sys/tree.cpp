// A directory in a directory is emptied by moving its own directories up: two descriptors are enough for any depth.
#include "sys/tree.h"

#include "sys/call.h"
#include "sys/file.h"

#include <cstdint>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sys {

namespace {

// Overlayfs's own directory in `work` has no permissions at all.
Result<Fd> open_to_empty(const Fd& dir, const std::string& name, const std::string& shown) {
  Result<Fd> opened = open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (opened && ::faccessat(dir.get(), name.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return opened;
  if (!opened && opened.error().code != EACCES) return fail("open ", printable(shown), ": ", errno_text(opened.error().code));
  if (SYS(::fchmodat(dir.get(), name.c_str(), 0700, 0)) < 0) return fail_errno("chmod ", printable(shown));
  return open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// False: it is a directory.
Result<bool> remove_if_no_directory(const Fd& dir, const std::string& name, const std::string& shown) {
  if (SYS(::unlinkat(dir.get(), name.c_str(), 0)) == 0 || errno == ENOENT) return true;
  if (errno == EISDIR || errno == EPERM) return false;
  return fail_errno("remove ", printable(shown));
}

Result<> move_up(const Fd& from, const std::string& name, const Fd& top, std::uint64_t& number, const std::string& shown) {
  while (true) {
    if (SYS(::renameat2(from.get(), name.c_str(), top.get(), text("sbx-", number++).c_str(), RENAME_NOREPLACE)) == 0) return {};
    if (errno == EACCES) {  // its own ".." is to be written: it needs the permission itself
      if (SYS(::fchmodat(from.get(), name.c_str(), 0700, 0)) < 0) return fail_errno("chmod ", printable(shown));
      continue;
    }
    if (errno != EEXIST) return fail_errno("remove ", printable(shown));
  }
}

Result<> empty(const Fd& top, const std::string& shown) {
  std::uint64_t number = 0;
  while (true) {
    bool directories = false;
    for (const std::string& name : TRY(list_directory(top, shown))) {
      if (TRY(remove_if_no_directory(top, name, shown))) continue;
      directories = true;
      const Fd child = TRY(open_to_empty(top, name, shown));
      for (const std::string& each : TRY(list_directory(child, shown)))
        if (!TRY(remove_if_no_directory(child, each, shown))) TRY(move_up(child, each, top, number, shown));
      TRY(remove_directory_at(top, name, shown));
    }
    if (!directories) return {};
  }
}

}  // namespace

Result<> remove_tree_at(const Fd& dir, const std::string& name, const std::string& shown) {
  if (TRY(remove_if_no_directory(dir, name, shown))) return {};
  const Fd top = TRY(open_to_empty(dir, name, shown));
  TRY(empty(top, shown));
  return remove_directory_at(dir, name, shown);
}

}  // namespace sys
