// Runs a program the way a user would and keeps all that can be seen from outside: standard output and error,
// exit status, time, and what it left behind. The tests of tests/system and tests/escape are written with it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace harness {

using Words = std::vector<std::string>;
using namespace std::chrono_literals;

// The programs under test.
std::string sbx_binary();
std::string sbx_failpoints_binary();
std::string payload(std::string_view name);  // a static program of tests/payload: payload("probe")
// Each time limit of the tests is so many times longer: SBX_TEST_PATIENCE, for emulated machines; else 1.
int patience();

struct Command {
  Words argv;                                        // argv[0]: a path, or a name to look up in PATH
  std::string cwd = "/";
  std::string input = {};                            // standard input; then end of file
  Words environment = {};                            // "K=V", over clean_environment()
  bool terminal = false;                             // a pty for 0–2 and a session of its own; all output is `out`
  bool inherit_nothing = false;                      // 0–2 closed, as some daemons start programs
  std::chrono::milliseconds timeout = 30s;           // then SIGKILL, and timed_out
};

struct Outcome {
  int status = -1;                                   // exit status; -1 when a signal ended it
  int signal = 0;
  bool timed_out = false;
  std::string out, err;
  std::chrono::milliseconds elapsed{};
};

// HOME, PATH, USER, LANG, TERM, the XDG directories of run and state (and what a sanitizer build needs) of this process; nothing else.
Words clean_environment();

// A command of sbx: sbx({"--profile", "base", "--", "true"}).
Command sbx(Words arguments);

Outcome run(const Command& command);

// A running program, for tests that talk to it: ^C, ^Z, resize, kill -9 at a bad moment.
class Process {
 public:
  explicit Process(const Command& command);
  ~Process();  // kills it when the test did not wait for it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void send(std::string_view bytes);                 // to its standard input or terminal
  void close_input();
  void resize(unsigned short rows, unsigned short columns);
  void kill(int signal) const;                       // to the program alone
  // Reads until the output has `wanted` after what an earlier call found; false at the end or after `limit`.
  bool wait_for(std::string_view wanted, std::chrono::milliseconds limit = 10s);
  bool wait_stopped(std::chrono::milliseconds limit = 10s);  // SIGTSTP and friends
  const std::string& out() const { return outcome_.out; }
  int terminal() const { return output_; }           // the master's descriptor, for tcgetattr
  Outcome finish();                                  // to its end, or until its timeout

 private:
  enum class Readiness { data, quiet, ended };
  Readiness pump(std::chrono::milliseconds limit);
  void write_pending();
  void collect();

  Command command_;
  Outcome outcome_;
  std::string pending_;                              // input not yet taken
  std::size_t found_ = 0;                            // where wait_for stopped
  std::chrono::steady_clock::time_point started_;
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1, error_ = -1;
  bool close_after_pending_ = false;
};

// The value of the probe's line "key value", or nothing.
std::optional<std::string> value_of(const Outcome& outcome, std::string_view key);
// All values of a key that comes more than once.
Words values_of(const Outcome& outcome, std::string_view key);

}  // namespace harness
