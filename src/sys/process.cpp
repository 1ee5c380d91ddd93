// Making, waiting for and signalling processes.
#include "sys/process.h"

#include "sys/call.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace sys {

Result<Process> clone_process(std::uint64_t flags, const char* what, const Fd& cgroup) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;  // a sibling's is the caller's own (clone(2))
  if (cgroup.valid()) arguments.flags |= CLONE_INTO_CGROUP, arguments.cgroup = static_cast<std::uint64_t>(cgroup.get());
  const long pid = SYS(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid < 0) return fail_errno(what);
  Process made;
  made.pid = static_cast<pid_t>(pid);
  if (pid > 0) made.pidfd = Fd(pidfd);
  return made;
}

namespace {
struct ChildStart { ChildMain run; void* argument; };
int start_child(void* start) {
  const auto* child = static_cast<ChildStart*>(start);
  child->run(child->argument);
  ::_exit(exit_status::setup_failed);
}
}  // namespace

Result<pid_t> run_until_exec(ChildMain run, void* argument, const char* what) {
  constexpr std::size_t stack_bytes = 1 << 20;
  void* stack = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) return fail_errno(what);
  ChildStart start{run, argument};
  const pid_t pid = SYS(::clone(start_child, static_cast<char*>(stack) + stack_bytes, CLONE_VM | CLONE_VFORK | SIGCHLD, &start));
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(stack, stack_bytes);  // the child never returned from its frames
#endif
  // The stack stays: to unmap what another processor has just used interrupts that one, which takes 30 µs.
  if (pid < 0) return fail_errno(what);
  return pid;
}

void yield_processor() { static_cast<void>(::sched_yield()); }  // never fails

Result<Ended> wait_process(const Process& process) {
  Ended ended;
  int status = 0;
  pid_t got = 0;
  while ((got = SYS(::wait4(process.pid, &status, 0, &ended.usage))) < 0 && errno == EINTR) {}
  if (got < 0) return fail_errno("wait for process ", process.pid);
  ended.signaled = WIFSIGNALED(status);
  ended.number = ended.signaled ? WTERMSIG(status) : WEXITSTATUS(status);
  return ended;
}

Result<ChildEvent> next_child_event() {
  ChildEvent event;
  event.pid = SYS(::waitpid(-1, &event.status, WNOHANG | WUNTRACED | WCONTINUED));
  if (event.pid < 0 && errno == ECHILD) return ChildEvent{};
  if (event.pid < 0) return fail_errno("wait for children");
  return event;
}

Result<rusage> end_all_others() {
  if (::getpid() != 1) return fail("only the first process of a pid namespace may end all others in it");
  // Whoever is left has become our child, or is below one; without any there is nobody to kill, and kill(2) would
  // look at every process of the machine to find that out.
  pid_t left = 0;
  while ((left = SYS(::waitpid(-1, nullptr, WNOHANG))) > 0) {}
  if (left == 0) {
    if (SYS(::kill(-1, SIGKILL)) < 0 && errno != ESRCH) return fail_errno("kill what is left");
    while (SYS(::waitpid(-1, nullptr, 0)) >= 0 || errno == EINTR) {}
  }
  if (errno != ECHILD) return fail_errno("wait for what is left");
  return usage_of_children();
}

Result<rusage> usage_of_children() {
  rusage usage{};
  if (SYS(::getrusage(RUSAGE_CHILDREN, &usage)) < 0) return fail_errno("read resource usage");
  return usage;
}

Result<std::pair<Fd, Fd>> make_pipe(const std::string& name) {
  int ends[2];
  if (SYS(::pipe2(ends, O_CLOEXEC)) < 0) return fail_errno("pipe for ", name);
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<Fd> make_flag() {
  const int fd = SYS(::eventfd(0, EFD_CLOEXEC));
  if (fd < 0) return fail_errno("eventfd");
  return Fd(fd);
}

Result<> raise_flag(const Fd& flag) {
  constexpr std::uint64_t one = 1;
  if (SYS(::write(flag.get(), &one, sizeof one)) < 0) return fail_errno("raise a flag");
  return {};
}

namespace {

// posix_spawnp(3) with one of the program's descriptors on a pipe. SIGCHLD may be blocked here: the child starts clean.
Result<RunningProgram> spawn_with_pipe(const std::vector<std::string>& argv, int captured) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  auto [reader, writer] = TRY(make_pipe(argv[0]));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), captured);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  RunningProgram started{.pid = 0, .errors = std::move(reader), .name = argv[0]};
  const int failure = SYS(::posix_spawnp(&started.pid, words[0], &actions, &attributes, words.data(), environ));
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failure == 0) return started;
  errno = failure > 0 ? failure : errno;
  return fail_errno("run ", argv[0]);
}

