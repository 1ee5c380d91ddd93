// Mount points by descriptor (rule 1 and rule 6 of the design's security rules).
#include "launch/mount_points.h"

#include "base/path.h"
#include "sys/file.h"
#include "sys/resolve.h"

#include <algorithm>
#include <fcntl.h>

namespace launch {

Result<> MountPoints::add_own(const sys::Fd& mount) {
  const sys::FileStat found = TRY(sys::stat_fd(mount.get(), "new file system"));
  own_devices_.push_back(found.device);
  return {};
}

Result<sys::Fd> MountPoints::find(const std::string& inside) const {
  std::optional<sys::Fd> found = TRY(sys::find_in_root(root_, inside));
  if (found) return std::move(*found);
  return fail("mount on ", printable(inside), ": No such file or directory");
}

Result<sys::Fd> MountPoints::find_itself(const std::string& inside) const {
  std::optional<sys::Fd> found = TRY(sys::find_in_root(root_, inside, sys::LastLink::keep));
  if (!found) return fail("mount on ", printable(inside), ": No such file or directory");
  const sys::FileStat stat = TRY(sys::stat_fd(found->get(), inside));
  if (stat.kind != sys::FileKind::symlink) return std::move(*found);
  return fail_hint("replace the link, or take the path out of the profile's list with '!'", "mount on ", printable(inside),
                   ": is a symbolic link, which cannot be held in place");
}

Result<> MountPoints::check_own(const sys::Fd& parent, const std::string& inside) const {
  const sys::FileStat stat = TRY(sys::stat_fd(parent.get(), inside));
  if (std::ranges::find(own_devices_, stat.device) != own_devices_.end()) return {};
  return fail_hint("make it on the host first, or bind to a place that exists: sbx creates nothing in your directories",
                   "mount on ", printable(inside), ": No such file or directory");
}

Result<sys::Fd> MountPoints::directory(const std::string& inside, unsigned mode) const {
  if (std::optional<sys::Fd> found = TRY(sys::find_in_root(root_, inside))) return std::move(*found);
  const sys::Fd parent = TRY(directory(path::parent(inside)));
  TRY(check_own(parent, inside));
  const std::string name(path::base_name(inside));
  TRY(sys::make_directory_at(parent, name, mode, inside));
  return sys::open_at(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::Fd> MountPoints::file(const std::string& inside) const {
  if (std::optional<sys::Fd> found = TRY(sys::find_in_root(root_, inside))) return std::move(*found);
  const sys::Fd parent = TRY(directory(path::parent(inside)));
  TRY(check_own(parent, inside));
  const std::string name(path::base_name(inside));
  TRY(sys::make_file_at(parent, name, {}, 0444, inside));
  return sys::open_at(parent, name, O_PATH | O_NOFOLLOW);
}

}  // namespace launch
