// Sizes, durations and numbers as users write them.
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <string_view>

// Bytes: "4096", "512K", "512M", "1.5G", "1T" (binary multiples; "MiB" and "m" are accepted too).
Result<std::uint64_t> parse_size(std::string_view in);
std::string describe_size(std::uint64_t bytes);  // the largest unit that divides it: "64M"

// "250ms", "30s", "1.5m", "1h", "2d"; a bare number is seconds. A leading '-' only where `negative`.
Result<std::chrono::milliseconds> parse_duration(std::string_view in, bool negative = false);
std::string describe_duration(std::chrono::milliseconds value);

// A whole decimal number without sign, at most `most`.
Result<std::uint64_t> parse_number(std::string_view in, std::uint64_t most = UINT64_MAX);
