// A port that is taken ends the launch with its name, before anything runs.
#include "net/engine_publish.h"

#include "sys/inet.h"

#include <algorithm>
#include <cerrno>

namespace net {

namespace {

constexpr int backlog = 512;

Result<> listen(const Listener& listener, bool udp) {
  const auto refuse = [&](int error, const char* hint) {
    Error out{error, text("publish ", to_text(listener.outside), udp ? "/udp: " : ": ", sys::error_text(error)), hint};
    return Result<>(std::unexpected<Error>(std::move(out)));
  };
  if (!udp) sys::set_option(listener.socket, sys::SocketOption::reuse_address, 1);
  if (!listener.outside.address.is_v4()) sys::set_option(listener.socket, sys::SocketOption::v6_only, 1);
  if (const int error = sys::bind_to(listener.socket, to_socket(listener.outside)); error != 0)
    return refuse(error, error == EADDRINUSE ? "another program uses that port: publish another one"
                       : error == EACCES     ? "ports below net.ipv4.ip_unprivileged_port_start need root"
                                             : "publish an address of this host");
  if (udp) return {};
  if (const int error = sys::listen_on(listener.socket, backlog); error != 0) return refuse(error, "");
  return {};
}

// Without an address a port is published on both loopback addresses, and a host may have no IPv6.
bool may_be_missing(const std::vector<Publish>& published, const Publish& one) {
  Address loopback{};
  loopback.bytes[15] = 1;
  return one.address == loopback && std::ranges::any_of(published, [&](const Publish& other) {
    return other.address == Address::from_v4(0x7f000001) && other.outside == one.outside && other.protocol == one.protocol;
  });
}

}  // namespace

Result<std::vector<Listener>> make_listeners(const std::vector<Publish>& published, bool udp) {
  std::vector<Listener> out;
  for (const Publish& one : published) {
    if ((one.protocol == Protocol::udp) != udp) continue;
    for (std::uint16_t i = 0; i < one.count; ++i) {
      const auto port = static_cast<std::uint16_t>(one.outside + i);
      sys::NewSocket made =
          sys::make_inet_socket(one.address.is_v4(), udp ? sys::Transport::datagram : sys::Transport::stream);
      if (made.error == EAFNOSUPPORT && may_be_missing(published, one)) continue;
      if (made.error != 0) return fail("publish port ", port, ": ", sys::error_text(made.error));
      Listener listener{std::move(made.fd), {one.address, port}, static_cast<std::uint16_t>(one.inside + i)};
      Result<> listening = listen(listener, udp);
      if (!listening && listening.error().code == EADDRNOTAVAIL && may_be_missing(published, one)) continue;
      if (!listening) return std::unexpected<Error>(std::move(listening).error());
      out.push_back(std::move(listener));
    }
  }
  return out;
}

}  // namespace net
