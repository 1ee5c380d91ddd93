// The functions every user-given word goes through: no input may break what they promise.
#include "base/nearest.h"
#include "base/path.h"
#include "base/text.h"
#include "base/units.h"

#include <cstdint>
#include <cstdlib>

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void check_text(std::string_view in) {
  const std::string shown = printable(in);
  require(is_utf8(shown));
  for (const char c : shown) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  require(join(split(in, ','), ",") == in);
  require(matches_pattern("*", in));
}

void check_path(std::string_view in) {
  const std::string normal = path::normalise(in);
  require(normal.starts_with('/') && path::normalise(normal) == normal);
  require(normal == "/" || path::is_below(normal, path::parent(normal)));
  for (const std::string& part : path::components(normal)) require(part != ".." && part != ".");
  if (const auto parts = path::split_colons(in)) require(!parts->empty() && !parts->front().empty());
}

void check_units(std::string_view in) {
  if (const auto size = parse_size(in)) require(*parse_size(describe_size(*size)) == *size);
  if (const auto time = parse_duration(in, true)) require(*parse_duration(describe_duration(*time), true) == *time);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  check_text(in);
  check_path(in);
  check_units(in);
  nearest_hint(in, {"--profile", "--report", "base"});
  return 0;
}
