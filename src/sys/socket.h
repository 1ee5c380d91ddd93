// Sockets that carry whole messages and descriptors (unix(7), SOCK_SEQPACKET): a connected pair, or one with a name.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "sys/fd.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace sys {

Result<std::pair<Fd, Fd>> make_message_pair();

// One message, at most 16 KiB, with at most `most_attached` descriptors.
inline constexpr std::size_t most_attached = 16;
Result<> send_message(const Fd& to, std::string_view content, const Fd* attached = nullptr);
Result<> send_message(const Fd& to, std::string_view content, std::span<const Fd> attached);

// Of a message: that nobody is there to read it is no error. What the other side said before is still to be read.
Result<> unless_gone(Result<> sent);

struct Message {
  std::string content;
  Fd attached;             // the first one
  std::vector<Fd> further;
};
// nullopt: the other side is gone.
Result<std::optional<Message>> receive_message(const Fd& from);

// With a name in a directory, however long the directory's own name is (sun_path holds 107 bytes). Made for its owner
// only. A socket that nobody listens on is ECONNREFUSED.
Result<Fd> listen_at(const Fd& dir, const std::string& name, const std::string& shown);
Result<Fd> connect_at(const Fd& dir, const std::string& name, const std::string& shown);
Result<std::optional<Fd>> accept_connection(const Fd& listener);  // nullopt: it went away again

struct Peer { pid_t pid = 0; Id uid = 0; };  // pid 0: one that is not of our pid namespace
Result<Peer> peer_of(const Fd& connection);  // as it was when it connected (SO_PEERCRED)

}  // namespace sys
