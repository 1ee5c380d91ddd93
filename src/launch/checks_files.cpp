// The mounts of a launch, one kind at a time, in a mount namespace that ends with its process.
#include "launch/trial.h"
#include "sys/file.h"
#include "sys/mount.h"

#include <fcntl.h>
#include <linux/sched.h>

namespace launch {

namespace {

constexpr sys::MountFlags plain{.nosuid = true, .nodev = true};
constexpr std::uint64_t own_mounts = CLONE_NEWUSER | CLONE_NEWNS;

// It must mount; where does not matter.
Result<std::string> mount_on(const std::string& type, const sys::MountOptions& options, const std::string& place, const char* found) {
  TRY(sys::make_mounts_private());
  const sys::Fd mount = TRY(sys::make_filesystem(type, options, {.nosuid = true, .noexec = true}));
  TRY(sys::attach_mount(mount, place));
  return found;
}

// A directory of the lower layer is removed and made again: the second step needs a whiteout and an extended
// attribute of the user's, which tmpfs has only since 6.6.
Result<> probe_overlay() {
  TRY(sys::make_mounts_private());
  const sys::Fd layers = TRY(sys::make_filesystem("tmpfs", {{"size", "1M"}, {"mode", "0755"}}, plain));
  for (const char* name : {"lower", "lower/directory", "upper", "work"}) TRY(sys::make_directory_at(layers, name, 0755, name));
  TRY(sys::attach_mount(layers, "/dev"));
  TRY(sys::change_directory(layers, "/dev"));
  const sys::Fd merged = TRY(sys::make_filesystem(
      "overlay", {{"lowerdir", "lower"}, {"upperdir", "upper"}, {"workdir", "work"}, {"userxattr", ""}}, plain));
  TRY(sys::attach_mount(merged, "/dev"));
  TRY(sys::remove_directory_at(merged, "directory", "a directory in the overlay"));
  return sys::make_directory_at(merged, "directory", 0755, "the directory in the overlay again");
}

}  // namespace

Attempt try_mounts(const plan::Identity& identity) {
  return try_stage(own_mounts, &identity, []() -> Result<std::string> {
    TRY(sys::make_mounts_private());
    const sys::Fd root = TRY(sys::make_filesystem("tmpfs", {{"size", "1M"}, {"mode", "0755"}}, plain));
    TRY(sys::make_directory_at(root, "usr", 0755, "usr in a new root"));
    const std::optional<sys::Fd> usr = TRY(sys::clone_tree("/usr"));
    TRY(sys::attach_mount(root, "/"));
    if (usr) {
      TRY(sys::restrict_mount(*usr, {.read_only = true, .nosuid = true, .nodev = true}, true, "/usr"));
      const sys::Fd place = TRY(sys::open_at(root, "usr", O_PATH));
      TRY(sys::attach_mount(*usr, place, "usr in a new root"));
    }
    TRY(sys::pivot_to(root));
    return "a root of its own, by pivot_root";
  });
}

Attempt try_proc(const plan::Identity& identity) {
  return try_stage(own_mounts | CLONE_NEWPID, &identity, [] { return mount_on("proc", {}, "/proc", "a new one mounts"); });
}

Attempt try_sysfs(const plan::Identity& identity) {
  return try_stage(own_mounts | CLONE_NEWNET, &identity, [] { return mount_on("sysfs", {}, "/sys", "a new one mounts"); });
}

Attempt try_devpts(const plan::Identity& identity) {
  return try_stage(own_mounts, &identity, [] {
    return mount_on("devpts", {{"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "620"}}, "/dev", "a new one mounts");
  });
}

Attempt try_overlay(const plan::Identity& identity) {
  return try_stage(own_mounts, &identity, []() -> Result<std::string> {
    TRY(probe_overlay());
    return "the kernel's; a removed directory can be made again";
  });
}

}  // namespace launch
