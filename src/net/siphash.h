// SipHash-2-4 (Aumasson, Bernstein 2012): the sandbox chooses the addresses and ports that are hashed, and with a
// secret key it cannot choose them to collide.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace net {

using SipKey = std::array<std::uint64_t, 2>;

std::uint64_t siphash(const SipKey& key, std::span<const std::uint8_t> bytes);

}  // namespace net
