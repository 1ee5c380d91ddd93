// A time as a file system's clock tells it (inode(7)), which stands behind the machine's by up to a tick.
#pragma once

#include "base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

struct Instant {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Instant&) const = default;
};

// "1700000000.000001020": always nine digits behind the point.
std::string describe_instant(const Instant& at);
Result<Instant> parse_instant(std::string_view in);
