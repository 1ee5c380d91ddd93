// Published ports: listening sockets of the host, bound while the engine may still do so.
#pragma once

#include "net/engine_core.h"

#include <vector>

namespace net {

struct Listener {
  sys::Fd socket;
  Endpoint outside;
  std::uint16_t inside = 0;
  bool waiting = false;  // visitors are there that a turn had no time for: no further edge tells of them
};

// `udp` false: the TCP ones, already listening.
Result<std::vector<Listener>> make_listeners(const std::vector<Publish>& published, bool udp);

}  // namespace net
