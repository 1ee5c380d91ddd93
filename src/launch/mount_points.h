// Finds or makes the place a mount goes to. Everything is resolved inside the new root, by descriptor; a
// missing place is made only on file systems that are the sandbox's own, never in a directory of the user's.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <vector>

namespace launch {

class MountPoints {
 public:
  explicit MountPoints(const sys::Fd& root) : root_(root) {}

  // A file system that was made for this sandbox: places may be made in it.
  Result<> add_own(const sys::Fd& mount);

  Result<sys::Fd> find(const std::string& inside) const;         // must exist; symbolic links are followed
  Result<sys::Fd> find_itself(const std::string& inside) const;  // must exist and be no symbolic link

  enum class Kind { directory, file };
  // Found, or made where it may be. Parents are made as directories.
  Result<sys::Fd> place(const std::string& inside, Kind kind, unsigned mode = 0755);
  // The directory that `inside` is an entry of, for a step that makes the entry itself: never one of the user's.
  // Valid until the next call.
  Result<const sys::Fd*> own_parent(const std::string& inside);

  // To be called when something is mounted on `inside`: what was found there before is covered now.
  void forget(const std::string& inside);

 private:
  Result<const sys::Fd*> parent(const std::string& inside);
  Result<bool> is_own(const sys::Fd& directory, const std::string& shown) const;

  const sys::Fd& root_;
  std::vector<std::uint64_t> own_devices_;
  sys::Fd directory_;               // the last parent: steps come sorted, so the next one often has the same
  std::string directory_path_;
  bool directory_is_own_ = false;
};

}  // namespace launch
