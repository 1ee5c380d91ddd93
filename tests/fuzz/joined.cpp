// A damaged description of a sandbox is an error, or says the same again when it is encoded once more.
#include "launch/joined.h"
#include "supervise/pod.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  const auto joined = launch::decode_joined(in);
  if (joined && launch::encode(*joined) != in) std::abort();
  const auto member = supervise::decode_member(split(in, ' '));
  if (member && (!is_plain_name(member->hostname, 64) || member->names.size() > 2)) std::abort();
  return 0;
}
