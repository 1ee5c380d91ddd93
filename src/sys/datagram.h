// Datagrams in batches (recvmmsg(2), sendmmsg(2)), with segmentation offload (udp(7) UDP_SEGMENT, UDP_GRO), and the
// error queue of a socket (ip(7) IP_RECVERR). Nothing is allocated.
#pragma once

#include "sys/inet.h"

namespace sys {

inline constexpr std::size_t datagrams_per_call = 64;

struct ReceivedDatagram {
  std::size_t size = 0;
  std::uint16_t segment = 0;  // not 0: several datagrams of this size, the last may be shorter
  bool truncated = false;
  InetAddress from;
};
// One datagram into each of `into`, as many as there are; count: how many.
IoCount receive_datagrams(const Fd& socket, std::span<const iovec> into, std::span<ReceivedDatagram> received);

struct OutgoingDatagram {
  std::span<const iovec> pieces;
  std::uint16_t segment = 0;        // not 0: the kernel cuts it into datagrams of this size
  const InetAddress* to = nullptr;  // where the socket is not connected
};
IoCount send_datagrams(const Fd& socket, std::span<const OutgoingDatagram> datagrams);  // count: how many went

struct QueuedError {
  enum class Origin { local, icmp, icmp6, other };
  int error = 0;
  Origin origin = Origin::other;
  std::uint8_t type = 0, code = 0;   // of the ICMP message
  std::uint32_t mtu = 0;             // of EMSGSIZE
  bool has_offender = false;
  InetAddress offender, target;      // who sent the message; where the datagram was going
  std::size_t payload = 0;           // bytes of the datagram that came back
};
// False: the queue is empty.
bool next_queued_error(const Fd& socket, std::span<std::byte> payload, QueuedError& into);

}  // namespace sys
