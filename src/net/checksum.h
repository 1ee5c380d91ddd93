// The Internet checksum (RFC 1071), for headers we write and for frames that come without the sandbox kernel's word
// for them. Sums are 64-bit and folded at the end.
#pragma once

#include "net/address.h"
#include "net/view.h"

namespace net {

// One's complement sum of the bytes as big-endian 16-bit words, added to `sum`. Only the last part may be odd.
std::uint64_t add_bytes(std::uint64_t sum, View bytes);
// Source, destination, length and protocol: of IPv4 (RFC 9293, 3.1) and IPv6 (RFC 8200, 8.1) alike.
std::uint64_t pseudo_header(const Address& source, const Address& destination, std::uint8_t protocol,
                            std::size_t length);
std::uint16_t fold(std::uint64_t sum);                              // not inverted
inline std::uint16_t checksum(std::uint64_t sum) { return static_cast<std::uint16_t>(~fold(sum)); }

}  // namespace net
