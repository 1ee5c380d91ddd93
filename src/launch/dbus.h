// Messages of D-Bus in their wire form (D-Bus Specification, "Message Protocol"): as much of it as asking a service
// manager for something takes. Pure; launch/systemd.cpp does the talking.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace launch {

// Values one after the other, each at its alignment from the start. Little-endian, as the header then says.
class DbusWriter {
 public:
  void byte(std::size_t value) { bytes_ += static_cast<char>(value); }
  void number(std::size_t value);                    // u, b
  void large(std::uint64_t value);                   // t
  void words(std::string_view value);                // s, o
  void signature(std::string_view value);            // g
  void align(std::size_t alignment);                 // 8 begins a struct
  std::size_t begin_array(std::size_t alignment);    // of the elements; what end_array wants
  void end_array(std::size_t begun, std::size_t alignment);
  const std::string& bytes() const { return bytes_; }

 private:
  void put(std::size_t at, std::size_t value);
  std::string bytes_;
};

struct DbusCall {
  std::string_view destination;  // empty: the peer itself
  std::string_view path, interface, member, signature, body;
};
std::string encode(const DbusCall& call, std::uint32_t serial);

enum class DbusKind : std::uint8_t { invalid, call, reply, error, signal };
struct DbusMessage {
  DbusKind kind = DbusKind::invalid;
  std::uint32_t answers = 0;         // the serial of the call
  std::string member, error;         // error: "org.freedesktop.DBus.Error.AccessDenied"
  std::vector<std::string> texts;    // that the body begins with, numbers left out; a truth in a variant is "true"
};
// How long the message is that `bytes` begin with; nullopt: there is not enough of it to tell.
Result<std::optional<std::size_t>> dbus_length(std::string_view bytes);
Result<DbusMessage> decode_dbus(std::string_view bytes);  // one whole message

}  // namespace launch
