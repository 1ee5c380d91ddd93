// Name servers come and go by a rename in /etc, or in the directory that /etc/resolv.conf points into.
#include "net/host_network.h"

#include "base/path.h"
#include "net/control.h"
#include "sys/file.h"
#include "sys/name_watch.h"
#include "sys/netlink.h"

#include <algorithm>

namespace net {

namespace {
constexpr const char* resolv_conf = "/etc/resolv.conf";
constexpr std::size_t most_bytes = 1 << 16;
constexpr std::size_t most_asked = 3;  // resolv.conf(5): MAXNS
}  // namespace

std::vector<Address> parse_resolvers(std::string_view in) {
  std::vector<Address> out;
  for (const std::string& line : split(in, '\n')) {
    std::string_view rest = trim(line);
    if (!rest.starts_with("nameserver")) continue;
    rest.remove_prefix(std::string_view("nameserver").size());
    if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) continue;
    rest = trim(rest);
    rest = rest.substr(0, rest.find_first_of(" \t"));
    const auto address = parse_address(rest.substr(0, rest.find('%')));
    if (address && out.size() < most_asked && std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  }
  if (out.empty()) out.push_back(Address::from_v4(0x7f000001));
  return out;
}

Result<HostNetwork> probe_host_network() {
  HostNetwork host;
  const sys::Fd socket = TRY(sys::open_route_socket());
  for (const sys::InetBytes& bytes : TRY(sys::own_addresses(socket))) host.addresses.push_back(Address{bytes});
  // What is no interface's address and still ends here: a router's anycast address of each subnet (RFC 4291, 2.6.1),
  // and what somebody has routed to this host by hand.
  for (const sys::RouteEntry& route : TRY(sys::routes(socket))) {
    const Address address{route.destination};
    const unsigned bits = route.bits + (address.is_v4() ? 96 : 0);
    if (!route.leads_here) continue;
    if (bits < 128 && reach_of(address) != Reach::loopback) host.ranges.push_back({address, bits});
    if (bits == 128 && std::ranges::find(host.addresses, address) == host.addresses.end()) host.addresses.push_back(address);
  }
  // One that is left out would be open.
  if (host.addresses.size() > most_host_addresses)
    return fail_hint("use --net none or --net host", "this host has ", host.addresses.size(),
                     " addresses, and the network engine can hold ", most_host_addresses, " apart from the sandbox");
  if (host.ranges.size() > most_host_ranges)
    return fail_hint("use --net none or --net host", "this host has ", host.ranges.size(),
                     " local routes, and the network engine can hold ", most_host_ranges, " apart from the sandbox");
  host.resolvers = parse_resolvers(TRY(sys::read_file_if_exists(resolv_conf, most_bytes)).value_or(""));
  return host;
}

Result<HostWatch> watch_host_network() {
  HostWatch watch{.routes = TRY(sys::open_route_socket(true)), .files = TRY(sys::make_name_watch())};
  TRY(sys::watch_names_in(watch.files, "/etc"));
  const auto real = sys::real_path(resolv_conf);  // one that is not there yet comes by a new name in /etc
  if (real && path::parent(*real) != "/etc") TRY(sys::watch_names_in(watch.files, path::parent(*real)));
  return watch;
}

Result<bool> take_changes(const HostWatch& watch) {
  const bool routes = TRY(sys::take_route_events(watch.routes));
  const bool files = TRY(sys::take_name_events(watch.files));
  return routes || files;
}

}  // namespace net
