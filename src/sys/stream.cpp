// Connecting to a socket of the file system, and bytes in both directions.
#include "sys/stream.h"

#include "sys/call.h"

#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace sys {

Result<Fd> connect_stream(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail("the path of a socket is too long: ", printable(path));
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool abstract = path.starts_with('@');
  if (abstract) address.sun_path[0] = '\0';
  Fd made(SYS(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  if (!made.valid()) return fail_errno("socket");
  // An abstract name has no end of its own: its length counts.
  const std::size_t length = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
  if (SYS(::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length))) < 0)
    return fail_errno("connect to ", printable(path));
  return made;
}

Result<> send_all(const Fd& to, std::string_view content) {
  while (!content.empty()) {
    const ssize_t sent = SYS(::send(to.get(), content.data(), content.size(), MSG_NOSIGNAL));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail_errno("send to a service");
    content.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> receive_some(const Fd& from) {
  char block[4096];
  ssize_t got = 0;
  while ((got = SYS(::recv(from.get(), block, sizeof block, 0))) < 0 && errno == EINTR) {}
  if (got < 0) return fail_errno("receive from a service");
  return std::string(block, static_cast<std::size_t>(got));
}

}  // namespace sys
