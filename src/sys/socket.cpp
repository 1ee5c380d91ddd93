// Messages over unix sockets.
#include "sys/socket.h"

#include "sys/call.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace sys {

namespace {
constexpr std::size_t most_bytes = 16384;
union ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int) * most_attached)];
  cmsghdr aligned;
};
}  // namespace

Result<std::pair<Fd, Fd>> make_message_pair() {
  int ends[2];
  if (SYS(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) < 0) return fail_errno("socketpair");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<> send_message(const Fd& to, std::string_view content, const Fd* attached) {
  return send_message(to, content, std::span(attached, attached == nullptr ? 0 : 1));
}

Result<> send_message(const Fd& to, std::string_view content, std::span<const Fd> attached) {
  if (content.size() > most_bytes || attached.size() > most_attached) return fail("message to the other process is too long");
  iovec piece{const_cast<char*>(content.data()), content.size()};
  msghdr header{};
  header.msg_iov = &piece, header.msg_iovlen = 1;
  ControlBuffer control{};
  if (!attached.empty()) {
    std::array<int, most_attached> numbers{};
    std::ranges::transform(attached, numbers.begin(), &Fd::get);
    const std::size_t size = attached.size() * sizeof(int);
    header.msg_control = control.bytes, header.msg_controllen = CMSG_SPACE(size);
    cmsghdr* entry = CMSG_FIRSTHDR(&header);
    entry->cmsg_level = SOL_SOCKET, entry->cmsg_type = SCM_RIGHTS, entry->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(entry), numbers.data(), size);
  }
  ssize_t sent = 0;
  while ((sent = SYS(::sendmsg(to.get(), &header, MSG_NOSIGNAL))) < 0 && errno == EINTR) {}
  if (sent < 0) return fail_errno("send to the other process");
  return {};
}

Result<> unless_gone(Result<> sent) {
  return !sent && (sent.error().code == EPIPE || sent.error().code == ECONNRESET) ? Result<>{} : sent;
}

Result<std::optional<Message>> receive_message(const Fd& from) {
  // Neither a string, nor on the stack: each page of its zeroes, or probed by -fstack-clash-protection, is a page fault.
  const auto bytes = std::make_unique_for_overwrite<char[]>(most_bytes);
  iovec piece{bytes.get(), most_bytes};
  msghdr header{};
  ControlBuffer control{};
  header.msg_iov = &piece, header.msg_iovlen = 1;
  header.msg_control = control.bytes, header.msg_controllen = sizeof control.bytes;
  ssize_t got = 0;
  // ECONNRESET is told once, ahead of what is queued: the other side went without reading all of ours, but its own
  // last words are still to come.
  while ((got = SYS(::recvmsg(from.get(), &header, MSG_CMSG_CLOEXEC))) < 0 && (errno == EINTR || errno == ECONNRESET)) {}
  if (got < 0) return fail_errno("receive from the other process");
  if (got == 0) return std::optional<Message>{};
  if ((header.msg_flags & MSG_TRUNC) != 0) return fail("message from the other process is too long");
  Message message{.content = std::string(bytes.get(), static_cast<std::size_t>(got)), .attached = {}, .further = {}};
  const cmsghdr* entry = CMSG_FIRSTHDR(&header);
  if (entry == nullptr || entry->cmsg_type != SCM_RIGHTS) return std::optional(std::move(message));
  std::array<int, most_attached> numbers{};
  const std::size_t size = std::min<std::size_t>(entry->cmsg_len - CMSG_LEN(0), sizeof numbers);
  std::memcpy(numbers.data(), CMSG_DATA(entry), size);
  for (std::size_t i = 0; i < size / sizeof(int); ++i)
    if (i == 0) message.attached = Fd(numbers[i]);
    else message.further.emplace_back(numbers[i]);
  return std::optional(std::move(message));
}

namespace {

// Through the descriptor's link in /proc, so that the name stays short.
sockaddr_un address_of(const Fd& dir, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = text("/proc/self/fd/", dir.get(), "/", name);
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

Result<Fd> make_socket(const std::string& shown) {
  const int fd = SYS(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (fd < 0) return fail_errno("socket for ", printable(shown));
  return Fd(fd);
}

}  // namespace

Result<Fd> listen_at(const Fd& dir, const std::string& name, const std::string& shown) {
  constexpr int waiting = 64;
  Fd listener = TRY(make_socket(shown));
  const sockaddr_un address = address_of(dir, name);
  // The name gets the socket's own mode (unix(7)), so it is never open to others.
  if (SYS(::fchmod(listener.get(), 0600)) < 0) return fail_errno("chmod ", printable(shown));
  if (SYS(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)) < 0) return fail_errno("bind ", printable(shown));
  if (SYS(::listen(listener.get(), waiting)) < 0) return fail_errno("listen on ", printable(shown));
  return listener;
}

Result<Fd> connect_at(const Fd& dir, const std::string& name, const std::string& shown) {
  Fd connection = TRY(make_socket(shown));
  const sockaddr_un address = address_of(dir, name);
  while (SYS(::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)) < 0)
    if (errno != EINTR) return fail_errno("connect to ", printable(shown));
  return connection;
}

Result<std::optional<Fd>> accept_connection(const Fd& listener) {
  const int fd = SYS(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (fd >= 0) return std::optional(Fd(fd));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return std::optional<Fd>{};
  return fail_errno("accept a connection");
}

Result<Peer> peer_of(const Fd& connection) {
  ucred found{};
  socklen_t size = sizeof found;
  if (SYS(::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &found, &size)) < 0) return fail_errno("ask who connected");
  return Peer{.pid = found.pid, .uid = found.uid};
}

}  // namespace sys
