// How src/sys makes system calls: SYS(call) is the call itself. In the test build it first asks the
// failpoint, so that a test can make the n-th call of a process fail. Only src/sys includes this.
#pragma once

#include "base/result.h"

#include <cerrno>
#include <string>

namespace sys {

// strerror(3) without locale.
std::string errno_text(int code);

#ifdef SBX_FAILPOINTS
// True, with errno set, when this is the call to fail: SBX_FAIL=ROLE:INDEX (see failpoint.cpp).
bool failpoint(const char* call);
#define SYS(call) (::sys::failpoint(#call) ? static_cast<decltype(call)>(-1) : (call))
#else
#define SYS(call) (call)
#endif

// A refusal by the kernel: "mount proc on /proc: Operation not permitted".
template <class... Parts>
[[gnu::cold]] std::unexpected<Error> fail_errno(const Parts&... parts) {
  const int code = errno;
  return std::unexpected<Error>(Error{code, text(parts..., ": ", errno_text(code)), {}});
}

}  // namespace sys
