// Starting, feeding and collecting a program: fork, pipes or a pty, poll until both outputs have ended.
#include "harness/sandbox_run.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace harness {
namespace {

using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

std::vector<char*> pointers(const Words& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read = ends[0], write = ends[1];
  }
};

void close_and_forget(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// In the child: `in`, `out`, `err` become 0–2; never returns.
[[noreturn]] void execute(const Command& command, char* const* argv, char* const* environment, int in, int out, int err) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (command.terminal) {
    if (::setsid() < 0 || ::ioctl(in, TIOCSCTTY, 0) != 0) ::_exit(99);
  }
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0 || ::chdir(command.cwd.c_str()) != 0) ::_exit(99);
  if (command.inherit_nothing)
    for (const int fd : {0, 1, 2}) ::close(fd);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);  // ctest's own log is open here
  ::execvpe(argv[0], argv, environment);
  ::_exit(99);
}

// As built, or where SBX_TEST_PROGRAMS says that all of them are: in the guest of tests/vm.
std::string program(const std::string& built) {
  const char* place = std::getenv("SBX_TEST_PROGRAMS");
  return place == nullptr ? built : place + built.substr(built.rfind('/'));
}

}  // namespace

int patience() {
  const char* times = std::getenv("SBX_TEST_PATIENCE");
  return times == nullptr ? 1 : std::max(1, std::atoi(times));
}

std::string sbx_binary() { return program(SBX_BINARY); }
std::string sbx_failpoints_binary() { return program(SBX_FAILPOINTS_BINARY); }
std::string payload(std::string_view name) { return program(PAYLOAD_DIR "/" + std::string(name)); }

