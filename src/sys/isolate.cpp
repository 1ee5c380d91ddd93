// unshare(2) and close_range(2).
#include "sys/isolate.h"

#include "sys/call.h"
#include "sys/failpoint.h"

#include <algorithm>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace sys {

Result<> enter_new_namespaces(int flags, const char* what) {
  if (SYS(::unshare(flags)) < 0) return fail_errno("enter ", what);
  return {};
}

Result<> enter_namespace(const Fd& space, std::string_view what) {
  if (SYS(::setns(space.get(), 0)) < 0) return fail_errno("enter the ", what, " namespace");
  return {};
}

Result<> close_all_except(std::span<const int> kept) {
  std::vector<int> sorted(kept.begin(), kept.end());
  if (const int log = failpoint_log(); log >= 0) sorted.push_back(log);
  std::sort(sorted.begin(), sorted.end());
  unsigned first = 0;
  for (const int fd : sorted) {
    const unsigned number = static_cast<unsigned>(fd);
    if (number > first && SYS(::syscall(SYS_close_range, first, number - 1, 0)) < 0) return fail_errno("close_range");
    first = std::max(first, number + 1);
  }
  if (SYS(::syscall(SYS_close_range, first, ~0u, 0)) < 0) return fail_errno("close_range");
  return {};
}

bool is_superuser() { return ::getuid() == 0; }

}  // namespace sys
