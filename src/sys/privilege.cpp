// Capabilities and securebits by raw calls: libcap's state objects allocate and hide which set failed.
#include "sys/privilege.h"

#include "sys/call.h"

#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

Result<int> capability_number(const std::string& name) {
  std::string full = name.starts_with("CAP_") || name.starts_with("cap_") ? name : "CAP_" + name;
  cap_value_t number = 0;
  if (::cap_from_name(full.c_str(), &number) < 0) return fail_hint("see capabilities(7)", "unknown capability ", printable(name));
  return number;
}

namespace {

std::uint64_t mask_of(const std::vector<int>& capabilities) {
  std::uint64_t mask = 0;
  for (const int capability : capabilities) mask |= std::uint64_t{1} << capability;
  return mask;
}

}  // namespace

Result<> bound_capabilities(const std::vector<int>& keep) {
  const std::uint64_t kept = mask_of(keep);
  for (int capability = 0; capability < 64; ++capability) {
    if (kept & (std::uint64_t{1} << capability)) continue;
    if (SYS(::prctl(PR_CAPBSET_DROP, capability)) == 0) continue;
    // EINVAL is the number after the kernel's last capability (capabilities(7)); the first ones always exist.
    if (errno == EINVAL && capability > CAP_AUDIT_READ) break;
    return fail_errno("drop capability ", capability, " from the bounding set");
  }
  return {};
}

Result<> keep_capabilities(const std::vector<int>& keep) {
  const std::uint64_t kept = mask_of(keep);
  if (SYS(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) < 0) return fail_errno("clear ambient capabilities");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  for (int half = 0; half < 2; ++half)
    sets[half].permitted = sets[half].effective = static_cast<std::uint32_t>(kept >> (32 * half));
  if (SYS(::syscall(SYS_capset, &header, sets)) < 0) return fail_errno("set capabilities");
  return {};
}

Result<> keep_capabilities_on_exec() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (SYS(::syscall(SYS_capget, &header, sets)) < 0) return fail_errno("read capabilities");
  for (auto& half : sets) half.inheritable = half.permitted;
  if (SYS(::syscall(SYS_capset, &header, sets)) < 0) return fail_errno("set inheritable capabilities");
  for (int capability = 0; capability < 64; ++capability) {
    if ((sets[capability / 32].permitted >> (capability % 32) & 1u) == 0) continue;
    if (SYS(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)) < 0) return fail_errno("keep capability ", capability);
  }
  return {};
}

Result<> lock_securebits(bool root_is_nobody) {
  unsigned bits = SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                  SECBIT_NOROOT_LOCKED;
  // Without a capability there is nothing to keep, and ping(8) gives up where it may not set the bit.
  bits |= root_is_nobody ? SECBIT_NOROOT : SECBIT_KEEP_CAPS_LOCKED;
  if (SYS(::prctl(PR_SET_SECUREBITS, bits)) < 0) return fail_errno("lock securebits");
  return {};
}

Result<> set_no_new_privileges() {
  if (SYS(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0) return fail_errno("set no_new_privs");
  return {};
}

}  // namespace sys
