// The headers of a batch live on the stack: they are rebuilt for each call, which the kernel's copies dwarf.
#include "sys/datagram.h"

#include "sys/call.h"
#include "sys/socket_address.h"

#include <algorithm>
#include <linux/errqueue.h>
#include <linux/udp.h>

namespace sys {

namespace {

union SegmentControl {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr aligned;
};

// The kernel gives an int for UDP_GRO and takes a u16 for UDP_SEGMENT.
std::uint16_t segment_of(msghdr& header) {
  for (cmsghdr* entry = CMSG_FIRSTHDR(&header); entry != nullptr; entry = CMSG_NXTHDR(&header, entry)) {
    if (entry->cmsg_level != IPPROTO_UDP || entry->cmsg_type != UDP_GRO) continue;
    int size = 0;
    std::memcpy(&size, CMSG_DATA(entry), sizeof size);
    return static_cast<std::uint16_t>(size);
  }
  return 0;
}

void ask_segments(msghdr& header, SegmentControl& control, std::uint16_t size) {
  header.msg_control = control.bytes, header.msg_controllen = CMSG_SPACE(sizeof size);
  cmsghdr* entry = CMSG_FIRSTHDR(&header);
  entry->cmsg_level = IPPROTO_UDP, entry->cmsg_type = UDP_SEGMENT, entry->cmsg_len = CMSG_LEN(sizeof size);
  std::memcpy(CMSG_DATA(entry), &size, sizeof size);
}

}  // namespace

IoCount receive_datagrams(const Fd& socket, std::span<const iovec> into, std::span<ReceivedDatagram> received) {
  std::array<mmsghdr, datagrams_per_call> headers;
  std::array<SegmentControl, datagrams_per_call> controls;
  std::array<SocketAddress, datagrams_per_call> names;
  const std::size_t most = std::min({into.size(), received.size(), headers.size()});
  for (std::size_t i = 0; i < most; ++i) {
    headers[i] = {};
    msghdr& header = headers[i].msg_hdr;
    names[i].plain.sa_family = AF_UNSPEC;
    header.msg_name = &names[i], header.msg_namelen = sizeof names[i];
    header.msg_iov = const_cast<iovec*>(&into[i]), header.msg_iovlen = 1;
    header.msg_control = controls[i].bytes, header.msg_controllen = sizeof controls[i].bytes;
  }
  const int got = SYS(::recvmmsg(socket.get(), headers.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr));
  if (got < 0) return {-1, errno};
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i)
    received[i] = {.size = headers[i].msg_len, .segment = segment_of(headers[i].msg_hdr),
                   .truncated = (headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0, .from = from_kernel(names[i])};
  return {got, 0};
}

IoCount send_datagrams(const Fd& socket, std::span<const OutgoingDatagram> datagrams) {
  std::array<mmsghdr, datagrams_per_call> headers;
  std::array<SegmentControl, datagrams_per_call> controls;
  std::array<SocketAddress, datagrams_per_call> names;
  const std::size_t most = std::min(datagrams.size(), headers.size());
  for (std::size_t i = 0; i < most; ++i) {
    headers[i] = {};
    msghdr& header = headers[i].msg_hdr;
    const OutgoingDatagram& out = datagrams[i];
    header.msg_iov = const_cast<iovec*>(out.pieces.data()), header.msg_iovlen = out.pieces.size();
    if (out.to != nullptr) header.msg_namelen = to_kernel(*out.to, names[i]), header.msg_name = &names[i];
    if (out.segment != 0) ask_segments(header, controls[i], out.segment);
  }
  const int sent = SYS(::sendmmsg(socket.get(), headers.data(), static_cast<unsigned>(most), MSG_DONTWAIT | MSG_NOSIGNAL));
  return {sent, sent < 0 ? errno : 0};
}

bool next_queued_error(const Fd& socket, std::span<std::byte> payload, QueuedError& into) {
  alignas(cmsghdr) char control[512];
  SocketAddress target{};
  iovec piece{payload.data(), payload.size()};
  msghdr header{};
  header.msg_name = &target, header.msg_namelen = sizeof target;
  header.msg_iov = &piece, header.msg_iovlen = 1;
  header.msg_control = control, header.msg_controllen = sizeof control;
  const ssize_t got = SYS(::recvmsg(socket.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT));
  if (got < 0) return false;
  into = {};
  into.payload = static_cast<std::size_t>(got), into.target = from_kernel(target);
  // Others (timestamps, IP_PKTINFO) may stand before the one that is looked for.
  for (cmsghdr* entry = CMSG_FIRSTHDR(&header); entry != nullptr; entry = CMSG_NXTHDR(&header, entry)) {
    const bool v4 = entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_RECVERR;
    const bool v6 = entry->cmsg_level == IPPROTO_IPV6 && entry->cmsg_type == IPV6_RECVERR;
    if ((!v4 && !v6) || entry->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
    sock_extended_err error;
    std::memcpy(&error, CMSG_DATA(entry), sizeof error);
    into.error = static_cast<int>(error.ee_errno), into.type = error.ee_type, into.code = error.ee_code;
    into.mtu = into.error == EMSGSIZE ? error.ee_info : 0;
    into.origin = error.ee_origin == SO_EE_ORIGIN_LOCAL ? QueuedError::Origin::local
                : error.ee_origin == SO_EE_ORIGIN_ICMP  ? QueuedError::Origin::icmp
                : error.ee_origin == SO_EE_ORIGIN_ICMP6 ? QueuedError::Origin::icmp6 : QueuedError::Origin::other;
    SocketAddress offender{};
    const std::size_t room = entry->cmsg_len - CMSG_LEN(sizeof error);
    std::memcpy(&offender, CMSG_DATA(entry) + sizeof error, std::min(room, sizeof offender));
    into.has_offender = offender.plain.sa_family != AF_UNSPEC, into.offender = from_kernel(offender);
  }
  return true;
}

}  // namespace sys
