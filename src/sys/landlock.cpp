// Landlock by raw calls: glibc has no wrappers, and Debian 12's header stops at ABI 2.
#include "sys/call.h"
#include "sys/privilege.h"

#include <cstdint>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

namespace {

// struct landlock_ruleset_attr as of ABI 6 (Linux 6.12).
struct Ruleset {
  std::uint64_t files = 0, network = 0, scoped = 0;
};

// LANDLOCK_ACCESS_FS_*: 13 rights in ABI 1, REFER (2), TRUNCATE (3), IOCTL_DEV (5).
constexpr std::uint64_t execute = 1, write_file = 2, read_file = 4, read_dir = 8;
constexpr std::uint64_t refer = 1 << 13, truncate = 1 << 14, ioctl_dev = 1 << 15;
constexpr std::uint64_t scope_abstract_unix = 1, scope_signal = 2;
// What may be said of a file that is not a directory.
constexpr std::uint64_t file_rights = execute | write_file | read_file | truncate | ioctl_dev;

std::uint64_t all_rights(int abi) {
  std::uint64_t rights = (1 << 13) - 1;
  if (abi >= 2) rights |= refer;
  if (abi >= 3) rights |= truncate;
  if (abi >= 5) rights |= ioctl_dev;
  return rights;
}

Result<> add_path(const Fd& ruleset, const LandlockPath& allowed, std::uint64_t rights) {
  const int fd = SYS(::open(allowed.path.c_str(), O_PATH | O_CLOEXEC));
  if (fd < 0) return fail_errno("landlock: open ", printable(allowed.path));
  const Fd at(fd);
  struct stat found {};
  if (SYS(::fstat(fd, &found)) < 0) return fail_errno("landlock: stat ", printable(allowed.path));
  landlock_path_beneath_attr rule{};
  rule.allowed_access = allowed.writable ? rights : (execute | read_file | read_dir);
  if (!S_ISDIR(found.st_mode)) rule.allowed_access &= file_rights & rights;
  rule.parent_fd = fd;
  if (SYS(::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0)) < 0)
    return fail_errno("landlock: allow ", printable(allowed.path));
  return {};
}

}  // namespace

Result<int> landlock_abi() {
  const long abi = SYS(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) return 0;  // not built in, not switched on
  if (abi < 0) return fail_errno("landlock: ask for its version");
  return static_cast<int>(abi);
}

Result<> enter_landlock(int abi, const std::vector<LandlockPath>& paths) {
  Ruleset wanted;
  if (!paths.empty()) wanted.files = all_rights(abi);
  if (abi >= 6) wanted.scoped = scope_abstract_unix | scope_signal;
  const std::size_t size = abi >= 6 ? sizeof wanted : abi >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
  const long fd = SYS(::syscall(SYS_landlock_create_ruleset, &wanted, size, 0));
  if (fd < 0) return fail_errno("landlock: create a ruleset");
  const Fd ruleset(static_cast<int>(fd));
  for (const LandlockPath& allowed : paths) TRY(add_path(ruleset, allowed, wanted.files));
  if (SYS(::syscall(SYS_landlock_restrict_self, ruleset.get(), 0)) < 0) return fail_errno("landlock: restrict");
  return {};
}

}  // namespace sys
