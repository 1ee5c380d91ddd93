// The loop of pid 1: three descriptors, one thread.
#include "supervise/init.h"

#include "base/units.h"
#include "supervise/handshake.h"
#include "supervise/sandbox.h"
#include "sys/file.h"
#include "sys/moves.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/capability.h>
#include <sys/wait.h>

namespace supervise {

namespace {

constexpr std::size_t most_mountinfo = 64 << 20;

// What a keyboard sends goes to the whole foreground job, as a terminal would; the rest to the payload alone.
bool is_for_group(int signal) {
  constexpr std::array keyboard{SIGINT, SIGQUIT, SIGTSTP, SIGHUP, SIGCONT, SIGWINCH};
  return std::ranges::find(keyboard, signal) != keyboard.end();
}

// The payload has ended: whatever it left behind ends too, and is waited for before anybody is told. In a pid namespace
// that is not ours only the control group knows what that is, and the launcher sees to it.
Result<> end_sandbox(const Init& init, int status) {
  const bool alone = !init.complaints.reader.valid();
  if (std::optional<Error> complaint = TRY(init.complaints.take()))
    return send(init.channel, Message{.kind = MessageKind::failed, .number = 0, .text = {}, .error = *std::move(complaint), .attached = {}});
  const rusage usage = TRY(alone ? sys::end_all_others() : sys::usage_of_children());
  return send(init.channel, Message{.kind = MessageKind::ended, .number = status,
                                    .text = std::string(reinterpret_cast<const char*>(&usage), sizeof usage), .error = {}, .attached = {}});
}

// True when the payload has ended.
Result<bool> reap(Init& init) {
  while (true) {
    const sys::ChildEvent event = TRY(sys::next_child_event());
    if (event.pid == 0) return false;
    if (event.pid != init.payload || WIFCONTINUED(event.status)) continue;
    if (!WIFSTOPPED(event.status)) {
      init.payload = 0;  // waited for: from here on the number may be somebody else's
      TRY(end_sandbox(init, event.status));
      return true;
    }
    TRY(send(init.channel, Message{.kind = MessageKind::stopped, .number = WSTOPSIG(event.status), .text = {}, .error = {}, .attached = {}}));
  }
}

Result<> tell_lost(const Init& init, const std::string& path) {
  return send(init.channel, Message{.kind = MessageKind::mask_lost, .number = 0, .text = path, .error = {}, .attached = {}});
}

// True when a mask is gone: the host renamed over its file, or removed it.
Result<bool> check_masks(const Init& init) {
  TRY(sys::rewind_file(init.mountinfo, "mountinfo"));
  const std::string now = TRY(sys::read_fd(init.mountinfo, "mountinfo", most_mountinfo));
  const std::string* lost = lost_mask(init.masks, now);
  if (lost == nullptr) return false;
  TRY(tell_lost(init, *lost));
  return true;
}

// True when a mask was carried off: the host gave its file, or a directory above it, another name.
Result<bool> check_moves(const Init& init) {
  const int number = TRY(sys::next_move(init.moves));
  for (const auto& [watch, path] : init.move_numbers)
    if (number != 0 && watch == number) {
      TRY(tell_lost(init, path));
      return true;
    }
  return false;
}

}  // namespace

// Only what was written before the end counts: a process inside may hold the pipe open.
Result<std::optional<Error>> Complaints::take() const {
  if (!reader.valid()) return std::optional<Error>{};
  TRY(sys::set_nonblocking(reader.get(), true));
  const sys::Chunk chunk = TRY(sys::read_available(reader.get(), sizeof(std::int64_t)));
  std::int64_t number = 0;
  if (chunk.bytes.size() != sizeof number) return std::optional<Error>{};
  std::memcpy(&number, chunk.bytes.data(), sizeof number);
  return std::optional(explain(static_cast<int>(-number)));
}

const std::string* lost_mask(const std::vector<std::pair<std::uint64_t, std::string>>& masks, std::string_view mountinfo) {
  std::vector<std::uint64_t> present;
  for (const std::string& line : split(mountinfo, '\n'))
    if (const auto id = parse_number(std::string_view(line).substr(0, line.find(' '))); id) present.push_back(*id);
  for (const auto& [id, path] : masks)
    if (std::ranges::find(present, id) == present.end()) return &path;
  return nullptr;
}

Result<> keep_signalling_only() {
  TRY(sys::lock_securebits(true));
  TRY(sys::keep_capabilities({CAP_KILL}));
  return sys::set_no_new_privileges();
}

Result<bool> obey(const sys::Fd& channel, pid_t command) {
  const std::optional<Message> message = TRY(receive(channel));
  if (!message) return true;
  if (message->kind == MessageKind::resume) TRY(sys::send_signal_to(-command, SIGCONT));
  if (message->kind == MessageKind::signal)
    TRY(sys::send_signal_to(is_for_group(message->number) ? -command : command, message->number));
  return false;
}

Result<> run_init(Init& init) {
  std::array<sys::Watch, 4> watches{{{init.channel.get(), POLLIN}, {init.signals.get(), POLLIN},
                                     {init.mountinfo.get(), POLLPRI}, {init.moves.get(), POLLIN}}};  // poll(2) ignores a descriptor of -1
  bool settled = false;  // a short command is not worth the call
  while (true) {
    TRY(sys::wait_for_events(watches, settled ? std::chrono::milliseconds(-1) : settle_time));
    const bool quiet = std::ranges::all_of(watches, [](const sys::Watch& watch) { return watch.happened == 0; });
    if (quiet && !settled) sys::release_idle_memory();
    settled = settled || quiet;
    if (watches[0].happened != 0 && TRY(obey(init.channel, init.payload))) return {};
    if (watches[2].happened != 0 && TRY(check_masks(init))) return {};
    if (watches[3].happened != 0 && TRY(check_moves(init))) return {};
    if (watches[1].happened == 0) continue;
    while (TRY(sys::read_signal(init.signals)) != 0) {}
    if (TRY(reap(init))) return {};
  }
}

Result<> end_among_others(const Init& init) {
  if (init.payload == 0 || !init.complaints.reader.valid()) return {};
  TRY(sys::send_signal_to(init.payload, SIGKILL));
  TRY(sys::wait_process({.pid = init.payload, .pidfd = {}}));
  return {};
}

}  // namespace supervise
