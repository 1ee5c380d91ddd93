// What a service manager sends is a message or an error; its length is never beyond what was read.
#include "launch/dbus.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  const auto length = launch::dbus_length(in);
  const auto message = launch::decode_dbus(in);
  if (message && (!length || !*length || **length != size)) std::abort();
  if (!message && message.error().message.empty()) std::abort();
  if (!message) return 0;
  std::size_t texts = message->member.size() + message->error.size();
  for (const std::string& each : message->texts) texts += each.size();
  if (texts > size) std::abort();
  return 0;
}
