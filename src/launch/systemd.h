// A transient scope: a control group of our own from the user's service manager, which may then be divided.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace launch {

// Moves this process into a new scope of that name, and returns once it is there. Asked for before any user
// namespace is entered: the manager goes by the user id of the peer. An error of code ENOENT: there is no manager.
// Where `own` is set, the unit that this process is in may be delegated already; then it stays there.
// A weight counts among the groups beside it: in a scope of its own, the payload has none beside it, and what the
// weight is about are the other units. 0 of the processors: what nobody else wants.
struct ScopeWeights { std::optional<std::uint64_t> cpu = {}, io = {}; };
enum class Placement { moved, delegated };
Result<Placement> start_scope(const std::string& unit, pid_t pid, bool own, const ScopeWeights& weights = {});
// Of one that runs; a weight that is not named stays. By the manager, as it alone writes to the files of its units.
Result<> change_scope(const std::string& unit, const ScopeWeights& weights);

// The paths of "unix:path=/run/user/1000/bus,guid=…;unix:path=…" (D-Bus Specification, "Server Addresses"), in their
// order; an abstract one begins with '@'. Pure.
std::vector<std::string> paths_of_bus_address(std::string_view address);

}  // namespace launch
