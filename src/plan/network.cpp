// None: a namespace with a loopback that is down. Host: the host's own namespace, and its files in /etc.
#include "plan/network.h"

namespace plan {

bool wants_network(const profile::Profile& profile) { return profile.net_mode && profile.net_mode->value != "none"; }

Result<Network> make_network(const profile::Profile& profile) {
  Network network;
  if (profile.net_mode) network.mode = TRY(network_mode_names.parse(profile.net_mode->value, "network mode"));
  return network;
}

std::vector<File> name_files(const Network& network, const std::string& hostname, const Host& host) {
  if (network.mode == NetworkMode::host) {
    // The link's target, below /run, is not there inside; what it held at the start is.
    if (host.resolv_conf_is_elsewhere) return {{"resolv.conf", host.resolv_conf}};
    return {};
  }
  return {{"hosts", text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ", hostname, "\n")},
          {"resolv.conf", "# no network: nothing to ask\n"}};
}

}  // namespace plan
