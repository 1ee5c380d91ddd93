// `sbx logs`: what a detached sandbox has written. Its log is looked at again and again, so that nothing depends on the
// launcher: it may be gone, and its log still worth reading.
#include "cli/report.h"
#include "cli/sandboxes.h"
#include "supervise/state.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>

namespace cli {

namespace {

constexpr std::chrono::milliseconds look_interval{100};

// False when whoever read the output is gone.
Result<bool> print_rest(const sys::Fd& file) {
  while (true) {
    const sys::Chunk chunk = TRY(sys::read_available(file.get(), 64 << 10));
    if (chunk.bytes.empty()) return true;
    const auto printed = sys::write_all(1, "standard output", chunk.bytes);
    if (!printed && printed.error().code == EPIPE) return false;
    if (!printed) return std::unexpected<Error>(printed.error());
  }
}

struct Follower {
  std::string sandboxes, name;
  sys::Fd directory;

  Result<std::optional<sys::Fd>> open(const char* file) const {
    return sys::open_at_if_exists(directory, file, O_RDONLY | O_NOFOLLOW, text("the log of '", name, "'"));
  }
  Result<> run(bool follow) const;
};

Result<> Follower::run(bool follow) const {
  std::optional<sys::Fd> current = TRY(open("log"));
  if (!current) return fail_hint("only sbx -d writes one", "the sandbox '", name, "' has no log");
  std::uint64_t inode = TRY(sys::stat_fd(current->get(), "log")).inode;
  const std::optional<sys::Fd> older = TRY(open("log.1"));
  // It became the older one between the two looks.
  const bool same = older && TRY(sys::stat_fd(older->get(), "log.1")).inode == inode;
  if (older && !same && !TRY(print_rest(*older))) return {};
  while (true) {
    const std::optional<supervise::Found> found = TRY(supervise::find_sandbox(sandboxes, name));
    if (!TRY(print_rest(*current))) return {};
    std::optional<sys::Fd> next = TRY(open("log"));
    const std::uint64_t newest = next ? TRY(sys::stat_fd(next->get(), "log")).inode : inode;
    if (newest != inode) {
      if (!TRY(print_rest(*current))) return {};  // what came before it was renamed
      current = std::move(next), inode = newest;
      continue;
    }
    if (!follow || !found || !found->alive) return {};
    TRY(sys::wait_for_events({}, look_interval));
  }
}

}  // namespace

int logs(const Options& options) {
  const auto show = [&]() -> Result<> {
    Follower follower{.sandboxes = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME"))),
                      .name = options.operands[0], .directory = {}};
    follower.directory = TRY(supervise::open_state(follower.sandboxes, follower.name));
    return follower.run(options.follow);
  };
  const Result<> shown = show();
  return shown ? 0 : print_error(shown.error());
}

}  // namespace cli
