// Everything the kernel would take its time for is said at once: neighbours that need no asking, addresses that need
// no check for duplicates (RFC 4862, 5.4: a second). So the first connection works as soon as the payload runs.
#include "launch/network.h"

#include "net/control.h"
#include "plan/network.h"
#include "sys/file.h"
#include "sys/netlink.h"
#include "sys/socket.h"
#include "sys/tap.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <tuple>

namespace launch {

namespace {

constexpr const char* device = "eth0";
// A tap drops what its queue cannot hold, and the payload sends faster than one turn of the engine's loop.
constexpr std::uint32_t tap_queue = 4096;
// Bytes a connection may keep in the sandbox's kernel: least, at first, most (tcp(7)). The engine is some ten microseconds
// away, whatever the peer's distance, which the host's socket has the buffers for; more would only leave the cache.
constexpr std::string_view tcp_buffer = "4096 131072 1048576";
// The same way has no congestion: the engine never loses a segment, and its window says what it can take. The host's own
// default may pace what it sends by a timer for each segment (BBR), which costs a third of what many streams can carry.
// Reno is in every kernel.
constexpr std::string_view congestion_control = "reno";
constexpr unsigned loopback_index = 1, mapped_bits = 96;
constexpr std::size_t most_bytes = 1 << 16;

net::Prefix prefix_of(const sys::RouteEntry& route) {
  return {net::Address{route.destination}, route.bits + (sys::is_mapped_v4(route.destination) ? mapped_bits : 0)};
}

// The default route that the host's own traffic takes; IPv4's first, since most of what is reached is reached by it.
Result<> probe_default_route(Host& host, const sys::Fd& socket, const std::vector<sys::RouteEntry>& routes) {
  const sys::RouteEntry* best = nullptr;
  const auto rank = [](const sys::RouteEntry& route) { return std::tuple(!sys::is_mapped_v4(route.destination), route.metric); };
  for (const sys::RouteEntry& route : routes) {
    if (!route.leads_out || route.bits != 0) continue;
    if (!sys::is_mapped_v4(route.destination)) host.ipv6_default = true;
    if (best == nullptr || rank(route) < rank(*best)) best = &route;
  }
  if (best == nullptr) return {};
  const std::uint32_t mtu = best->mtu != 0 || best->link == 0 ? best->mtu : TRY(sys::link_mtu(socket, best->link));
  if (mtu != 0) host.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, UINT16_MAX));
  return {};
}

Result<> probe_routes(Host& host) {
  const sys::Fd socket = TRY(sys::open_route_socket());
  const std::vector<sys::RouteEntry> routes = TRY(sys::routes(socket));
  for (const sys::RouteEntry& route : routes) {
    const net::Prefix prefix = prefix_of(route);
    if (route.bits != 0 && std::ranges::find(host.routes, prefix) == host.routes.end()) host.routes.push_back(prefix);
  }
  host.ipv6 = TRY(sys::stat_path("/proc/net/if_inet6", false)).has_value();
  return probe_default_route(host, socket, routes);
}

void add_family(sys::RouteBatch& batch, unsigned index, const net::Address& guest, unsigned bits, const net::Address& gateway,
                const net::Addressing& addressing) {
  batch.add_address(index, guest.bytes, bits, net::to_text(guest));
  batch.add_neighbour(index, gateway.bytes, addressing.gateway_mac, net::to_text(gateway));
}

// Of the network namespace that we are in.
Result<> set_parameter(const sys::Fd& proc, std::string_view name, std::string_view value) {
  const std::string path = text("sys/net/ipv4/", name);
  const sys::Fd file = TRY(sys::open_at(proc, path, O_WRONLY));
  return sys::write_all(file.get(), "/proc/" + path, value);
}

}  // namespace

Result<> probe_network(Host& host, const profile::Profile& profile) {
  if (!plan::wants_network(profile) && !host.joined) return {};
  const std::optional<std::string> link = TRY(sys::read_link("/etc/resolv.conf"));
  host.resolv_conf_is_elsewhere = link && (link->starts_with('/') ? !link->starts_with("/etc/") : link->find('/') != std::string::npos);
  host.resolv_conf = TRY(sys::read_file_if_exists("/etc/resolv.conf", most_bytes)).value_or("");
  if (plan::wants_own_network(profile) && !host.joined) TRY(probe_routes(host));
  return {};
}

Result<> start_loopback() {
  const sys::Fd socket = TRY(sys::open_route_socket());
  sys::RouteBatch batch;
  batch.set_up(loopback_index, "lo");
  return batch.apply(socket);
}

Result<sys::Fd> make_network(const plan::Network& network) {
  const net::Addressing& own = network.config.addressing;
  auto tap = sys::make_tap(device);
  if (!tap) return fail_hint("sbx doctor says why, and what helps; --net none and --net host do without", "network: ", tap.error().message);
  const sys::Fd socket = TRY(sys::open_route_socket());
  const unsigned index = TRY(sys::link_index(socket, device));
  sys::RouteBatch batch;
  batch.set_up(loopback_index, "lo");
  batch.prepare(index, device, {.mac = own.guest_mac, .mtu = own.mtu, .queue = tap_queue, .ipv6 = network.ipv6});
  batch.set_up(index, device);  // before the addresses of IPv6, which go when it is down
  add_family(batch, index, own.guest4, own.bits4, own.gateway4, own);
  batch.add_route(index, net::Address::from_v4(0).bytes, 0, own.gateway4.bytes, "default for IPv4");
  if (network.ipv6) {
    add_family(batch, index, own.guest6, own.bits6, own.gateway6, own);
    batch.add_route(index, own.host6.bytes, 128, own.gateway6.bytes, text("to ", net::to_text(own.host6)));
    if (own.ipv6) batch.add_route(index, {}, 0, own.gateway6.bytes, "default for IPv6");
  }
  auto applied = batch.apply(socket);
  if (!applied) return fail("network: ", applied.error().message);
  return tap;
}

Result<> adjust_network(const plan::Identity& identity, const sys::Fd& proc) {
  TRY(set_parameter(proc, "ping_group_range", text(identity.gid, " ", identity.gid)));
  // An acknowledgement that is late there is no sign of a loss, to be probed for (RFC 8985, 7).
  TRY(set_parameter(proc, "tcp_early_retrans", "0"));
  // Wanted, not needed: whoever rules the host may have kept it for itself (tcp_allowed_congestion_control, tcp(7)).
  const Result<> unpaced = set_parameter(proc, "tcp_congestion_control", congestion_control);
  if (!unpaced && unpaced.error().code != EPERM) return unpaced;
  TRY(set_parameter(proc, "tcp_rmem", tcp_buffer));
  return set_parameter(proc, "tcp_wmem", tcp_buffer);
}

// That it has ended is heard below.
Result<> give_tap(const sys::Fd& engine, sys::Fd tap) { return sys::unless_gone(sys::send_message(engine, "tap", &tap)); }

Result<> wait_for_engine(const sys::Fd& engine) {
  const std::optional<sys::Message> message = TRY(sys::receive_message(engine));
  if (!message) return fail("the network engine ended before it was ready");
  if (net::kind_of(message->content) == net::ControlKind::ready) return {};
  auto error = net::decode_failed(message->content);
  if (error) return std::unexpected<Error>(*std::move(error));
  return fail("unexpected message from the network engine");
}

}  // namespace launch
