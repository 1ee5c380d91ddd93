// A record is an error, or what is read of it is written such that the same is read again.
#include "supervise/record.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto record = supervise::decode_record({reinterpret_cast<const char*>(bytes), size});
  if (!record) {
    if (record.error().message.empty()) std::abort();
    return 0;
  }
  supervise::Record kept = *record;
  if (kept.status != supervise::Status::ended) kept.code = 0;  // only an ended one has a status
  const auto again = supervise::decode_record(supervise::encode(kept));
  if (!again || *again != kept) std::abort();
  return 0;
}
