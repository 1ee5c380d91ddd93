// Sequence numbers go round (RFC 9293, 3.4): before and after are a matter of the shorter way.
#pragma once

#include <cstdint>

namespace net::tcp {

constexpr bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }
constexpr bool after(std::uint32_t a, std::uint32_t b) { return before(b, a); }
constexpr std::uint32_t later(std::uint32_t a, std::uint32_t b) { return before(a, b) ? b : a; }
constexpr std::uint32_t earlier(std::uint32_t a, std::uint32_t b) { return before(a, b) ? a : b; }

constexpr std::uint64_t milliseconds = 1000, seconds = 1000000;

}  // namespace net::tcp
