// Installing a seccomp filter (seccomp(2)) on the calling thread.
#pragma once

#include "base/result.h"

#include <linux/filter.h>
#include <span>

namespace sys {

// For the rest of this process's life, through fork and exec. Needs no_new_privs. The process must have one
// thread: the filter is not put on others.
Result<> install_filter(std::span<const sock_filter> program);

}  // namespace sys
