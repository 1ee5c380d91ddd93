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

// "1:2:3", "" (none), with an IPv4 address as the last part.
std::optional<Groups> parse_groups(std::string_view in) {
  Groups out;
  while (!in.empty()) {
    const std::size_t colon = in.find(':');
    const std::string_view part = in.substr(0, colon);
    if (out.count == 8) return std::nullopt;
    if (colon == std::string_view::npos && part.contains('.')) {
      const auto v4 = parse_v4(part);
      if (!v4 || out.count > 6) return std::nullopt;
      out.values[out.count++] = static_cast<std::uint16_t>(*v4 >> 16);
      out.values[out.count++] = static_cast<std::uint16_t>(*v4);
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
  const auto head = parse_groups(in.substr(0, gap));
  if (!head) return std::nullopt;
  Groups all = *head;
  if (gap == std::string_view::npos) {
    if (head->count != 8) return std::nullopt;
  } else {
    const auto tail = parse_groups(in.substr(gap + 2));
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

Prefix v6(std::array<std::uint8_t, 16> bytes, unsigned bits) { return {Address{bytes}, bits}; }
Prefix v4(std::uint32_t address, unsigned bits) { return {Address::from_v4(address), 96 + bits}; }

std::uint32_t four_bytes(const Address& address, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out = out << 8 | address.bytes[at + i];
  return out;
}

// The IPv4 address that a router or the kernel would make of it: RFC 4291 2.5.5.1, RFC 6052, RFC 3056, RFC 4380.
std::optional<Address> embedded_v4(const Address& address) {
  if (v6({}, 96).contains(address) && four_bytes(address, 12) > 1) return Address::from_v4(four_bytes(address, 12));
  if (v6({0, 0x64, 0xff, 0x9b}, 96).contains(address)) return Address::from_v4(four_bytes(address, 12));
  if (v6({0x20, 0x02}, 16).contains(address)) return Address::from_v4(four_bytes(address, 2));
  if (v6({0x20, 0x01, 0, 0}, 32).contains(address)) return Address::from_v4(~four_bytes(address, 12));
  return std::nullopt;
}

Reach reach_of_v4(const Address& address) {
  const std::uint32_t value = address.as_v4();
  if (value == 0xa9fea9fe || value == 0xa9feaa02 || value == 0x646464c8) return Reach::metadata;  // the last: Alibaba's
  if (value == 0xffffffff) return Reach::broadcast;
  if (v4(0, 8).contains(address)) return Reach::unspecified;  // Linux takes 0.0.0.0 for itself
  if (v4(0x7f000000, 8).contains(address)) return Reach::loopback;
  if (v4(0xa9fe0000, 16).contains(address)) return Reach::link_local;
  if (v4(0x0a000000, 8).contains(address) || v4(0xac100000, 12).contains(address) || v4(0xc0a80000, 16).contains(address) ||
      v4(0x64400000, 10).contains(address))
    return Reach::private_use;
  if (v4(0xe0000000, 4).contains(address)) return Reach::multicast;
  if (v4(0xf0000000, 4).contains(address)) return Reach::reserved;
  return Reach::global;
}

Reach reach_of_v6(const Address& address) {
  if (address == Address{}) return Reach::unspecified;
  if (address == Address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}) return Reach::loopback;
  if (address == Address{{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}}) return Reach::metadata;
  if (v6({0xfe, 0x80}, 10).contains(address)) return Reach::link_local;
  if (v6({0xfc}, 7).contains(address) || v6({0xfe, 0xc0}, 10).contains(address) ||
      v6({0, 0x64, 0xff, 0x9b, 0, 1}, 48).contains(address))  // RFC 8215: NAT64 of somebody's own
    return Reach::private_use;
  if (v6({0xff}, 8).contains(address)) return Reach::multicast;
  if (v6({}, 8).contains(address)) return Reach::reserved;
  return Reach::global;
}

}  // namespace

bool Prefix::contains(const Address& other) const {
  const std::size_t whole = bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes.begin())) return false;
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
  for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(address.bytes[2 * i] << 8 | address.bytes[2 * i + 1]);
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
  if (prefix.address.is_v4() && prefix.bits >= 96) return text(to_text(prefix.address), "/", prefix.bits - 96);
  return text(to_text(prefix.address), "/", prefix.bits);
}

std::string to_text(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return text(to_text(endpoint.address), ":", endpoint.port);
  return text("[", to_text(endpoint.address), "]:", endpoint.port);
}

Reach reach_of(const Address& address) {
  if (address.is_v4()) return reach_of_v4(address);
  const auto inner = embedded_v4(address);
  if (inner && reach_of_v4(*inner) != Reach::global) return reach_of_v4(*inner);
  return reach_of_v6(address);
}

}  // namespace net
