// Eight bytes at a time with the carry added back: the one's complement sum does not mind the width it is computed
// in, and of the byte order only the result does (RFC 1071, 2).
#include "net/checksum.h"

namespace net {

namespace {

std::uint64_t load(const std::uint8_t* at) {
  std::uint64_t word;
  std::memcpy(&word, at, 8);
  return word;
}

void add(std::uint64_t& sum, std::uint64_t word) {
  sum += word;
  sum += static_cast<std::uint64_t>(sum < word);
}

}  // namespace

std::uint16_t fold(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint64_t add_bytes(std::uint64_t sum, View bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t even = 0, odd = 0;      // two chains of carries, which the processor adds side by side
  for (; left >= 16; at += 16, left -= 16) {
    add(even, load(at));
    add(odd, load(at + 8));
  }
  add(even, odd);
  for (; left != 0; at += left < 8 ? left : 8, left -= left < 8 ? left : 8) {
    std::uint8_t rest[8] = {};
    std::memcpy(rest, at, left < 8 ? left : 8);
    add(even, load(rest));
  }
  std::uint16_t native = fold(even);
  if constexpr (std::endian::native == std::endian::little) native = static_cast<std::uint16_t>(native << 8 | native >> 8);
  return sum + native;
}

std::uint64_t pseudo_header(const Address& source, const Address& destination, std::uint8_t protocol,
                            std::size_t length) {
  // The first 12 bytes of mapped addresses would not count for nothing: ffff is added, which is zero, but not to 0.
  const std::size_t skip = source.is_v4() ? 12 : 0;
  std::uint64_t sum = add_bytes(protocol + (length & 0xffff) + (length >> 16), View(source.bytes).from(skip));
  return add_bytes(sum, View(destination.bytes).from(skip));
}

}  // namespace net
