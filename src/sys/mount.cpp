// Mounts by descriptor.
#include "sys/mount.h"

#include "sys/call.h"
#include "sys/resolve.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

namespace {

unsigned attributes(MountFlags flags) {
  return (flags.read_only ? MOUNT_ATTR_RDONLY : 0u) | (flags.nosuid ? MOUNT_ATTR_NOSUID : 0u) |
         (flags.nodev ? MOUNT_ATTR_NODEV : 0u) | (flags.noexec ? MOUNT_ATTR_NOEXEC : 0u);
}

// What the file system itself says about a refusal: "e overlay: …" on its context (fsopen(2)).
std::string context_message(int context, const std::string& otherwise) {
  char line[512];
  const ssize_t length = ::read(context, line, sizeof line);
  if (length <= 2) return otherwise;
  return std::string(trim(std::string_view(line, static_cast<std::size_t>(length)).substr(2)));
}

std::unexpected<Error> refused(int context, const std::string& type, const char* step) {
  const int code = errno;
  const std::string words = context_message(context, errno_text(code));
  return std::unexpected<Error>(Error{code, text("mount ", type, " (", step, "): ", printable(words)), {}});
}

}  // namespace

Result<Fd> make_filesystem(const std::string& type, const MountOptions& options, MountFlags flags) {
  const int context = SYS(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (context < 0) return fail_errno("mount ", type);
  const Fd holder(context);
  for (const auto& [key, value] : options) {
    const int set = value.empty() ? SYS(::fsconfig(context, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0))
                                  : SYS(::fsconfig(context, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0));
    if (set < 0) return refused(context, type, key.c_str());
  }
  if (SYS(::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)) < 0) return refused(context, type, "create");
  const int mount = SYS(::fsmount(context, FSMOUNT_CLOEXEC, attributes(flags)));
  if (mount < 0) return refused(context, type, "attach");
  return Fd(mount);
}

Result<std::optional<Fd>> clone_tree(const std::string& path, Links links) {
  if (links == Links::refuse) {
    const std::optional<Fd> found = TRY(find_without_links(path));
    if (!found) return std::optional<Fd>{};
    return std::optional<Fd>(TRY(clone_tree(*found, path)));
  }
  const int tree = SYS(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (tree < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<Fd>{};
  if (tree < 0) return fail_errno("bind ", printable(path));
  return std::optional<Fd>(Fd(tree));
}

Result<Fd> clone_tree(const Fd& at, const std::string& shown) {
  const int tree = SYS(::open_tree(at.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH));
  if (tree < 0) return fail_errno("bind ", printable(shown));
  return Fd(tree);
}

Result<> restrict_mount(const Fd& mount, MountFlags flags, bool recursive, const std::string& shown) {
  mount_attr change{};
  change.attr_set = attributes(flags);
  change.propagation = recursive ? MS_PRIVATE : 0;
  const unsigned how = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0u);
  if (SYS(::mount_setattr(mount.get(), "", how, &change, sizeof change)) < 0)
    return fail_errno("set mount flags of ", printable(shown));
  return {};
}

Result<> attach_mount(const Fd& mount, const Fd& at, const std::string& shown) {
  constexpr unsigned how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (SYS(::move_mount(mount.get(), "", at.get(), "", how)) < 0) return fail_errno("mount on ", printable(shown));
  return {};
}

Result<> attach_mount(const Fd& mount, const std::string& path) {
  if (SYS(::move_mount(mount.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH)) < 0)
    return fail_errno("mount on ", printable(path));
  return {};
}

Result<> make_mounts_private() {
  if (SYS(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)) < 0) return fail_errno("make mounts private");
  return {};
}

Result<> pivot_to(const Fd& root) {
  if (SYS(::fchdir(root.get())) < 0) return fail_errno("chdir to the new root");
  // Both names are ".": the old root ends up on top of the new one and is detached at once (pivot_root(2)).
  if (SYS(::syscall(SYS_pivot_root, ".", ".")) < 0) return fail_errno("pivot_root");
  if (SYS(::umount2(".", MNT_DETACH)) < 0) return fail_errno("detach the old root");
  if (SYS(::chdir("/")) < 0) return fail_errno("chdir /");
  return {};
}

Result<std::uint64_t> mount_id(const Fd& at, const std::string& shown) {
  struct statx found {};
  if (SYS(::statx(at.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &found)) < 0) return fail_errno("stat ", printable(shown));
  return std::uint64_t{found.stx_mnt_id};
}

}  // namespace sys
