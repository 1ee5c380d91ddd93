// The reference description of SipHash, with two rounds per word and four at the end.
#include "net/siphash.h"

#include <bit>
#include <cstring>

namespace net {

namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
    v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
    v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
  }
  void word(std::uint64_t m) {
    v3 ^= m;
    round(), round();
    v0 ^= m;
  }
};

// Little endian, `size` of at most eight bytes.
std::uint64_t load(const std::uint8_t* at, std::size_t size) {
  std::uint64_t out = 0;
  std::memcpy(&out, at, size);
  if constexpr (std::endian::native == std::endian::big) out = __builtin_bswap64(out);
  return out;
}

}  // namespace

std::uint64_t siphash(const SipKey& key, std::span<const std::uint8_t> bytes) {
  State s{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
          key[1] ^ 0x7465646279746573};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) s.word(load(bytes.data() + at, 8));
  s.word(load(bytes.data() + at, bytes.size() - at) | std::uint64_t{bytes.size()} << 56);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace net
