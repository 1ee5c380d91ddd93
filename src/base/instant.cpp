// Seconds before 1970 are not written: no file system of today holds them.
#include "base/instant.h"

#include "base/units.h"

Result<Instant> parse_instant(std::string_view in) {
  const std::size_t dot = in.find('.');
  if (dot == std::string_view::npos || in.size() != dot + 10)
    return fail("not seconds and nine digits: '", printable(in), "'");
  Instant out;
  out.seconds = static_cast<std::int64_t>(TRY(parse_number(in.substr(0, dot), INT64_MAX)));
  out.nanoseconds = static_cast<std::uint32_t>(TRY(parse_number(in.substr(dot + 1), 999'999'999)));
  return out;
}

std::string describe_instant(const Instant& at) {
  const std::string part = text(at.nanoseconds);
  return text(at.seconds < 0 ? 0 : at.seconds, '.', std::string(9 - part.size(), '0'), part);
}
