// Copying between the user's terminal and the pty. See tty.h for how it works.
#include "supervise/tty.h"

#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>

namespace supervise {

namespace {

constexpr std::size_t most_queued = 64 << 10;
constexpr std::chrono::milliseconds look_interval{30};

// A description of our own, so that O_NONBLOCK is not set for everybody who shares the terminal. After su(1) the
// terminal belongs to somebody else and cannot be opened again: then a write may wait, as any program's does.
Result<sys::Fd> open_output(int fd) {
  if (sys::is_terminal(fd)) {
    auto own = sys::open_file(text("/proc/self/fd/", fd), O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (own || (own.error().code != EACCES && own.error().code != EPERM)) return own;
  }
  return sys::duplicate(fd);
}

}  // namespace

Result<std::unique_ptr<Terminal>> Terminal::take(sys::Fd master, std::array<bool, 3> own, pid_t init) {
  std::unique_ptr<Terminal> made(new Terminal);
  Terminal& terminal = *made;
  terminal.master_ = std::move(master);
  terminal.init_ = init;
  const bool keys = own[0], output = own[1];
  terminal.raw_ = keys && output && sys::is_terminal(0) && sys::is_terminal(1);
  terminal.shared_ = keys && !terminal.raw_ && sys::is_terminal(0);
  if (keys) terminal.input_ = 0;
  const int out = own[1] ? 1 : own[2] ? 2 : 0;
  for (const int fd : {out, 0, 1, 2})
    if (terminal.shown_ < 0 && sys::is_terminal(fd)) terminal.shown_ = fd;
  terminal.output_ = TRY(open_output(out));
  TRY(sys::set_nonblocking(terminal.master_.get(), true));
  if (terminal.shown_ >= 0) TRY(terminal.follow_window_size());
  if (!terminal.raw_ && terminal.shown_ >= 0) {
    termios inner = TRY(sys::terminal_settings(terminal.master_.get()));
    inner.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    inner.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    TRY(sys::set_terminal_settings(terminal.master_.get(), inner));
  }
  TRY(terminal.reclaim());
  return made;
}

Terminal::~Terminal() {
  // Nothing is left to do about a refusal here: the terminal itself is gone then.
  static_cast<void>(release());
}

// Whoever is in the background stops there, as vi(1) does; its shell tells of it, and `fg` goes on. What ends us must
// not wait for that.
Result<bool> Terminal::wait_for_foreground(int signal) {
  while (!TRY(sys::is_in_foreground(shown_)))
    if (TRY(sys::is_end_pending()) || !TRY(sys::stop_own_group(signal))) return false;
  return true;
}

Result<> Terminal::reclaim() {
  if (!raw_ || !TRY(wait_for_foreground(SIGTTOU))) return {};
  before_ = TRY(sys::terminal_settings(shown_));
  TRY(follow_window_size());
  held_ = true;
  return sys::set_terminal_settings(shown_, sys::raw_settings(*before_));
}

Result<> Terminal::release() {
  if (!held_ || !before_) return {};
  held_ = false;
  return sys::set_terminal_settings(shown_, *before_);
}

Result<> Terminal::follow_window_size() {
  if (shown_ < 0) return {};
  const winsize size = TRY(sys::window_size(shown_));
  return sys::set_window_size(master_.get(), size);
}

std::vector<sys::Watch> Terminal::watches() const {
  const bool read_keys = input_ >= 0 && raw_ == held_ && !input_ended_ && to_master_.size() < most_queued && !waiting_;
  const bool read_master = !output_ended_ && to_output_.size() < most_queued;
  const auto master_events = static_cast<short>((read_master ? POLLIN : 0) | (to_master_.empty() ? 0 : POLLOUT));
  return {{read_keys ? input_ : -1, POLLIN},
          {output_ended_ ? -1 : master_.get(), master_events},
          {to_output_.empty() ? -1 : output_.get(), POLLOUT}};
}

std::chrono::milliseconds Terminal::next_look() const { return waiting_ ? look_interval : std::chrono::milliseconds(-1); }

Result<> Terminal::copy(const std::vector<sys::Watch>& happened) {
  if (waiting_ || happened[0].happened != 0) TRY(read_input());
  if ((happened[1].happened & (POLLIN | POLLHUP | POLLERR)) != 0) TRY(read_output());
  if (!to_master_.empty() || !to_output_.empty()) TRY(write_queued());
  return {};
}

Result<> Terminal::read_input() {
  if (shared_) {
    waiting_ = !TRY(somebody_waits_for_input(init_));
    if (waiting_) return {};
    TRY(wait_for_foreground(SIGTTIN));  // where it will not come, the read fails, which is the end of the input
    if (!TRY(sys::wait_for_event(input_, POLLIN, std::chrono::milliseconds(0)))) return {};  // somebody else has taken it
  }
  const sys::Chunk chunk = TRY(sys::read_available(input_, 4096));
  to_master_ += chunk.bytes;
  if (!chunk.ended) return {};
  // The end of our input is ^D for a line discipline.
  const termios inner = TRY(sys::terminal_settings(master_.get()));
  to_master_ += static_cast<char>(inner.c_cc[VEOF]);
  input_ended_ = !shared_;
  return {};
}

Result<> Terminal::read_output() {
  const sys::Chunk chunk = TRY(sys::read_available(master_.get(), 16384));
  to_output_ += chunk.bytes;
  output_ended_ = chunk.ended;
  return {};
}

Result<> Terminal::write_queued() {
  if (!to_master_.empty() && !output_ended_) {
    const std::size_t wrote = TRY(sys::write_available(master_.get(), to_master_));
    to_master_.erase(0, wrote);
  }
  if (to_output_.empty()) return {};
  const std::size_t wrote = TRY(sys::write_available(output_.get(), to_output_));
  to_output_.erase(0, wrote);
  return {};
}

Result<> Terminal::drain() {
  while (!output_ended_ || !to_output_.empty()) {
    std::array<sys::Watch, 2> watches{{{output_ended_ || to_output_.size() >= most_queued ? -1 : master_.get(), POLLIN},
                                       {to_output_.empty() ? -1 : output_.get(), POLLOUT}}};
    TRY(sys::wait_for_events(watches, std::chrono::milliseconds(-1)));
    if (watches[0].happened != 0) TRY(read_output());
    if (watches[1].happened != 0) TRY(write_queued());
    if ((watches[1].happened & (POLLHUP | POLLERR)) != 0) return {};  // the user's terminal is gone
  }
  return {};
}

}  // namespace supervise
