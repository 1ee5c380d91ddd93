// A request or a reply from a damaged peer is an error, or encodes to the same bytes.
#include "supervise/control.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  const auto request = supervise::decode_request(in);
  if (request ? supervise::encode(*request) != in : request.error().message.empty()) std::abort();
  const auto reply = supervise::decode_reply(in);
  if (reply ? supervise::encode(*reply) != in : reply.error().message.empty()) std::abort();
  return 0;
}
