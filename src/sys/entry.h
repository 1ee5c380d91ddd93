// What stands under a name in an open directory, and changing it: never through a symbolic link, never across a mount.
// A name is one component. For trees that others may have made, and may be changing.
#pragma once

#include "base/instant.h"
#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sys {

enum class EntryType { file, directory, symlink, fifo, socket, character, block };

struct Entry {
  EntryType type = EntryType::file;
  std::uint32_t mode = 0, uid = 0, gid = 0;  // mode: permission bits only
  std::uint64_t size = 0, device = 0, inode = 0, links = 0;
  bool whiteout = false;                     // a character device 0:0
  Instant modified, changed;                 // mtime, ctime
};

// nullopt: no such name. "." is the directory itself.
Result<std::optional<Entry>> entry_at(const Fd& dir, const std::string& name, const std::string& shown);
Result<Entry> entry_of(const Fd& fd, const std::string& shown);

// openat2(2) with RESOLVE_BENEATH, NO_SYMLINKS and NO_XDEV; O_CLOEXEC and O_NONBLOCK are added: a fifo holds nobody up.
Result<Fd> open_entry(const Fd& dir, const std::string& name, int flags, const std::string& shown);

Result<std::string> read_link_at(const Fd& dir, const std::string& name, const std::string& shown);

// Extended attributes of what the name is itself (xattr(7)). A file system without them has none.
struct Attribute {
  std::string name, value;
  bool operator==(const Attribute&) const = default;
};
Result<std::vector<Attribute>> attributes_at(const Fd& dir, const std::string& name, const std::string& shown);  // sorted
Result<> set_attribute_at(const Fd& dir, const std::string& name, const Attribute& attribute, const std::string& shown);
Result<> remove_attribute_at(const Fd& dir, const std::string& name, const std::string& attribute, const std::string& shown);

// rename(2) to the name, to the name while nothing has it, or of both with each other.
enum class Rename { replace, no_replace, exchange };
Result<> rename_entry(const Fd& from, const std::string& name, const Fd& to, const std::string& new_name, Rename how,
                      const std::string& shown);
Result<> link_entry(const Fd& from, const std::string& name, const Fd& to, const std::string& new_name,
                    const std::string& shown);
Result<> make_fifo_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown);
Result<> set_mode_at(const Fd& dir, const std::string& name, unsigned mode, const std::string& shown);  // of no symlink
Result<> set_modified_at(const Fd& dir, const std::string& name, const Instant& modified, const std::string& shown);

// The content of one file into another that is empty; holes stay holes.
Result<> copy_content(const Fd& from, const Fd& to, const std::string& shown);
// Up to `size` bytes, fewer at the end of the file.
Result<std::size_t> read_block(const Fd& fd, char* block, std::size_t size, const std::string& shown);

Result<> sync_file_system(const Fd& at, const std::string& shown);  // syncfs(2)
Result<std::string> random_token();  // 16 hexadecimal digits

}  // namespace sys
