// The numbers of ICMP: RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1; of ICMPv6: RFC 4443 3.
#include "net/icmp.h"

#include "net/checksum.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace net {

namespace {

void put16(std::uint8_t* at, std::size_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8), at[1] = static_cast<std::uint8_t>(value);
}

std::optional<Unreachable> from_icmp4(std::uint8_t type, std::uint8_t code) {
  if (type == 11) return code == 0 ? std::optional(Unreachable::hop_limit) : std::nullopt;
  if (type != 3) return std::nullopt;
  switch (code) {
    case 0: case 6: case 11: return Unreachable::network;
    case 1: case 5: case 7: case 8: case 12: return Unreachable::host;
    case 2: return Unreachable::protocol;
    case 3: return Unreachable::port;
    case 4: return Unreachable::too_big;
    case 9: case 10: case 13: return Unreachable::prohibited;
    default: return std::nullopt;
  }
}

std::optional<Unreachable> from_icmp6(std::uint8_t type, std::uint8_t code) {
  if (type == 2) return Unreachable::too_big;
  if (type == 3) return code == 0 ? std::optional(Unreachable::hop_limit) : std::nullopt;
  if (type != 1) return std::nullopt;
  switch (code) {
    case 0: return Unreachable::network;
    case 1: case 5: case 6: return Unreachable::prohibited;
    case 2: case 3: return Unreachable::host;
    case 4: return Unreachable::port;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<Unreachable> complaint_of(int error) {
  switch (error) {
    case ECONNREFUSED: return Unreachable::port;
    case ENETUNREACH: case ENETDOWN: case EADDRNOTAVAIL: case EAFNOSUPPORT: case EINVAL: return Unreachable::network;
    case EHOSTUNREACH: case EHOSTDOWN: return Unreachable::host;
    case EACCES: case EPERM: return Unreachable::prohibited;
    case EMSGSIZE: return Unreachable::too_big;
    default: return std::nullopt;
  }
}

OpenAnswer answer_to_open(int error) {
  if (error == ETIMEDOUT) return {OpenAnswer::How::silence};
  const std::optional<Unreachable> why = complaint_of(error);
  if (!why || error == ECONNREFUSED || error == EMSGSIZE) return {OpenAnswer::How::reset};
  return {OpenAnswer::How::complain, *why};
}

std::optional<Unreachable> complaint_of(const sys::QueuedError& queued) {
  switch (queued.origin) {
    case sys::QueuedError::Origin::icmp: return from_icmp4(queued.type, queued.code);
    case sys::QueuedError::Origin::icmp6: return from_icmp6(queued.type, queued.code);
    case sys::QueuedError::Origin::local: return complaint_of(queued.error);
    case sys::QueuedError::Origin::other: break;
  }
  return std::nullopt;
}

std::size_t build_quoted_datagram(std::span<std::uint8_t> out, const Endpoint& inside, const Endpoint& outside,
                                  std::uint8_t protocol, View payload) {
  const bool v4 = inside.address.is_v4();
  const std::size_t l3 = v4 ? 20 : 40, total = l3 + 8 + payload.size();
  if (out.size() < total) return 0;
  std::memset(out.data(), 0, l3 + 8);
  if (v4) {
    out[0] = 0x45, out[6] = 0x40, out[8] = 64, out[9] = protocol;
    put16(&out[2], total);
    std::memcpy(&out[12], inside.address.bytes.data() + 12, 4);
    std::memcpy(&out[16], outside.address.bytes.data() + 12, 4);
    put16(&out[10], checksum(add_bytes(0, View(out.data(), 20))));
  } else {
    out[0] = 0x60, out[6] = protocol, out[7] = 64;
    put16(&out[4], 8 + payload.size());
    std::memcpy(&out[8], inside.address.bytes.data(), 16);
    std::memcpy(&out[24], outside.address.bytes.data(), 16);
  }
  std::uint8_t* const l4 = &out[l3];
  if (protocol == ip::udp) {
    put16(l4, inside.port), put16(l4 + 2, outside.port), put16(l4 + 4, 8 + payload.size());
  } else {  // an echo request: the identifier is the port
    l4[0] = v4 ? 8 : 128;
    put16(l4 + 4, inside.port), put16(l4 + 6, outside.port);
  }
  payload.copy_to(l4 + 8);
  return total;
}

}  // namespace net
