// An origin is an error, or what is read of it is written such that the same is read again, and its paths are absolute.
#include "store/origin.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto origin = store::decode_origin({reinterpret_cast<const char*>(bytes), size});
  if (!origin) {
    if (origin.error().message.empty()) std::abort();
    return 0;
  }
  if (!origin->inside.starts_with('/') || !origin->outside.starts_with('/')) std::abort();
  const auto again = store::decode_origin(store::encode(*origin));
  if (!again || *again != *origin) std::abort();
  return 0;
}
