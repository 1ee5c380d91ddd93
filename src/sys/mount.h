// The new mount API (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2)): mounts as descriptors, attached
// to a place that is a descriptor too. Kernel 5.12 for mount_setattr; only flags a user namespace may set.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sys {

// Flags of a mount. Never atime: a user namespace may not change it on a locked mount.
struct MountFlags {
  bool read_only = false, nosuid = false, nodev = false, noexec = false;
};

using MountOptions = std::vector<std::pair<std::string, std::string>>;  // an empty value is a bare flag

// A new file system of `type`, not attached anywhere yet.
Result<Fd> make_filesystem(const std::string& type, const MountOptions& options, MountFlags flags);

// A private copy of the mounts at and below `path`; nullopt when it does not exist. Always recursive: a
// plain clone of a tree with locked children is EINVAL (mount_namespaces(7)).
enum class Links { follow, refuse };
Result<std::optional<Fd>> clone_tree(const std::string& path, Links links = Links::follow);
// The same of what a descriptor stands on.
Result<Fd> clone_tree(const Fd& at, const std::string& shown);

// Adds flags to a mount; recursive: to all below it too, and takes them out of propagation.
Result<> restrict_mount(const Fd& mount, MountFlags flags, bool recursive, const std::string& shown);

Result<> attach_mount(const Fd& mount, const Fd& at, const std::string& shown);
Result<> attach_mount(const Fd& mount, const std::string& path);
Result<> make_mounts_private();            // "/" and all below, in this mount namespace
Result<> pivot_to(const Fd& root);         // root becomes "/", the old one is detached; working directory "/"

// Of the mount a descriptor stands on (statx(2) stx_mnt_id, 5.8).
Result<std::uint64_t> mount_id(const Fd& at, const std::string& shown);

}  // namespace sys
