// One type for IPv4 and IPv6: sixteen bytes, IPv4 in its mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that
// every table, rule and log has one code path.
#pragma once

#include "base/result.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace net {

struct Address {
  std::array<std::uint8_t, 16> bytes{};  // network order

  constexpr bool is_v4() const {
    for (std::size_t i = 0; i < 10; ++i)
      if (bytes[i] != 0) return false;
    return bytes[10] == 0xff && bytes[11] == 0xff;
  }
  constexpr std::uint32_t as_v4() const {  // host order; only of a v4 address
    return std::uint32_t{bytes[12]} << 24 | std::uint32_t{bytes[13]} << 16 | std::uint32_t{bytes[14]} << 8 | bytes[15];
  }
  static constexpr Address from_v4(std::uint32_t host_order) {
    Address out{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    for (unsigned i = 0; i < 4; ++i) out.bytes[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return out;
  }
  auto operator<=>(const Address&) const = default;
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

struct Prefix {
  Address address;
  unsigned bits = 128;                   // of 128: an IPv4 /8 is 104
  bool is_v4() const;
  bool contains(const Address& other) const;  // of the same family
  bool overlaps(const Prefix& other) const;
  bool operator==(const Prefix&) const = default;
};

// "10.0.2.3", "2001:db8::1", without brackets; no names, no zones. Mapped forms of IPv4 are the IPv4 address.
std::optional<Address> parse_address(std::string_view in);
// "10.0.0.0/8", "fd00::/8", or a lone address. Bits behind the length must be 0.
std::optional<Prefix> parse_prefix(std::string_view in);
std::string to_text(const Address& address);      // RFC 5952
std::string to_text(const Prefix& prefix);
std::string to_text(const Endpoint& endpoint);    // 10.0.2.3:80, [2001:db8::1]:80

// The IPv4 address that a router or the kernel would make of an IPv6 one: IPv4-compatible (RFC 4291 2.5.5.1),
// IPv4-translated (RFC 2765), NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380; the client's).
std::optional<Address> embedded_v4(const Address& address);

// Where an address leads, whatever the form it is written in: an IPv4 address inside NAT64 (64:ff9b::/96), 6to4,
// Teredo or the IPv4-compatible form counts as what it embeds unless that is global.
enum class Reach {
  unspecified, loopback,     // the host itself
  metadata,                  // 169.254.169.254 and its kin of the clouds: credentials without a password
  link_local, private_use,   // RFC 1918, RFC 6598 (shared), RFC 4193 (unique local), site-local
  multicast, broadcast, reserved,
  global
};
Reach reach_of(const Address& address);

}  // namespace net
