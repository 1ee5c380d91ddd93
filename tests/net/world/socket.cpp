// Blocking in the test, non-blocking in the kernel: every wait is a poll with a limit.
#include "world/socket.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <vector>

namespace world {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

// False when the deadline came first.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd wait{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wait, 1, static_cast<int>(std::max<long>(left, 0))) > 0;
}

// The pattern's bytes repeat after its length, which is a prime: no offset of a segment or page is a multiple.
const std::string& pattern_block() {
  static const std::string block = [] {
    std::string made(1'048'573, '\0');
    std::uint64_t state = 0x9e3779b97f4a7c15;
    for (char& byte : made) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      byte = static_cast<char>(state >> 24);
    }
    return made;
  }();
  return block;
}

}  // namespace

Address::Address(const std::string& numeric, int port) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&bytes);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&bytes);
  if (::inet_pton(AF_INET, numeric.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET, v4->sin_port = htons(static_cast<std::uint16_t>(port)), length = sizeof *v4;
  } else if (::inet_pton(AF_INET6, numeric.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6, v6->sin6_port = htons(static_cast<std::uint16_t>(port)), length = sizeof *v6;
  } else {
    throw std::runtime_error("not an address: " + numeric);
  }
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&bytes)->sin_addr, text, sizeof text);
  if (family() == AF_INET6) ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&bytes)->sin6_addr, text, sizeof text);
  return text;
}

int Address::port() const {
  return ntohs(family() == AF_INET ? reinterpret_cast<const sockaddr_in*>(&bytes)->sin_port
                                   : reinterpret_cast<const sockaddr_in6*>(&bytes)->sin6_port);
}

std::string errno_name(int error) {
  const char* name = error == 0 ? "ok" : ::strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

char pattern(std::uint64_t at) { return pattern_block()[at % pattern_block().size()]; }

std::string pattern(std::uint64_t at, std::size_t length) {
  const std::string& block = pattern_block();
  std::string out;
  out.reserve(length);
  while (out.size() < length) out.append(block, (at + out.size()) % block.size(), length - out.size());
  return out;
}

Socket& Socket::operator=(Socket&& from) noexcept {
  if (this != &from) close(), fd_ = from.release();
  return *this;
}

int Socket::release() { return std::exchange(fd_, -1); }

void Socket::close() {
  if (fd_ >= 0) ::close(release());
}

void Socket::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0) << std::strerror(errno);
  close();
}

void Socket::set(int level, int option, int value) {
  EXPECT_EQ(::setsockopt(fd_, level, option, &value, sizeof value), 0) << option << ": " << std::strerror(errno);
}

int Socket::get(int level, int option) const {
  int value = 0;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd_, level, option, &value, &length), 0) << option << ": " << std::strerror(errno);
  return value;
}

bool Socket::readable(Limit limit) const { return wait_for(fd_, POLLIN, Clock::now() + limit); }

std::optional<Socket> Socket::accept(Limit limit, Address* from) {
  if (!readable(limit)) return std::nullopt;
  Address peer;
  Socket made(::accept4(fd_, peer.raw(), &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!made) return std::nullopt;
  if (from != nullptr) *from = peer;
  return made;
}

Address Socket::name() const {
  Address out;
  if (::getsockname(fd_, out.raw(), &out.length) != 0) give_up("getsockname");
  return out;
}

Address Socket::peer() const {
  Address out;
  if (::getpeername(fd_, out.raw(), &out.length) != 0) give_up("getpeername");
  return out;
}

int Socket::send_all(std::string_view bytes, Limit limit) {
  const auto deadline = Clock::now() + limit;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    else if (sent < 0 && errno != EAGAIN) return errno;
    else if (!wait_for(fd_, POLLOUT, deadline)) return ETIME;
  }
  return 0;
}

