// Lines of passwd(5) and subuid(5): whatever a directory service or a hand wrote, an id is an id and a range fits.
#include "base/text.h"
#include "sys/user.h"

#include <cstdint>
#include <cstdlib>

namespace {
void require(bool promise) {
  if (!promise) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  for (const std::string& line : split(in, '\n')) {
    const auto user = sys::parse_passwd_line(line);
    require(!user || (!user->name.empty() && user->name.find(':') == std::string::npos && user->uid != UINT32_MAX && user->gid != UINT32_MAX));
  }
  for (const IdRange& range : sys::parse_subordinate(in, "alice", 1000))
    require(range.count > 0 && std::uint64_t{range.first} + range.count < UINT32_MAX);
  return 0;
}
