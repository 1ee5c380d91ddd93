// inotify(7), for IN_MOVE_SELF only.
#include "sys/moves.h"

#include "sys/call.h"

#include <cstring>
#include <sys/inotify.h>
#include <unistd.h>

namespace sys {

Result<Fd> make_move_watch() {
  const int fd = SYS(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (fd < 0 && errno == EMFILE)
    return fail_hint("raise fs.inotify.max_user_instances, as root: sysctl", "inotify: too many instances of this user");
  if (fd < 0) return fail_errno("inotify");
  return Fd(fd);
}

Result<int> watch_for_move(const Fd& moves, const Fd& file, const std::string& shown) {
  const std::string path = text("/proc/self/fd/", file.get());
  const int number = SYS(::inotify_add_watch(moves.get(), path.c_str(), IN_MOVE_SELF));
  if (number < 0 && errno == EACCES) return 0;
  if (number < 0) return fail_errno("watch ", printable(shown));
  return number;
}

Result<int> next_move(const Fd& moves) {
  alignas(inotify_event) char block[4096];
  while (true) {
    const ssize_t got = SYS(::read(moves.get(), block, sizeof block));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got < 0) return fail_errno("read inotify");
    for (ssize_t at = 0; at < got;) {
      inotify_event event;
      std::memcpy(&event, block + at, sizeof event);
      if ((event.mask & IN_MOVE_SELF) != 0) return event.wd;  // the first is enough: the sandbox ends
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace sys