int Socket::send_pattern(std::uint64_t length, Limit limit, std::uint64_t from) {
  const std::string& block = pattern_block();
  const auto deadline = Clock::now() + limit;
  for (std::uint64_t at = from; at < from + length;) {
    const std::size_t start = at % block.size();
    const std::size_t size = std::min<std::uint64_t>(std::min<std::uint64_t>(block.size() - start, 262'144), from + length - at);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (const int error = send_all(std::string_view(block).substr(start, size), left); error != 0) return error;
    at += size;
  }
  return 0;
}

Socket::Received Socket::receive_pattern(std::uint64_t length, Limit limit, std::uint64_t from) {
  const std::string& block = pattern_block();
  const auto deadline = Clock::now() + limit;
  std::vector<char> buffer(262'144);
  Received out;
  while (out.bytes < length) {
    const ssize_t got = ::recv(fd_, buffer.data(), std::min<std::uint64_t>(buffer.size(), length - out.bytes), MSG_DONTWAIT);
    if (got == 0) return out.ended = true, out;
    if (got < 0 && errno != EAGAIN) return out.error = errno, out;
    if (got < 0) {
      if (!wait_for(fd_, POLLIN, deadline)) return out.error = ETIME, out;
      continue;
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const std::size_t start = (from + out.bytes + at) % block.size();
      const std::size_t size = std::min(static_cast<std::size_t>(got) - at, block.size() - start);
      out.intact = out.intact && std::memcmp(buffer.data() + at, block.data() + start, size) == 0;
      at += size;
    }
    out.bytes += static_cast<std::uint64_t>(got);
  }
  return out;
}

std::string Socket::receive(std::size_t length, Limit limit, int* error) {
  const auto deadline = Clock::now() + limit;
  std::string out(length, '\0');
  std::size_t have = 0;
  if (error != nullptr) *error = 0;
  while (have < length) {
    const ssize_t got = ::recv(fd_, out.data() + have, length - have, MSG_DONTWAIT);
    if (got > 0) {
      have += static_cast<std::size_t>(got);
    } else if (got == 0 || errno != EAGAIN || !wait_for(fd_, POLLIN, deadline)) {
      if (error != nullptr && got < 0) *error = errno == EAGAIN ? ETIME : errno;
      break;
    }
  }
  return out.resize(have), out;
}

int Socket::wait_error(Limit limit) {
  int error = 0;
  while (!receive(65536, limit, &error).empty() && error == 0) {}
  return error;
}

int Socket::send_to(std::string_view datagram, const Address& to) {
  return ::sendto(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL, to.raw(), to.length) < 0 ? errno : 0;
}

std::optional<std::string> Socket::receive_from(Limit limit, Address* from) {
  if (!readable(limit)) return std::nullopt;
  std::string out(65536, '\0');
  Address peer;
  const ssize_t got = ::recvfrom(fd_, out.data(), out.size(), MSG_DONTWAIT, peer.raw(), &peer.length);
  if (got < 0) return std::nullopt;
  if (from != nullptr) *from = peer;
  return out.resize(static_cast<std::size_t>(got)), out;
}

Socket make_socket(const Namespace& where, int family, int type, int protocol) {
  const In in(where);
  Socket made(::socket(family, type | SOCK_CLOEXEC, protocol));
  if (!made) give_up("socket");
  return made;
}

Socket listen_at(const Namespace& where, const std::string& address, int port, int backlog) {
  const Address at(address, port);
  Socket made = make_socket(where, at.family(), SOCK_STREAM);
  made.set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (at.family() == AF_INET6) made.set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(made.fd(), at.raw(), at.length) != 0) give_up("bind " + address);
  if (::listen(made.fd(), backlog) != 0) give_up("listen");
  return made;
}

Socket bind_at(const Namespace& where, const std::string& address, int port) {
  const Address at(address, port);
  Socket made = make_socket(where, at.family(), SOCK_DGRAM);
  if (at.family() == AF_INET6) made.set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(made.fd(), at.raw(), at.length) != 0) give_up("bind " + address);
  return made;
}

Socket datagrams_to(const Namespace& where, const std::string& address, int port) {
  const Address to(address, port);
  Socket made = make_socket(where, to.family(), SOCK_DGRAM);
  if (::connect(made.fd(), to.raw(), to.length) != 0) give_up("connect " + address);
  return made;
}

Connected connect_from(const Namespace& where, const std::string& address, int port, Limit limit) {
  const Address to(address, port);
  Connected out{.socket = make_socket(where, to.family(), SOCK_STREAM | SOCK_NONBLOCK)};
  const auto start = Clock::now();
  if (::connect(out.socket.fd(), to.raw(), to.length) != 0) {
    out.error = errno;
    if (errno == EINPROGRESS) out.error = wait_for(out.socket.fd(), POLLOUT, start + limit) ? out.socket.get(SOL_SOCKET, SO_ERROR) : ETIME;
  }
  out.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  return out;
}

}  // namespace world
