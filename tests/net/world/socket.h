// Sockets as test code wants them: one owner, numeric addresses of either family, a limit on every wait, errno as
// a name. They can be made in any network namespace (namespaces.h) and stay in it.
#pragma once

#include "world/namespaces.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace world {

using namespace std::chrono_literals;
using Limit = std::chrono::milliseconds;

struct Address {
  sockaddr_storage bytes{};
  socklen_t length = sizeof bytes;

  Address() = default;
  Address(const std::string& numeric, int port);
  int family() const { return bytes.ss_family; }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&bytes); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  std::string host() const;
  int port() const;
};

std::string errno_name(int error);  // "ECONNREFUSED"; 0 is "ok"

// Byte `at` of a stream that repeats so late that bytes lost, doubled or out of order show.
char pattern(std::uint64_t at);
std::string pattern(std::uint64_t at, std::size_t length);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& from) noexcept : fd_(from.release()) {}
  Socket& operator=(Socket&& from) noexcept;
  ~Socket() { close(); }

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void close();
  void reset();                                   // SO_LINGER {1, 0}: the peer gets a RST
  void set(int level, int option, int value);     // setsockopt; a failure fails the test
  int get(int level, int option) const;

  bool readable(Limit limit) const;
  std::optional<Socket> accept(Limit limit = 5s, Address* from = nullptr);
  Address name() const;                           // getsockname
  Address peer() const;

  // 0, or the errno; ETIME when the limit passed.
  int send_all(std::string_view bytes, Limit limit = 10s);
  int send_pattern(std::uint64_t length, Limit limit = 60s, std::uint64_t from = 0);
  struct Received {
    std::uint64_t bytes = 0;
    bool intact = true;                           // as pattern() says
    bool ended = false;                           // end of file
    int error = 0;                                // errno; ETIME when the limit passed
  };
  Received receive_pattern(std::uint64_t length, Limit limit = 60s, std::uint64_t from = 0);  // or to the end of file
  std::string receive(std::size_t length, Limit limit = 5s, int* error = nullptr);  // so much, or to the end
  int wait_error(Limit limit = 5s);               // until the peer's RST or end: ECONNRESET…, 0 for the end

  int send_to(std::string_view datagram, const Address& to);                        // 0 or errno
  std::optional<std::string> receive_from(Limit limit = 2s, Address* from = nullptr);  // a datagram

 private:
  int fd_ = -1;
};

// In the namespace given. A failure is an exception: gtest reports it.
Socket make_socket(const Namespace& where, int family, int type, int protocol = 0);
Socket listen_at(const Namespace& where, const std::string& address, int port, int backlog = 1024);
Socket bind_at(const Namespace& where, const std::string& address, int port);  // UDP
Socket datagrams_to(const Namespace& where, const std::string& address, int port);  // UDP, connected

struct Connected {
  Socket socket;
  int error = 0;                                  // of connect(); ETIME when the limit passed
  std::chrono::microseconds took{};
};
Connected connect_from(const Namespace& where, const std::string& address, int port, Limit limit = 10s);

}  // namespace world
