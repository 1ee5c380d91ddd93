// Mount points by descriptor: no name is looked up twice, and nothing is made in a directory of the user's.
#include "launch/mount_points.h"

#include "base/path.h"
#include "sys/file.h"
#include "sys/resolve.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace launch {

namespace {

std::unexpected<Error> fail_missing(const std::string& inside) {
  return std::unexpected<Error>(Error{ENOENT, text("mount on ", printable(inside), ": No such file or directory"), {}});
}

}  // namespace

Result<> MountPoints::add_own(const sys::Fd& mount) {
  const sys::FileStat found = TRY(sys::stat_fd(mount.get(), "new file system"));
  own_devices_.push_back(found.device);
  return {};
}

Result<sys::Fd> MountPoints::find(const std::string& inside) const {
  std::optional<sys::Fd> found = TRY(sys::find_in_root(root_, inside));
  if (found) return std::move(*found);
  return fail_missing(inside);
}

Result<sys::Fd> MountPoints::find_itself(const std::string& inside) const {
  std::optional<sys::Fd> found = TRY(sys::find_in_root(root_, inside, sys::LastLink::keep));
  if (!found) return fail_missing(inside);
  const sys::FileStat stat = TRY(sys::stat_fd(found->get(), inside));
  if (stat.kind != sys::FileKind::symlink) return std::move(*found);
  return fail_hint("replace the link, or take the path out of the profile's list with '!'", "mount on ", printable(inside),
                   ": is a symbolic link, which cannot be held in place");
}

Result<bool> MountPoints::is_own(const sys::Fd& directory, const std::string& shown) const {
  const sys::FileStat stat = TRY(sys::stat_fd(directory.get(), shown));
  return std::ranges::find(own_devices_, stat.device) != own_devices_.end();
}

Result<const sys::Fd*> MountPoints::parent(const std::string& inside) {
  std::string path = path::parent(inside);
  if (directory_path_ == path) return &directory_;
  directory_ = TRY(place(path, Kind::directory));
  directory_is_own_ = TRY(is_own(directory_, path));
  directory_path_ = std::move(path);
  return &directory_;
}

Result<const sys::Fd*> MountPoints::own_parent(const std::string& inside) {
  const sys::Fd* found = TRY(parent(inside));
  if (directory_is_own_) return found;
  const bool in_root = TRY(sys::stat_fd(found->get(), inside)).device == TRY(sys::stat_fd(root_.get(), "/")).device;
  Error error{ENOENT, text("mount on ", printable(inside), ": No such file or directory"),
              "make it on the host first, or bind to a place that exists: sbx creates nothing in your directories"};
  if (in_root) error.hint = "add --overlay / to have it made in a copy: sbx creates nothing in your directories";
  return std::unexpected<Error>(std::move(error));
}

void MountPoints::forget(const std::string& inside) {
  if (!path::is_at_or_below(directory_path_, inside)) return;
  directory_.reset();
  directory_path_.clear();
}

Result<sys::Fd> MountPoints::place(const std::string& inside, Kind kind, unsigned mode) {
  if (inside == "/") return find("/");
  std::optional<sys::Fd> found;
  if (!directory_is_own_ || directory_path_ != path::parent(inside)) found = TRY(sys::find_in_root(root_, inside));
  if (found) return std::move(*found);
  const sys::Fd& directory = *TRY(own_parent(inside));
  const std::string name(path::base_name(inside));
  if (kind == Kind::file) {
    Result<sys::Fd> file = sys::create_file_at(directory, name, 0444, inside);
    if (!file && file.error().code == EEXIST) return find(inside);
    return file;
  }
  const Result<> made = sys::make_directory_at(directory, name, mode, inside);
  if (!made && made.error().code == EEXIST) return find(inside);
  if (!made) return std::unexpected<Error>(made.error());
  return sys::open_at(directory, name, O_PATH | O_NOFOLLOW);
}

}  // namespace launch
