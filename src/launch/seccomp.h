// The plan's seccomp policy as a BPF program for the kernel.
#pragma once

#include "base/result.h"
#include "plan/seccomp.h"

#include <cstdint>
#include <linux/filter.h>
#include <vector>

namespace launch {

using Filter = std::vector<sock_filter>;

// The verdict of the program is the policy's for every call number, argument and ABI: the tests compare it with
// libseccomp's. A rule whose call has no number in an ABI has no effect there.
Result<Filter> compile_filter(const plan::Seccomp& policy);

// The same for equal policies: a hash of all that the filter is made from.
std::uint64_t filter_key(const plan::Seccomp& policy);

}  // namespace launch
