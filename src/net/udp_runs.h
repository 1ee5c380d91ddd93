// Datagrams of one flow that may travel as one: all of the same size but for the last, which may be shorter. The
// kernel cuts such a run again (UDP_SEGMENT, udp(7); VIRTIO_NET_HDR_GSO_UDP_L4), and on the way it costs one system
// call, one route and one checksum. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace net {

inline constexpr std::size_t largest_run = 65000, most_in_run = 64;

// How many of the first datagrams go together, at least one; `largest` is the size from which on a datagram must go
// alone, since the path would not take it as a segment.
inline std::size_t run_length(std::span<const std::size_t> sizes, std::size_t largest) {
  if (sizes.size() < 2 || sizes[0] == 0 || sizes[0] > largest) return 1;
  std::size_t count = 1, total = sizes[0];
  while (count < sizes.size() && count < most_in_run && sizes[count] != 0 && sizes[count] <= sizes[0] &&
         total + sizes[count] <= largest_run) {
    total += sizes[count++];
    if (sizes[count - 1] < sizes[0]) break;
  }
  return count;
}

}  // namespace net
