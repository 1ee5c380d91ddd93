// Decides the sandbox's network, and the two files in /etc that names are looked up with.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

namespace plan {

Result<Network> make_network(const profile::Profile& profile, const Host& host, const std::string& hostname,
                             std::vector<std::string>& notes);

// What the profile asks for, so that the probe looks no further than that.
bool wants_network(const profile::Profile& profile);       // any
bool wants_own_network(const profile::Profile& profile);   // of mode user

// The name of Addressing::host4 and host6 inside.
inline constexpr std::string_view host_name_inside = "host.sbx.internal";

// Those of resolv.conf and hosts that are not the host's own; `inside` as in Layered::files.
std::vector<File> name_files(const Plan& plan, const Host& host);

// The content of /etc/hosts, where the network is not the host's. `fellows`: names of others that share it.
std::string hosts_text(const Network& network, const std::string& hostname, const std::vector<std::string>& fellows);

// The network settings of a profile that another mode than user has no use for, with the options they are written by.
struct NetworkRule { std::string_view option; const profile::Item* item; };
std::vector<NetworkRule> network_rules(const profile::Profile& profile);
inline bool is_from_command_line(const profile::Item& item) { return item.origin.source == "command line"; }

}  // namespace plan
