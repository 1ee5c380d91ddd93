// No flags are passed. SPEC_ALLOW would give up the mitigation of speculative store bypass where an administrator
// has tied it to seccomp; since 5.16 the default does not, and the flag gains nothing. TSYNC is for threads.
#include "sys/seccomp.h"

#include "sys/call.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

Result<> install_filter(std::span<const sock_filter> program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  if (program.size() > BPF_MAXINSNS)
    return fail("seccomp filter of ", program.size(), " instructions is longer than the kernel takes");
  if (SYS(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)) != 0)
    return fail_errno("install the seccomp filter of ", program.size(), " instructions");
  return {};
}

}  // namespace sys
