// The user's terminal outside and the sandbox's own pty inside.
//
// Theory of operation. Each of descriptors 0–2 that is the user's terminal is replaced inside by the slave of
// a pty from the sandbox's own devpts; the launcher holds the master and copies. Three shapes follow from
// which of 0 and 1 were terminals:
//
//   both      the user's terminal is raw: every key goes to the master at once, and the inner line discipline
//             turns ^C and ^Z into signals for the inner foreground job. Window size follows SIGWINCH.
//   only 0    (sbx -- git log | less) the terminal belongs to the job, not to us: it stays cooked, and nothing
//             is read from it until a process inside waits for input, so that less gets its keys. The inner
//             terminal does not echo: the outer one has.
//   not 0     (echo x | sbx -- cat) output only; the inner terminal does no output processing, the outer does.
//
// Cooked terminals send ^C and ^Z to the launcher as signals; it passes them on. When the payload stops, the
// launcher restores the terminal and stops its own process group; at `fg` it takes the terminal again and
// resumes the payload. In the background it stops before it touches the terminal. The settings are restored on
// every way out, errors included, by the destructor; only SIGKILL of the launcher leaves them (the shell's own
// line editor then sets its own).
//
// The user's terminal is reopened for writing without blocking, so that ^S outside never stops the loop: what
// cannot be written stays queued, and the master is not read meanwhile.
#pragma once

#include "base/result.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace supervise {

class Terminal {
 public:
  // `own`: which of 0–2 the pty replaces; `init`: whose descendants may wait for input.
  static Result<std::unique_ptr<Terminal>> take(sys::Fd master, std::array<bool, 3> own, pid_t init);
  Terminal(const Terminal&) = delete;  // it stays where it is: the destructor gives the terminal back once
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  std::vector<sys::Watch> watches() const;           // to poll for
  Result<> copy(const std::vector<sys::Watch>& happened);
  bool is_users() const { return shown_ >= 0; }      // one of 0–2 is a terminal of the user's
  std::chrono::milliseconds next_look() const;       // when an only-0 terminal has keys nobody waits for yet
  Result<> follow_window_size();
  Result<> release();                                // back to how the user had it
  Result<> reclaim();                                // after `fg`
  Result<> drain();                                  // the rest of the output, after the end

 private:
  Terminal() = default;
  Result<bool> wait_for_foreground(int signal);      // false: it will not come, for an end or for want of a shell
  Result<> read_input();
  Result<> read_output();
  Result<> write_queued();

  sys::Fd master_, output_;        // output_: our own open description of the user's terminal
  int input_ = -1, shown_ = -1;    // descriptors of the user's terminal: for keys, for settings and size
  bool raw_ = false, shared_ = false, input_ended_ = false, output_ended_ = false, held_ = false, waiting_ = false;
  std::optional<termios> before_;
  std::string to_output_, to_master_;
  pid_t init_ = 0;
};

// True when a process below `init` waits for terminal input, as far as /proc tells; true when it does not tell.
Result<bool> somebody_waits_for_input(pid_t init);

}  // namespace supervise
