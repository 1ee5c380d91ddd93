// How the engine locks itself in: first everything that needs the kernel's help, then the filter behind which only
// the calls of the loop are left.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <linux/filter.h>
#include <span>
#include <vector>

namespace net {

// Own namespaces without any capability, an empty read-only root, no other descriptors than `kept`, limits. The
// network namespace stays: it is the host's, where the sockets are to be.
Result<> leave_host(std::span<const int> kept, std::size_t most_descriptors);

// The allow-list of the loop; every other call, and every call of another ABI, kills the process.
std::vector<sock_filter> make_engine_filter();
Result<> lock_in();  // installs it

}  // namespace net
