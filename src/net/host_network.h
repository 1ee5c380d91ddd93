// The host's side of a sandbox's network: read at the start by the engine itself, and watched by the launcher while
// the sandbox runs, since laptops move between networks.
#pragma once

#include "base/result.h"
#include "net/config.h"
#include "sys/fd.h"

#include <string_view>

namespace net {

// "nameserver" lines of resolv.conf(5); without any it is the host itself. Pure.
std::vector<Address> parse_resolvers(std::string_view resolv_conf);

Result<HostNetwork> probe_host_network();

// Readable when something may have changed: then take_changes, and probe again where it says so.
struct HostWatch {
  sys::Fd routes, files;
};
Result<HostWatch> watch_host_network();
Result<bool> take_changes(const HostWatch& watch);

}  // namespace net
