// A transient scope: a control group of our own from the user's service manager, which may then be divided.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace launch {

// Moves this process into a new scope of that name, and returns once it is there. Asked for before any user
// namespace is entered: the manager goes by the user id of the peer. An error of code ENOENT: there is no manager.
// Where `own` is set, the unit that this process is in may be delegated already; then it stays there.
enum class Placement { moved, delegated };
Result<Placement> start_scope(const std::string& unit, pid_t pid, bool own);

// The paths of "unix:path=/run/user/1000/bus,guid=…;unix:path=…" (D-Bus Specification, "Server Addresses"), in their
// order; an abstract one begins with '@'. Pure.
std::vector<std::string> paths_of_bus_address(std::string_view address);

}  // namespace launch
