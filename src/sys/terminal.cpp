// Terminals and pseudo terminals.
#include "sys/terminal.h"

#include "sys/call.h"

#include <fcntl.h>
#include <unistd.h>

namespace sys {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

Result<termios> terminal_settings(int fd) {
  termios settings{};
  if (SYS(::tcgetattr(fd, &settings)) < 0) return fail_errno("read terminal settings");
  return settings;
}

Result<> set_terminal_settings(int fd, const termios& settings) {
  if (SYS(::tcsetattr(fd, TCSADRAIN, &settings)) < 0) return fail_errno("set terminal settings");
  return {};
}

Result<> drop_unread_input(int fd) {
  if (SYS(::tcflush(fd, TCIFLUSH)) < 0) return fail_errno("drop what was typed");
  return {};
}

termios raw_settings(termios settings) {
  ::cfmakeraw(&settings);
  return settings;
}

Result<winsize> window_size(int fd) {
  winsize size{};
  if (SYS(::ioctl(fd, TIOCGWINSZ, &size)) < 0) return fail_errno("read the window size");
  return size;
}

Result<> set_window_size(int fd, const winsize& size) {
  if (SYS(::ioctl(fd, TIOCSWINSZ, &size)) < 0) return fail_errno("set the window size");
  return {};
}

Result<bool> is_in_foreground(int fd) {
  const pid_t group = SYS(::tcgetpgrp(fd));
  if (group < 0 && errno == ENOTTY) return true;
  if (group < 0) return fail_errno("read the foreground group");
  return group == ::getpgrp();
}

Result<> set_foreground_group(int fd, pid_t group) {
  if (SYS(::tcsetpgrp(fd, group)) < 0) return fail_errno("set the foreground group");
  return {};
}

Result<Pty> open_pty(const Fd& devpts) {
  const int master = SYS(::openat(devpts.get(), "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (master < 0) return fail_errno("open a terminal");
  Pty pty{.master = Fd(master), .slave = {}};
  int locked = 0;
  if (SYS(::ioctl(master, TIOCSPTLCK, &locked)) < 0) return fail_errno("unlock the terminal");
  const int slave = SYS(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (slave < 0) return fail_errno("open the terminal's other side");
  pty.slave = Fd(slave);
  return pty;
}

Result<> make_controlling_terminal(const Fd& slave) {
  if (SYS(::ioctl(slave.get(), TIOCSCTTY, 0)) < 0) return fail_errno("make the terminal the controlling one");
  return {};
}

Result<Chunk> read_available(int fd, std::size_t limit) {
  Chunk chunk;
  chunk.bytes.resize(limit);
  const ssize_t got = SYS(::read(fd, chunk.bytes.data(), limit));
  chunk.bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got == 0 || (got < 0 && errno == EIO)) chunk.ended = true;
  else if (got < 0 && errno != EAGAIN && errno != EINTR) return fail_errno("read the terminal");
  return chunk;
}

Result<std::size_t> write_available(int fd, std::string_view bytes) {
  const ssize_t wrote = SYS(::write(fd, bytes.data(), bytes.size()));
  if (wrote >= 0) return static_cast<std::size_t>(wrote);
  if (errno == EAGAIN || errno == EINTR) return std::size_t{0};
  return fail_errno("write to the terminal");
}

Result<> set_nonblocking(int fd, bool value) {
  const int flags = SYS(::fcntl(fd, F_GETFL));
  if (flags < 0) return fail_errno("read descriptor flags");
  if (SYS(::fcntl(fd, F_SETFL, value ? flags | O_NONBLOCK : flags & ~O_NONBLOCK)) < 0) return fail_errno("set descriptor flags");
  return {};
}

Result<int> unread_bytes(int fd) {
  int count = 0;
  if (SYS(::ioctl(fd, FIONREAD, &count)) < 0) return fail_errno("count unread bytes");
  return count;
}

}  // namespace sys