Result<int> wait_program(pid_t pid, const std::string& name) {
  int status = 0;
  while (SYS(::waitpid(pid, &status, 0)) < 0)
    if (errno != EINTR) return fail_errno("wait for ", name);
  return WIFEXITED(status) ? WEXITSTATUS(status) : exit_status::signal_base + WTERMSIG(status);
}

Result<std::string> read_pipe(const Fd& fd, const std::string& name, std::size_t limit) {
  std::string out;
  char block[4096];
  while (true) {
    const ssize_t got = SYS(::read(fd.get(), block, sizeof block));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read from ", name);
    if (got == 0) return out;
    if (out.size() < limit) out.append(block, static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<RunningProgram> start_program(const std::vector<std::string>& argv) { return spawn_with_pipe(argv, STDERR_FILENO); }

Result<ProgramResult> finish_program(RunningProgram program) {
  ProgramResult result;
  Result<std::string> errors = read_pipe(program.errors, program.name, 4096);
  result.status = TRY(wait_program(program.pid, program.name));
  if (!errors) return std::unexpected<Error>(errors.error());
  result.errors = *errors;
  return result;
}

Result<std::string> program_output(const std::vector<std::string>& argv, std::size_t limit) {
  const RunningProgram program = TRY(spawn_with_pipe(argv, STDOUT_FILENO));
  Result<std::string> output = read_pipe(program.errors, program.name, limit);
  const int status = TRY(wait_program(program.pid, program.name));
  if (!output) return output;
  if (status != 0) return fail(argv[0], " ended with status ", status);
  return output;
}

Result<> send_signal(const Fd& pidfd, int signal) {
  if (SYS(::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0)) < 0 && errno != ESRCH)
    return fail_errno("signal ", signal);
  return {};
}

Result<> send_signal_to(pid_t target, int signal) {
  if (SYS(::kill(target, signal)) < 0 && errno != ESRCH) return fail_errno("signal ", signal);
  return {};
}

std::string signal_name(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) return text("SIGRTMIN+", signal - SIGRTMIN);
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? text("SIG", name) : text("signal ", signal);
}

Result<> start_program_in_place(const std::string& file, char* const* argv, char* const* environment) {
  static_cast<void>(SYS(::execve(file.c_str(), argv, environment)));
  return std::unexpected<Error>(exec_error(errno, file));
}

Error exec_error(int code, const std::string& file) { return {code, text("exec ", printable(file), ": ", errno_text(code)), {}}; }

Result<> start_program_in_place(const Fd& file, const char* what, char* const* argv, char* const* environment) {
  static_cast<void>(SYS(::execveat(file.get(), "", argv, environment, AT_EMPTY_PATH)));
  return fail_errno("exec ", what);
}

Result<> wait_for_events(std::span<Watch> watches, std::chrono::milliseconds timeout) {
  std::vector<pollfd> polled;
  for (const Watch& watch : watches) polled.push_back({watch.fd, watch.events, 0});
  const auto limit = timeout.count() < 0 ? -1 : static_cast<int>(std::min<std::int64_t>(timeout.count(), 1 << 30));
  const int ready = SYS(::poll(polled.data(), polled.size(), limit));
  if (ready < 0 && errno != EINTR) return fail_errno("poll");
  for (std::size_t i = 0; i < watches.size(); ++i) watches[i].happened = ready > 0 ? polled[i].revents : short{0};
  return {};
}

Result<bool> wait_for_event(int fd, short events, std::chrono::milliseconds timeout) {
  std::array<Watch, 1> watches{{{fd, events}}};
  TRY(wait_for_events(watches, timeout));
  return watches[0].happened != 0;
}

Machine this_machine() {
  struct sysinfo found {};
  Machine machine;
  machine.processors = static_cast<unsigned>(std::max(::get_nprocs(), 1));
  if (::sysinfo(&found) == 0) machine.memory = static_cast<std::uint64_t>(found.totalram) * found.mem_unit;
  return machine;
}

extern "C" [[gnu::weak]] void sbx_load_vdso();  // start.cpp; without it the C library has done so

void find_fast_clock() {
  if (sbx_load_vdso != nullptr) sbx_load_vdso();
}

std::chrono::nanoseconds monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::int64_t unix_now() { return ::time(nullptr); }

std::int64_t unix_now_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

void exit_now(int status) { ::_exit(status); }

}  // namespace sys
