// Internet sockets. Every call is non-blocking and close-on-exec from birth; EINTR cannot come, since all signals are
// blocked or deadly.
#include "sys/inet.h"

#include "sys/call.h"
#include "sys/socket_address.h"

#include <linux/tcp.h>
#include <linux/udp.h>
#include <unistd.h>

namespace sys {

namespace {
IoCount counted(ssize_t count) { return {count, count < 0 ? errno : 0}; }
int errno_if(int result) { return result < 0 ? errno : 0; }
}  // namespace

const std::array<OptionNumber, static_cast<std::size_t>(SocketOption::count_)> option_numbers{{
    {SOL_SOCKET, SO_REUSEADDR}, {IPPROTO_IPV6, IPV6_V6ONLY}, {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT}, {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_OOBINLINE}, {SOL_SOCKET, SO_LINGER},
    {IPPROTO_IP, IP_RECVERR}, {IPPROTO_IPV6, IPV6_RECVERR}, {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER}, {IPPROTO_IP, IP_TTL}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_UDP, UDP_GRO}, {SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF},
}};

bool InetAddress::is_v4() const {
  for (std::size_t i = 0; i < 10; ++i)
    if (bytes[i] != 0) return false;
  return bytes[10] == 0xff && bytes[11] == 0xff;
}

bool IoCount::would_block() const { return count < 0 && (error == EAGAIN || error == EWOULDBLOCK || error == EINTR); }

NewSocket make_inet_socket(bool v4, Transport transport) {
  const int type = (transport == Transport::stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int protocol = transport != Transport::ping ? 0 : v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  Fd made(SYS(::socket(v4 ? AF_INET : AF_INET6, type, protocol)));
  const int error = made.valid() ? 0 : errno;
  return {std::move(made), error};
}

int set_option(const Fd& socket, SocketOption option, int value) {
  const auto [level, name] = option_numbers[static_cast<std::size_t>(option)];
  const linger at_once{1, 0};
  if (option == SocketOption::reset_on_close)
    return errno_if(SYS(::setsockopt(socket.get(), level, name, &at_once, sizeof at_once)));
  return errno_if(SYS(::setsockopt(socket.get(), level, name, &value, sizeof value)));
}

int bind_to(const Fd& socket, const InetAddress& address) {
  SocketAddress kernel;
  const socklen_t length = to_kernel(address, kernel);
  return errno_if(SYS(::bind(socket.get(), &kernel.plain, length)));
}

int connect_to(const Fd& socket, const InetAddress& address) {
  SocketAddress kernel;
  const socklen_t length = to_kernel(address, kernel);
  return errno_if(SYS(::connect(socket.get(), &kernel.plain, length)));
}

int listen_on(const Fd& socket, int backlog) { return errno_if(SYS(::listen(socket.get(), backlog))); }
int shut_down_sending(const Fd& socket) { return errno_if(SYS(::shutdown(socket.get(), SHUT_WR))); }

int take_socket_error(const Fd& socket) {
  int error = 0;
  socklen_t length = sizeof error;
  if (SYS(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length)) < 0) return errno;
  return error;
}

int own_address(const Fd& socket, InetAddress& into) {
  SocketAddress kernel{};
  socklen_t length = sizeof kernel;
  if (SYS(::getsockname(socket.get(), &kernel.plain, &length)) < 0) return errno;
  into = from_kernel(kernel);
  return 0;
}

int path_mtu(const Fd& socket, bool v4) {
  int mtu = 0;
  socklen_t length = sizeof mtu;
  const int got = v4 ? SYS(::getsockopt(socket.get(), IPPROTO_IP, IP_MTU, &mtu, &length))
                     : SYS(::getsockopt(socket.get(), IPPROTO_IPV6, IPV6_MTU, &mtu, &length));
  return got < 0 ? 0 : mtu;
}

NewSocket accept_from(const Fd& listener, InetAddress& peer) {
  SocketAddress kernel{};
  socklen_t length = sizeof kernel;
  Fd accepted(SYS(::accept4(listener.get(), &kernel.plain, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)));
  const int error = accepted.valid() ? 0 : errno;
  peer = from_kernel(kernel);
  return {std::move(accepted), error};
}

std::string error_text(int error) { return errno_text(error); }

IoCount send_pieces(const Fd& socket, std::span<const iovec> pieces, Wait wait) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data()), message.msg_iovlen = pieces.size();
  return counted(SYS(::sendmsg(socket.get(), &message, (wait == Wait::no ? MSG_DONTWAIT : 0) | MSG_NOSIGNAL)));
}

IoCount receive_bytes(const Fd& socket, std::span<std::byte> into) {
  return counted(SYS(::recvfrom(socket.get(), into.data(), into.size(), MSG_DONTWAIT, nullptr, nullptr)));
}

IoCount receive_pieces(const Fd& socket, std::span<const iovec> into) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(into.data()), message.msg_iovlen = into.size();
  return counted(SYS(::recvmsg(socket.get(), &message, MSG_DONTWAIT)));
}

IoCount read_bytes(const Fd& file, std::span<std::byte> into) {
  return counted(SYS(::read(file.get(), into.data(), into.size())));
}

IoCount write_pieces(const Fd& file, std::span<const iovec> pieces) {
  return counted(SYS(::writev(file.get(), pieces.data(), static_cast<int>(pieces.size()))));
}

}  // namespace sys
