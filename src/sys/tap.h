// A network device whose other end is a descriptor (Documentation/networking/tuntap.rst).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace sys {

// A tap device of this name in the caller's network namespace; it lives as long as the descriptor. Each frame has a
// virtio_net header of 10 bytes before it: with 10, not 12, the IP header behind the Ethernet header is aligned.
Result<Fd> make_tap(const std::string& name);

// Frames may come and go with checksums left to do and TCP not yet cut into segments.
struct TapOffload {
  bool udp_segments = false;  // UDP too: since 6.2
  bool big_tcp = false;       // TCP written to it beyond 64 KiB: since 6.6, where it finds the room for such a frame
};
Result<TapOffload> set_tap_offload(const Fd& tap);

// Reads find nothing instead of waiting.
Result<> make_non_blocking(const Fd& file, const std::string& name);

}  // namespace sys
