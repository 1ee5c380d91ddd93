// A pair of connected sockets that carries whole messages and descriptors (unix(7), SOCK_SEQPACKET).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sys {

Result<std::pair<Fd, Fd>> make_message_pair();

// One message, at most 16 KiB, with at most one descriptor.
Result<> send_message(const Fd& to, std::string_view content, const Fd* attached = nullptr);

struct Message {
  std::string content;
  Fd attached;
};
// nullopt: the other side is gone.
Result<std::optional<Message>> receive_message(const Fd& from);

}  // namespace sys
