// Non-blocking Internet sockets (ip(7), ipv6(7), tcp(7), udp(7)) for code that runs per packet: no allocation, and
// instead of a worded error the bare errno, which the caller turns into an ICMP message or a reset.
#pragma once

#include "sys/fd.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace sys {

// Sixteen bytes in network order, IPv4 in its mapped form.
struct InetAddress {
  std::array<std::uint8_t, 16> bytes{};
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  // of an IPv6 link-local address
  bool is_v4() const;
};

struct IoCount {
  ssize_t count = -1;
  int error = 0;  // errno where count is negative
  bool would_block() const;
};

enum class Transport { stream, datagram, ping };
struct NewSocket { Fd fd; int error = 0; };
NewSocket make_inet_socket(bool v4, Transport transport);

// What may be set; the engine's filter lets through exactly this table.
enum class SocketOption : unsigned char {
  reuse_address, v6_only, no_delay, not_sent_low_water, keep_alive, out_of_band_inline, reset_on_close,
  v4_errors, v6_errors, v4_mtu_discovery, v6_mtu_discovery, v4_ttl, v6_hops, receive_groups, send_buffer, receive_buffer,
  count_
};
struct OptionNumber { int level, name; };
extern const std::array<OptionNumber, static_cast<std::size_t>(SocketOption::count_)> option_numbers;
int set_option(const Fd& socket, SocketOption option, int value);  // 0 or errno

// All return 0 or the errno.
int bind_to(const Fd& socket, const InetAddress& address);
int connect_to(const Fd& socket, const InetAddress& address);
int listen_on(const Fd& socket, int backlog);
int shut_down_sending(const Fd& socket);
int take_socket_error(const Fd& socket);                 // SO_ERROR, which is cleared
int own_address(const Fd& socket, InetAddress& into);    // getsockname(2)
int path_mtu(const Fd& socket, bool v4);                 // of a connected socket; 0: unknown
NewSocket accept_from(const Fd& listener, InetAddress& peer);

std::string error_text(int error);                       // "Address already in use"

// Streams, and anything else that is a file.
enum class Wait : bool { no, yes };  // of a socket that is not non-blocking itself
IoCount send_pieces(const Fd& socket, std::span<const iovec> pieces, Wait wait = Wait::no);
IoCount receive_bytes(const Fd& socket, std::span<std::byte> into);
IoCount receive_pieces(const Fd& socket, std::span<const iovec> into);
IoCount read_bytes(const Fd& file, std::span<std::byte> into);
IoCount write_pieces(const Fd& file, std::span<const iovec> pieces);

}  // namespace sys
