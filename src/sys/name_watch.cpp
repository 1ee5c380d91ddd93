// inotify(7) on directories: a file that is replaced by a rename is seen only there.
#include "sys/name_watch.h"

#include "sys/call.h"

#include <sys/inotify.h>
#include <unistd.h>

namespace sys {

Result<Fd> make_name_watch() {
  const int fd = SYS(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (fd < 0) return fail_errno("inotify");
  return Fd(fd);
}

Result<> watch_names_in(const Fd& watch, const std::string& directory) {
  const std::uint32_t events = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;
  if (SYS(::inotify_add_watch(watch.get(), directory.c_str(), events)) < 0) return fail_errno("watch ", printable(directory));
  return {};
}

Result<bool> take_name_events(const Fd& watch) {
  alignas(inotify_event) char block[4096];
  bool any = false;
  while (true) {
    const ssize_t got = SYS(::read(watch.get(), block, sizeof block));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return any;
    if (got < 0) return fail_errno("read inotify");
    any = true;
  }
}

}  // namespace sys
