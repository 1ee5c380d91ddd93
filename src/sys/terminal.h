// Terminals: ioctl_tty(2), termios(3), pts(4).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

namespace sys {

bool is_terminal(int fd);
Result<termios> terminal_settings(int fd);
Result<> set_terminal_settings(int fd, const termios& settings);  // after what is queued for output (TCSADRAIN)
termios raw_settings(termios settings);                          // cfmakeraw(3)
Result<winsize> window_size(int fd);
Result<> set_window_size(int fd, const winsize& size);
Result<bool> is_in_foreground(int fd);               // our process group; true too where it is not our terminal
Result<> set_foreground_group(int fd, pid_t group);  // SIGTTOU must be blocked

Result<> drop_unread_input(int fd);                  // tcflush(3)

struct Pty { Fd master, slave; };
// From the devpts mounted at `devpts` (a directory descriptor): its own instance, not the host's.
Result<Pty> open_pty(const Fd& devpts);
Result<> make_controlling_terminal(const Fd& slave);  // of the calling session leader

// What can be read now, at most `limit` bytes; empty with `ended` at end of file (EIO on a pty's master).
struct Chunk { std::string bytes; bool ended = false; };
Result<Chunk> read_available(int fd, std::size_t limit);
// As many as go without blocking; the count.
Result<std::size_t> write_available(int fd, std::string_view bytes);
Result<> set_nonblocking(int fd, bool value);
Result<int> unread_bytes(int fd);  // FIONREAD

}  // namespace sys
