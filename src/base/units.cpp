// Parsing of sizes and durations; every overflow is an error.
#include "base/units.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace {

struct Unit { std::string_view name; std::uint64_t factor; };
constexpr std::uint64_t kib = 1024;
constexpr std::array<Unit, 5> size_units{{{"", 1}, {"k", kib}, {"m", kib * kib}, {"g", kib * kib * kib},
                                          {"t", kib * kib * kib * kib}}};
constexpr std::array<Unit, 6> time_units{{{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000},
                                          {"d", 86'400'000}}};

constexpr const char* size_hint = "write bytes as 4096, 512M or 1.5G";
constexpr const char* time_hint = "write times as 250ms, 30s, 1.5m or 1h";

constexpr std::uint64_t million = 1'000'000;
struct Quantity { std::uint64_t count, millionths; std::string unit; };

Result<Quantity> parse_quantity(std::string_view in) {
  std::uint64_t count = 0;
  const auto [end, failure] = std::from_chars(in.data(), in.data() + in.size(), count);
  if (failure != std::errc{}) return fail("'", printable(in), "' is not a number with a unit");
  std::string_view rest(end, in.data() + in.size());
  std::uint64_t millionths = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0 || digits > 6) return fail("'", printable(in), "' does not have one to six digits after the point");
    for (std::size_t i = 0, place = million / 10; i < digits; ++i, place /= 10) millionths += place * static_cast<std::uint64_t>(rest[i] - '0');
    rest.remove_prefix(digits);
  }
  std::string unit(rest);
  for (char& letter : unit)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return Quantity{count, millionths, unit};
}

template <std::size_t size>
Result<std::uint64_t> scale(const Quantity& quantity, const std::array<Unit, size>& units, std::string_view in) {
  for (const Unit& unit : units) {
    if (unit.name != quantity.unit) continue;
    const std::uint64_t part = quantity.millionths * unit.factor / million;
    if (part == 0 && quantity.millionths != 0) return fail("'", printable(in), "' is not a whole number");
    std::uint64_t out = 0;
    if (__builtin_mul_overflow(quantity.count, unit.factor, &out) || __builtin_add_overflow(out, part, &out) || out > INT64_MAX)
      return fail("'", printable(in), "' is too large");
    return out;
  }
  return fail("'", printable(in), "' has an unknown unit");
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view in) {
  auto quantity = parse_quantity(in);
  if (!quantity) return fail_hint(size_hint, quantity.error().message);
  if (quantity->unit.ends_with("ib")) quantity->unit.resize(quantity->unit.size() - 2);
  else if (quantity->unit.ends_with("b")) quantity->unit.resize(quantity->unit.size() - 1);
  auto bytes = scale(*quantity, size_units, in);
  if (!bytes) return fail_hint(size_hint, bytes.error().message);
  return bytes;
}

std::string describe_size(std::uint64_t bytes) {
  constexpr std::string_view letters = "KMGT";
  std::size_t unit = 0;
  while (bytes != 0 && bytes % kib == 0 && unit < letters.size()) bytes /= kib, ++unit;
  return unit == 0 ? text(bytes) : text(bytes, letters[unit - 1]);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view in, bool negative) {
  const bool minus = negative && in.starts_with('-');
  const auto quantity = parse_quantity(in.substr(minus ? 1 : 0));
  if (!quantity) return fail_hint(time_hint, quantity.error().message);
  const auto value = scale(*quantity, time_units, in);
  if (!value) return fail_hint(time_hint, value.error().message);
  const auto count = static_cast<std::int64_t>(*value);
  return std::chrono::milliseconds(minus ? -count : count);
}

std::string describe_duration(std::chrono::milliseconds value) {
  const std::int64_t count = value.count();
  if (count % 1000 != 0) return text(count, "ms");
  if (count % 3'600'000 == 0 && count != 0) return text(count / 3'600'000, "h");
  if (count % 60'000 == 0 && count != 0) return text(count / 60'000, "m");
  return text(count / 1000, "s");
}

Result<std::uint64_t> parse_number(std::string_view in, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(in.data(), in.data() + in.size(), number);
  if (failure != std::errc{} || end != in.data() + in.size() || in.empty())
    return fail("'", printable(in), "' is not a whole number");
  if (number > most) return fail("'", printable(in), "' is more than ", most);
  return number;
}
