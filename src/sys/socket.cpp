// Messages over a socket pair.
#include "sys/socket.h"

#include "sys/call.h"

#include <cstring>
#include <memory>
#include <sys/socket.h>

namespace sys {

namespace {
constexpr std::size_t most_bytes = 16384;
union ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr aligned;
};
}  // namespace

Result<std::pair<Fd, Fd>> make_message_pair() {
  int ends[2];
  if (SYS(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) < 0) return fail_errno("socketpair");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<> send_message(const Fd& to, std::string_view content, const Fd* attached) {
  if (content.size() > most_bytes) return fail("message to the other process is too long");
  iovec piece{const_cast<char*>(content.data()), content.size()};
  msghdr header{};
  header.msg_iov = &piece, header.msg_iovlen = 1;
  ControlBuffer control{};
  if (attached != nullptr) {
    header.msg_control = control.bytes, header.msg_controllen = sizeof control.bytes;
    cmsghdr* entry = CMSG_FIRSTHDR(&header);
    entry->cmsg_level = SOL_SOCKET, entry->cmsg_type = SCM_RIGHTS, entry->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = attached->get();
    std::memcpy(CMSG_DATA(entry), &number, sizeof number);
  }
  ssize_t sent = 0;
  while ((sent = SYS(::sendmsg(to.get(), &header, MSG_NOSIGNAL))) < 0 && errno == EINTR) {}
  if (sent < 0) return fail_errno("send to the other process");
  return {};
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
  Message message{.content = std::string(bytes.get(), static_cast<std::size_t>(got)), .attached = {}};
  if (const cmsghdr* entry = CMSG_FIRSTHDR(&header); entry != nullptr && entry->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(entry), sizeof number);
    message.attached = Fd(number);
  }
  return std::optional(std::move(message));
}

}  // namespace sys