Words clean_environment() {
  Words out{"LANG=C.UTF-8", "TERM=xterm", 
            // No handlers: a signal from inside must find pid 1 as it is in a release.
            "ASAN_OPTIONS=detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0"};
  for (const char* name : {"HOME", "PATH", "USER", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"})
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  return out;
}

Command sbx(Words arguments) {
  arguments.insert(arguments.begin(), sbx_binary());
  return {.argv = std::move(arguments)};
}

Process::Process(const Command& command) : command_(command), pending_(command.input), started_(Clock::now()) {
  Words environment = clean_environment();
  for (const std::string& variable : command.environment) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    std::erase_if(environment, [&](const std::string& other) { return other.starts_with(name); });
    environment.push_back(variable);
  }
  const auto argv = pointers(command.argv), envp = pointers(environment);
  int in = -1, out = -1, err = -1;
  if (command.terminal) {
    const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::openpty(&output_, &in, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty");
    ::fcntl(output_, F_SETFD, FD_CLOEXEC);
    ::fcntl(in, F_SETFD, FD_CLOEXEC);
    input_ = ::fcntl(output_, F_DUPFD_CLOEXEC, 3);
    out = err = in;
  } else {
    const Pipe stdin_pipe, stdout_pipe, stderr_pipe;
    in = stdin_pipe.read, input_ = stdin_pipe.write;
    out = stdout_pipe.write, output_ = stdout_pipe.read;
    err = stderr_pipe.write, error_ = stderr_pipe.read;
    close_after_pending_ = true;
  }
  ::signal(SIGPIPE, SIG_IGN);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) execute(command, argv.data(), envp.data(), in, out, err);
  ::close(in);
  if (out != in) ::close(out), ::close(err);
  for (const int fd : {input_, output_, error_})
    if (fd >= 0) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close_and_forget(input_), close_and_forget(output_), close_and_forget(error_);
}

// Input is sent by pump(), as the program takes it. A pipe with `input` ends with it; send() keeps it open.
void Process::send(std::string_view bytes) {
  close_after_pending_ = false;
  pending_ += bytes;
  write_pending();
}

void Process::close_input() {
  close_after_pending_ = true;
  write_pending();
}

void Process::write_pending() {
  if (input_ < 0) return;
  while (!pending_.empty()) {
    const ssize_t taken = ::write(input_, pending_.data(), pending_.size());
    if (taken < 0 && errno == EAGAIN) return;
    if (taken < 0) return pending_.clear(), close_and_forget(input_);  // it reads no more: EPIPE, EIO
    pending_.erase(0, static_cast<std::size_t>(taken));
  }
  if (close_after_pending_) close_and_forget(input_);
}

// One wait for output (or for room in the input) and what came of it.
Process::Readiness Process::pump(std::chrono::milliseconds limit) {
  if (output_ < 0 && error_ < 0) return Readiness::ended;
  if (pending_.empty()) write_pending();
  pollfd waits[3] = {{output_, POLLIN, 0}, {error_, POLLIN, 0}, {pending_.empty() ? -1 : input_, POLLOUT, 0}};
  if (::poll(waits, 3, static_cast<int>(std::max(limit, 0ms).count())) <= 0) return Readiness::quiet;
  if (waits[2].revents != 0) write_pending();
  const auto take = [](const pollfd& wait, int& fd, std::string& into) {
    if (wait.revents == 0) return;
    char buffer[65536];
    const ssize_t length = ::read(fd, buffer, sizeof buffer);
    if (length > 0) into.append(buffer, static_cast<std::size_t>(length));
    else if (length == 0 || errno != EAGAIN) close_and_forget(fd);  // a pty ends with EIO
  };
  take(waits[0], output_, outcome_.out);
  take(waits[1], error_, outcome_.err);
  return Readiness::data;
}

bool Process::wait_for(std::string_view wanted, std::chrono::milliseconds limit) {
  limit *= patience();
  const auto start = Clock::now();
  while (true) {
    const std::size_t at = outcome_.out.find(wanted, found_);
    if (at != std::string::npos) return found_ = at + wanted.size(), true;
    if (since(start) >= limit || pump(limit - since(start)) == Readiness::ended) return false;
  }
}

bool Process::wait_stopped(std::chrono::milliseconds limit) {
  limit *= patience();
  const auto start = Clock::now();
  while (since(start) < limit) {
    int status = 0;
    if (::waitpid(pid_, &status, WUNTRACED | WNOHANG) == pid_) return WIFSTOPPED(status);
    if (pump(10ms) == Readiness::ended) ::usleep(10'000);
  }
  return false;
}

void Process::resize(unsigned short rows, unsigned short columns) {
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(::ioctl(output_, TIOCSWINSZ, &size), 0) << std::strerror(errno);
}

void Process::kill(int signal) const { EXPECT_EQ(::kill(pid_, signal), 0) << std::strerror(errno); }

// The program has ended: its status, and what it and its children still had written.
void Process::collect() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  outcome_.elapsed = since(started_);
  if (WIFEXITED(status)) outcome_.status = WEXITSTATUS(status);
  else outcome_.signal = WTERMSIG(status);
  while (pump(outcome_.timed_out ? 0ms : 50ms) == Readiness::data) {}
}

Outcome Process::finish() {
  if (command_.terminal) write_pending();
  else close_input();
  const auto asked = Clock::now();
  while (pid_ > 0) {
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid_) {
      collect();
    } else if (since(asked) > command_.timeout * patience()) {
      outcome_.timed_out = true;
      ::kill(pid_, SIGKILL);
      collect();
    } else if (pump(5ms) == Readiness::ended) {
      ::usleep(1000);
    }
  }
  return outcome_;
}

Outcome run(const Command& command) { return Process(command).finish(); }

Words values_of(const Outcome& outcome, std::string_view key) {
  Words out;
  for (std::size_t at = 0; at < outcome.out.size();) {
    const std::size_t end = std::min(outcome.out.find('\n', at), outcome.out.size());
    const std::string_view line(outcome.out.data() + at, end - at);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      out.emplace_back(line.substr(key.size() + 1));
    at = end + 1;
  }
  return out;
}

std::optional<std::string> value_of(const Outcome& outcome, std::string_view key) {
  const Words all = values_of(outcome, key);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

}  // namespace harness
