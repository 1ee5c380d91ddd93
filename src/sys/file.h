// Files and directories: one call, one worded error. Paths are the host's unless a directory is given.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sys {

enum class FileKind { file, directory, symlink, other };

struct FileStat {
  FileKind kind = FileKind::other;
  std::uint32_t uid = 0, gid = 0, mode = 0;  // mode: permission bits only
  std::uint64_t size = 0, device = 0, inode = 0, links = 0;
  std::int64_t changed = 0;                  // ctime: seconds,
  std::uint32_t changed_nanoseconds = 0;     // and the rest
};

// open(2); O_CLOEXEC is added. `open_if_exists` is empty when the name (or a parent) does not exist.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0);
Result<std::optional<Fd>> open_if_exists(const std::string& path, int flags);
Result<Fd> open_at(const Fd& dir, const std::string& path, int flags, unsigned mode = 0);

// fstat(2), lstat(2). A missing name is nullopt, every other refusal an error.
Result<FileStat> stat_fd(int fd, const std::string& name);
Result<std::optional<FileStat>> stat_path(const std::string& path, bool follow = true);

bool may_write(const std::string& path);              // the caller, by the mode and the mount (faccessat(2))
bool may_execute(const std::string& path);
bool has_attribute(const std::string& path, const char* name);  // set to "1" (getxattr(2))
// "8:0": the block device at this path, or the one that the file system there lies on.
Result<std::string> block_device_of(const std::string& path);
bool has_file_capabilities(const std::string& path);  // capabilities(7), "File capabilities"

// Whole files. `limit` in bytes: a larger file is an error, never a truncation.
Result<std::string> read_fd(const Fd& fd, const std::string& name, std::size_t limit);
Result<> rewind_file(const Fd& fd, const std::string& name);
Result<std::string> read_file(const std::string& path, std::size_t limit);
Result<std::optional<std::string>> read_file_if_exists(const std::string& path, std::size_t limit);
Result<> write_all(int fd, const std::string& name, std::string_view content);  // EINTR and short writes handled
// The whole content of an open file, in its place. Who reads meanwhile may get some of both.
Result<> rewrite_file(const Fd& fd, const std::string& name, std::string_view content);
// A temporary file beside it, fsync(2), rename(2): the old content or the new, never half.
Result<> write_file_atomically(const std::string& path, std::string_view content, unsigned mode);

Result<std::vector<std::string>> list_directory(const std::string& path);  // names, sorted, without . and ..
Result<std::vector<std::string>> list_directory(const Fd& dir, const std::string& name);
Result<> make_directories(const std::string& path, unsigned mode);         // like mkdir -p; existing ones stay
Result<std::optional<std::string>> read_link(const std::string& path);     // nullopt: not there or not a link
Result<std::string> working_directory();
Result<std::string> real_path(const std::string& path);

// Relative to a directory descriptor.
Result<std::optional<Fd>> open_at_if_exists(const Fd& dir, const std::string& name, int flags, const std::string& shown);
Result<> rename_at(const Fd& dir, const std::string& from, const std::string& to, const std::string& shown);
Result<> exchange_at(const Fd& dir, const std::string& one, const std::string& other, const std::string& shown);  // their names
Result<> remove_file_at(const Fd& dir, const std::string& name, const std::string& shown);  // a missing one is fine
// The old content or the new, for whoever reads meanwhile; not kept through a power failure.
Result<> replace_file_at(const Fd& dir, const std::string& name, std::string_view content, unsigned mode, const std::string& shown);
Result<> make_directory_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown);
Result<> remove_directory_at(const Fd& dir, const std::string& name, const std::string& shown);
Result<Fd> create_file_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown);  // open to write
Result<> make_file_at(const Fd& dir, const std::string& name, std::string_view content, unsigned mode, const std::string& shown);
Result<> make_symlink_at(const Fd& dir, const std::string& name, const std::string& to, const std::string& shown);
// A character device 0:0, overlayfs's mark for "not here"; allowed without privilege since 5.8.
Result<> make_whiteout_at(const Fd& dir, const std::string& name, const std::string& shown);
Result<> change_owner_at(const Fd& dir, const std::string& name, std::uint32_t uid, std::uint32_t gid, const std::string& shown);

// A lock on the whole file, of this process alone (fcntl(2), "Advisory record locking"): a child does not inherit it,
// and it ends with the process, or when the process closes any descriptor of the file.
Result<bool> take_lock(const Fd& file, const std::string& shown);  // false: another process has it
struct LockHolder { bool held = false; pid_t pid = 0; };           // pid 0: one that is not of our pid namespace
Result<LockHolder> lock_holder(const Fd& file, const std::string& shown);

Result<> change_directory(const std::string& path);
Result<> change_directory(const Fd& dir, const std::string& shown);

}  // namespace sys
