// Addresses as text and as places. Parsing is our own: inet_pton(3) takes no prefix and no mapped form apart.
#include "net/address.h"

#include <algorithm>
#include <charconv>

namespace net {

namespace {

std::optional<unsigned> parse_number(std::string_view in, int base, unsigned most) {
  unsigned value = 0;
  if (in.empty() || in.size() > 4) return std::nullopt;
  const auto [end, error] = std::from_chars(in.data(), in.data() + in.size(), value, base);
  if (error != std::errc{} || end != in.data() + in.size() || value > most) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_v4(std::string_view in) {
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? in.find('.') : in.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const std::string_view part = in.substr(0, dot);
    if (part.size() > 1 && part[0] == '0') return std::nullopt;  // octal to some, decimal to others
    const auto value = parse_number(part, 10, 255);
    if (!value) return std::nullopt;
    out = out << 8 | *value;
    in.remove_prefix(std::min(in.size(), dot + 1));
  }
  return out;
}

struct Groups { std::array<std::uint16_t, 8> values{}; std::size_t count = 0; };

// "1:2:3", "" (none); the last part of an address may be an IPv4 address.
std::optional<Groups> parse_groups(std::string_view in, bool last) {
  Groups out;
  while (!in.empty()) {
    const std::size_t colon = in.find(':');
    const std::string_view part = in.substr(0, colon);
    if (out.count == 8) return std::nullopt;
    if (last && colon == std::string_view::npos && part.contains('.')) {
      const auto embedded = parse_v4(part);
      if (!embedded || out.count > 6) return std::nullopt;
      out.values[out.count++] = static_cast<std::uint16_t>(*embedded >> 16);
      out.values[out.count++] = static_cast<std::uint16_t>(*embedded);
      return out;
    }
    const auto value = parse_number(part, 16, 0xffff);
    if (!value) return std::nullopt;
    out.values[out.count++] = static_cast<std::uint16_t>(*value);
    if (colon == std::string_view::npos) return out;
    in.remove_prefix(colon + 1);
    if (in.empty()) return std::nullopt;  // "1:"
  }
  return out;
}

std::optional<Address> parse_v6(std::string_view in) {
  const std::size_t gap = in.find("::");
  const auto head = parse_groups(in.substr(0, gap), gap == std::string_view::npos);
  if (!head) return std::nullopt;
  Groups all = *head;
  if (gap == std::string_view::npos) {
    if (head->count != 8) return std::nullopt;
  } else {
    const auto tail = parse_groups(in.substr(gap + 2), true);
    if (!tail || head->count + tail->count > 7) return std::nullopt;
    std::copy_n(tail->values.begin(), tail->count, all.values.begin() + static_cast<std::ptrdiff_t>(8 - tail->count));
  }
  Address out;
  for (std::size_t i = 0; i < 8; ++i) {
    out.bytes[2 * i] = static_cast<std::uint8_t>(all.values[i] >> 8);
    out.bytes[2 * i + 1] = static_cast<std::uint8_t>(all.values[i]);
  }
  return out;
}

constexpr Prefix v6(std::array<std::uint8_t, 16> bytes, unsigned bits) { return {Address{bytes}, bits}; }
constexpr Prefix v4(std::uint32_t address, unsigned bits) { return {Address::from_v4(address), 96 + bits}; }
constexpr Prefix one(std::uint32_t address) { return v4(address, 32); }

std::uint32_t four_bytes(const Address& address, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out = out << 8 | address.bytes[at + i];
  return out;
}

struct Range { Prefix prefix; Reach reach; };

// The IANA registries of special-purpose addresses, and the addresses of metadata services; the first that holds
// decides. "Globally reachable" there is global here. RFC 2544's range is what a site does with it.
constexpr Range ranges_v4[] = {
    {one(0xa9fea9fe), Reach::metadata},     // 169.254.169.254: most clouds
    {one(0xa9feaa02), Reach::metadata},     // 169.254.170.2 and .23: containers of Amazon
    {one(0xa9feaa17), Reach::metadata},
    {one(0xa9fe0017), Reach::metadata},     // 169.254.0.23: Tencent
    {one(0xa9fe2a2a), Reach::metadata},     // 169.254.42.42: Scaleway
    {one(0x646464c8), Reach::metadata},     // 100.100.100.200: Alibaba
    {one(0xc00000c0), Reach::metadata},     // 192.0.0.192: Oracle
    {one(0xa83f8110), Reach::metadata},     // 168.63.129.16: Azure's wire server
    {one(0xffffffff), Reach::broadcast},
    {v4(0x00000000, 8), Reach::unspecified},  // Linux takes 0.0.0.0 for itself
    {v4(0x7f000000, 8), Reach::loopback},
    {v4(0xa9fe0000, 16), Reach::link_local},
    {v4(0x0a000000, 8), Reach::private_use},
    {v4(0xac100000, 12), Reach::private_use},
    {v4(0xc0a80000, 16), Reach::private_use},
    {v4(0x64400000, 10), Reach::private_use},
    {v4(0xc6120000, 15), Reach::private_use},  // 198.18.0.0: benchmarks, and proxies that make up addresses
    {one(0xc0000009), Reach::global},       // 192.0.0.9 and .10: anycast of PCP and TURN
    {one(0xc000000a), Reach::global},
    {v4(0xc0000000, 24), Reach::reserved},
    // Not the documentation ranges (192.0.2.0, 198.51.100.0, 203.0.113.0, 2001:db8::, 3fff::): nothing of the host or
    // its LAN is there, and laboratories put their mirrors of the internet on them.
    {v4(0xc0586300, 24), Reach::reserved},  // 192.88.99.0: 6to4 relays that were
    {v4(0xe0000000, 4), Reach::multicast},
    {v4(0xf0000000, 4), Reach::reserved},
};

constexpr Range ranges_v6[] = {
    {v6({}, 128), Reach::unspecified},
    {v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128), Reach::loopback},
    // fd00:ec2::254 and ::23: Amazon; fd20:ce::254: Google; fd00:42::42: Scaleway; fe80::a9fe:a9fe: OpenStack
    {v6({0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128), Reach::metadata},
    {v6({0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23}, 128), Reach::metadata},
    {v6({0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128), Reach::metadata},
    {v6({0xfd, 0x00, 0x00, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42}, 128), Reach::metadata},
    {v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe}, 128), Reach::metadata},
    {v6({0xfe, 0x80}, 10), Reach::link_local},
    {v6({0xfc}, 7), Reach::private_use},
    {v6({0xfe, 0xc0}, 10), Reach::private_use},               // site-local (RFC 3879)
    {v6({0, 0x64, 0xff, 0x9b, 0, 1}, 48), Reach::private_use},  // RFC 8215: NAT64 of somebody's own
    {v6({0xff}, 8), Reach::multicast},
    {v6({0, 0x64, 0xff, 0x9b}, 96), Reach::global},           // NAT64
    {v6({0x20, 0x01, 0, 0}, 32), Reach::global},              // Teredo
    {v6({0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 126), Reach::global},  // anycast of PCP, TURN, SRP
    {v6({0x20, 0x01, 0, 3}, 32), Reach::global},              // AMT
    {v6({0x20, 0x01, 0, 4, 0x01, 0x12}, 48), Reach::global},  // AS112
    {v6({0x20, 0x01, 0, 0x20}, 28), Reach::global},           // ORCHIDv2, DRIP
    {v6({0x20, 0x01, 0, 0x30}, 28), Reach::global},
    {v6({0x20, 0x01}, 23), Reach::reserved},
    {v6({0x20}, 3), Reach::global},                           // all that has been handed out
    {v6({}, 0), Reach::reserved},
};

}  // namespace

std::optional<Address> embedded_v4(const Address& address) {
  if (address.is_v4()) return std::nullopt;
  if (v6({}, 96).contains(address) && four_bytes(address, 12) > 1) return Address::from_v4(four_bytes(address, 12));
  if (v6({0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96).contains(address)) return Address::from_v4(four_bytes(address, 12));
  if (v6({0, 0x64, 0xff, 0x9b}, 96).contains(address)) return Address::from_v4(four_bytes(address, 12));
  if (v6({0x20, 0x02}, 16).contains(address)) return Address::from_v4(four_bytes(address, 2));
  if (v6({0x20, 0x01, 0, 0}, 32).contains(address)) return Address::from_v4(~four_bytes(address, 12));
  return std::nullopt;
}

bool Prefix::is_v4() const { return bits >= 96 && address.is_v4(); }

bool Prefix::contains(const Address& other) const {
  if (other.is_v4() != is_v4()) return false;  // ::/0 is not the IPv4 addresses too
  const std::size_t whole = bits / 8;
  const auto first = address.bytes.begin();
  if (!std::equal(first, first + static_cast<std::ptrdiff_t>(whole), other.bytes.begin())) return false;
  if (bits % 8 == 0) return true;
  return ((address.bytes[whole] ^ other.bytes[whole]) >> (8 - bits % 8)) == 0;
}

bool Prefix::overlaps(const Prefix& other) const {
  return bits <= other.bits ? contains(other.address) : other.contains(address);
}

std::optional<Address> parse_address(std::string_view in) {
  if (in.contains(':')) return parse_v6(in);
  const auto v4_value = parse_v4(in);
  if (!v4_value) return std::nullopt;
  return Address::from_v4(*v4_value);
}

std::optional<Prefix> parse_prefix(std::string_view in) {
  const std::size_t slash = in.find('/');
  const auto address = parse_address(in.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix{*address, 128};
  const bool as_v4 = !in.contains(':');
  const auto bits = parse_number(in.substr(slash + 1), 10, as_v4 ? 32 : 128);
  if (!bits) return std::nullopt;
  const unsigned length = as_v4 ? *bits + 96 : *bits;
  for (unsigned bit = length; bit < 128; ++bit)
    if ((address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  return Prefix{*address, length};
}

std::string to_text(const Address& address) {
  if (address.is_v4()) {
    const auto& b = address.bytes;
    return text(unsigned{b[12]}, ".", unsigned{b[13]}, ".", unsigned{b[14]}, ".", unsigned{b[15]});
  }
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<unsigned>(address.bytes[2 * i] << 8 | address.bytes[2 * i + 1]);
  }
  // The first longest run of two or more zero groups becomes "::".
  std::size_t best = 8, best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > best_length) best = i, best_length = end - i;
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    char digits[5];
    const auto end = std::to_chars(digits, digits + sizeof digits, groups[i], 16).ptr;
    out.append(digits, end);
  }
  return out;
}

std::string to_text(const Prefix& prefix) {
  if (prefix.is_v4()) return text(to_text(prefix.address), "/", prefix.bits - 96);
  return text(to_text(prefix.address), "/", prefix.bits);
}

std::string to_text(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return text(to_text(endpoint.address), ":", endpoint.port);
  return text("[", to_text(endpoint.address), "]:", endpoint.port);
}

Reach reach_of(const Address& address) {
  const auto first = [&](const auto& ranges) {
    return std::ranges::find_if(ranges, [&](const Range& range) { return range.prefix.contains(address); });
  };
  if (address.is_v4()) {
    const auto range = first(ranges_v4);
    return range == std::end(ranges_v4) ? Reach::global : range->reach;
  }
  if (const auto inner = embedded_v4(address); inner && reach_of(*inner) != Reach::global) return reach_of(*inner);
  return first(ranges_v6)->reach;  // the last row holds for each
}

}  // namespace net
