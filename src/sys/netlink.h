// Addresses, links and routes of a network namespace (rtnetlink(7)): changes in batches of which every one is
// acknowledged, and questions. Addresses are sixteen bytes, IPv4 in its mapped form.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sys {

using InetBytes = std::array<std::uint8_t, 16>;
using LinkBytes = std::array<std::uint8_t, 6>;
bool is_mapped_v4(const InetBytes& address);

// Of the caller's network namespace, whose it stays. With `watched`, tells of addresses and routes that come and go.
Result<Fd> open_route_socket(bool watched = false);
Result<unsigned> link_index(const Fd& socket, const std::string& name);

// Bits count in the address's own family: 24 of 32, 64 of 128.
class RouteBatch {
 public:
  struct Link {
    LinkBytes mac{};
    std::uint32_t mtu = 1500, queue = 1000;
    bool ipv6 = true;  // then no address is made up from the MAC
  };
  void set_up(unsigned index, const std::string& name);
  void prepare(unsigned index, const std::string& name, const Link& link);
  void add_address(unsigned index, const InetBytes& address, unsigned bits, const std::string& shown);  // usable at once
  void add_neighbour(unsigned index, const InetBytes& address, const LinkBytes& mac, const std::string& shown);
  void add_route(unsigned index, const InetBytes& destination, unsigned bits, const InetBytes& gateway, const std::string& shown);

  // All in one call; the first that the kernel refuses is the error.
  Result<> apply(const Fd& socket) const;

 private:
  template <class Fixed>
  std::size_t begin(std::uint16_t type, std::uint16_t flags, const Fixed& fixed, std::string what);
  void attribute(std::uint16_t type, std::string_view content);
  void number(std::uint16_t type, std::uint32_t value);
  void inet(std::uint16_t type, const InetBytes& address);
  void end(std::size_t start);

  std::string requests_;
  std::vector<std::string> whats_;  // of request i + 1, its sequence number
};

struct RouteEntry {
  InetBytes destination{};
  unsigned bits = 0;         // of its own family; 0: the default route
  unsigned link = 0;         // of the first hop, 0: none
  std::uint32_t metric = 0, mtu = 0;  // mtu 0: the link's
  bool leads_out = false;    // an ordinary route: not one that refuses, and not of the host's own addresses
  bool leads_here = false;   // to this host itself: its addresses, and the anycast ones of a router
};
Result<std::vector<InetBytes>> own_addresses(const Fd& socket);
Result<std::vector<RouteEntry>> routes(const Fd& socket);
Result<std::uint32_t> link_mtu(const Fd& socket, unsigned index);

// Empties the queue of a watched socket; true when there was anything, or something was missed.
Result<bool> take_route_events(const Fd& socket);

}  // namespace sys
