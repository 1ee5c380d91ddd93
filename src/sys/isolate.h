// Leaving the host's surroundings for good: namespaces without a new process, and nothing but the named descriptors.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace sys {

Result<> enter_new_namespaces(int flags, const char* what);  // unshare(2), CLONE_NEW*
Result<> enter_namespace(const Fd& space, std::string_view what);  // setns(2); of a pid namespace: the children to come
Result<> close_all_except(std::span<const int> kept);        // close_range(2)
bool is_superuser();                                         // the real uid is 0

}  // namespace sys
