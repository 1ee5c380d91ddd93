// Edge-triggered readiness (epoll(7)). A descriptor is registered once; the number given with it comes back with
// every event, so a caller can put an index and a generation into it.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <span>
#include <sys/epoll.h>

namespace sys {

Result<Fd> make_epoll();
// Returns 0 or the errno: the caller refuses one flow, it does not end.
int watch_edges(const Fd& epoll, int fd, std::uint32_t events, std::uint64_t number);
// The events that happened, none after `milliseconds` (-1: no limit) or an interruption.
std::size_t wait_edges(const Fd& epoll, std::span<epoll_event> into, int milliseconds);

}  // namespace sys
