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

  Result<sys::Fd> find(const std::string& inside) const;        // must exist; symbolic links are followed
  Result<sys::Fd> find_itself(const std::string& inside) const;  // must exist and be no symbolic link
  Result<sys::Fd> directory(const std::string& inside, unsigned mode = 0755) const;
  Result<sys::Fd> file(const std::string& inside) const;

 private:
  Result<> check_own(const sys::Fd& parent, const std::string& inside) const;

  const sys::Fd& root_;
  std::vector<std::uint64_t> own_devices_;
};

}  // namespace launch
