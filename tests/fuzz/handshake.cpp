// A message from a damaged peer is an error or a message that encodes to the same bytes.
#include "supervise/handshake.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  const auto message = supervise::decode(in);
  if (!message) {
    if (message.error().message.empty()) std::abort();
    return 0;
  }
  const std::string again = supervise::encode(*message);
  const auto& texts = {message->text, message->error.message, message->error.hint};
  bool whole = true;
  for (const std::string& text : texts) whole = whole && text.size() <= 4096;
  if (whole ? again != in : !supervise::decode(again)) std::abort();
  return 0;
}
