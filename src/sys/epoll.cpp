// epoll(7). No call to remove: closing the last descriptor of a socket does that.
#include "sys/epoll.h"

#include "sys/call.h"

namespace sys {

Result<Fd> make_epoll() {
  Fd made(SYS(::epoll_create1(EPOLL_CLOEXEC)));
  if (!made.valid()) return fail_errno("make an epoll instance");
  return made;
}

int watch_edges(const Fd& epoll, int fd, std::uint32_t events, std::uint64_t number) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = number;
  if (SYS(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event)) == 0) return 0;
  // It goes on under another number, and tells its state anew.
  if (errno == EEXIST && SYS(::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, fd, &event)) == 0) return 0;
  return errno;
}

std::size_t wait_edges(const Fd& epoll, std::span<epoll_event> into, int milliseconds) {
  const int found = ::epoll_wait(epoll.get(), into.data(), static_cast<int>(into.size()), milliseconds);
  return found < 0 ? 0 : static_cast<std::size_t>(found);
}

}  // namespace sys
