// What a process is: its name, ids, limits, session, descriptors and signals.
#include "sys/call.h"
#include "sys/process.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <cstdint>
#include <cstdlib>
#include <linux/close_range.h>
#include <malloc.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

void populate_memory() {
  constexpr std::size_t bytes = 64 << 10, page = 4096, stack_bytes = 24 << 10;
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);  // what is freed stays mapped: it is soon used again
  ::free(::malloc(bytes));  // below malloc's threshold for a mapping of its own: the heap grows to hold it
  const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0)) & ~(page - 1);
  // Advice only: where the kernel does not know it (before 5.14), the pages come one by one.
  static_cast<void>(::madvise(reinterpret_cast<void*>(end - bytes), bytes, MADV_POPULATE_WRITE));
  // The kernel maps 128 KiB of stack below the arguments at exec (fs/exec.c, setup_arg_pages).
  const auto top = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) & ~(page - 1);
  static_cast<void>(::madvise(reinterpret_cast<void*>(top - stack_bytes), stack_bytes, MADV_POPULATE_WRITE));
}

extern "C" {
extern const char __executable_start;  // of the linker (ld(1)); text and constants lie between them
extern const char __etext;
}

void release_idle_memory() {
  constexpr std::uintptr_t page = 4096;
  const auto start = (reinterpret_cast<std::uintptr_t>(&__executable_start) + page - 1) & ~(page - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(&__etext) & ~(page - 1);
  // Clean pages of a file: nothing is lost, and a refusal only means that they stay.
  static_cast<void>(::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED));
  ::malloc_trim(0);
}

Result<> set_process_name(const char* name) {
  if (SYS(::prctl(PR_SET_NAME, name)) < 0) return fail_errno("name the process");
  // The arguments lie in one piece, up to the environment or the program's name behind it (fs/binfmt_elf.c).
  // Everybody may read them in /proc/PID/cmdline, whatever the process's mode.
  char* const first = program_invocation_name;
  char* end = environ != nullptr ? environ[0] : nullptr;
  if (end == nullptr) end = reinterpret_cast<char*>(::getauxval(AT_EXECFN));
  if (first == nullptr || end <= first) return {};
  std::memset(first, 0, static_cast<std::size_t>(end - first));
  std::memcpy(first, name, std::min(std::strlen(name), static_cast<std::size_t>(end - first) - 1));
  return {};
}

Result<> set_dumpable(bool value) {
  if (SYS(::prctl(PR_SET_DUMPABLE, value ? 1 : 0)) < 0) return fail_errno("set dumpable");
  return {};
}

Result<> set_parent_death_signal(int signal) {
  if (SYS(::prctl(PR_SET_PDEATHSIG, signal)) < 0) return fail_errno("set the parent death signal");
  return {};
}

Result<> make_inherited_close_on_exec(int from) {
  if (SYS(::syscall(SYS_close_range, from, ~0u, CLOSE_RANGE_CLOEXEC)) < 0) return fail_errno("close_range");
  return {};
}

Result<> set_ids(Id uid, Id gid) {
  // Raw calls: glibc's broadcast to threads that do not exist here.
  if (SYS(::syscall(SYS_setresgid, gid, gid, gid)) < 0) return fail_errno("set group id ", gid);
  if (SYS(::syscall(SYS_setresuid, uid, uid, uid)) < 0) return fail_errno("set user id ", uid);
  return {};
}

Result<> clear_groups() {
  if (SYS(::syscall(SYS_setgroups, 0, nullptr)) < 0) return fail_errno("clear supplementary groups");
  return {};
}

unsigned set_file_mask(unsigned mask) { return ::umask(mask); }

Result<> set_hostname(const std::string& name) {
  if (SYS(::sethostname(name.data(), name.size())) < 0) return fail_errno("set hostname ", printable(name));
  return {};
}

Result<> enter_new_time_namespace() {
  if (SYS(::unshare(CLONE_NEWTIME)) < 0) return fail_errno("new time namespace");
  return {};
}

Result<> set_resource_limit(int resource, std::uint64_t soft, std::uint64_t hard, const std::string& name) {
  const rlimit limit{soft, hard};
  if (SYS(::setrlimit(static_cast<__rlimit_resource>(resource), &limit)) < 0) return fail_errno("limit ", name);
  return {};
}

Result<std::pair<std::uint64_t, std::uint64_t>> resource_limit(int resource, const std::string& name) {
  rlimit limit{};
  if (SYS(::getrlimit(static_cast<__rlimit_resource>(resource), &limit)) < 0) return fail_errno("read limit ", name);
  return std::pair<std::uint64_t, std::uint64_t>(limit.rlim_cur, limit.rlim_max);
}

Result<> raise_open_files() {
  const auto [soft, hard] = TRY(resource_limit(RLIMIT_NOFILE, "number of open files"));
  return soft < hard ? set_resource_limit(RLIMIT_NOFILE, hard, hard, "number of open files") : Result<>{};
}

Result<> new_session() {
  if (SYS(::setsid()) < 0) return fail_errno("new session");
  return {};
}

Result<> new_process_group() {
  if (SYS(::setpgid(0, 0)) < 0) return fail_errno("new process group");
  return {};
}

Result<Fd> duplicate(int fd) {
  const int copy = SYS(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (copy < 0) return fail_errno("duplicate descriptor ", fd);
  return Fd(copy);
}

Result<> keep_open_on_exec(int fd) {
  if (SYS(::fcntl(fd, F_SETFD, 0)) < 0) return fail_errno("keep descriptor ", fd);
  return {};
}

Result<> duplicate_onto(const Fd& from, int to) {
  if (from.get() == to) return keep_open_on_exec(to);  // dup2(2) would leave it close-on-exec
  if (SYS(::dup2(from.get(), to)) < 0) return fail_errno("descriptor ", to);
  return {};
}

Result<> lead_own_group(pid_t child) {
  if (SYS(::setpgid(child, child)) < 0 && errno != EACCES && errno != ESRCH) return fail_errno("new process group of a child");
  return {};
}

Result<bool> stop_own_group(int signal) {
  struct sigaction standard {}, before {};
  standard.sa_handler = SIG_DFL;
  if (SYS(::sigaction(signal, &standard, &before)) < 0) return fail_errno("signal action");
  sigset_t stop, resume, mask;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, signal);
  ::sigemptyset(&resume);
  ::sigaddset(&resume, SIGCONT);
  // The stop discards a SIGCONT that is pending; the one that is pending afterwards has ended it.
  if (SYS(::kill(0, signal)) < 0) return fail_errno("stop");
  // Unblocking delivers it: we stand still here until SIGCONT.
  if (SYS(::sigprocmask(SIG_UNBLOCK, &stop, &mask)) < 0) return fail_errno("signal mask");
  if (SYS(::sigprocmask(SIG_SETMASK, &mask, nullptr)) < 0) return fail_errno("signal mask");
  const timespec at_once{};
  if (SYS(::sigtimedwait(&resume, nullptr, &at_once)) == SIGCONT) return true;
  if (errno != EAGAIN) return fail_errno("wait for SIGCONT");
  return false;
}

Result<bool> is_end_pending() {
  sigset_t pending;
  if (SYS(::sigpending(&pending)) < 0) return fail_errno("pending signals");
  for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGQUIT})
    if (::sigismember(&pending, signal) == 1) return true;
  return false;
}

Result<Fd> block_signals(std::span<const int> read) {
  sigset_t all, wanted;
  ::sigfillset(&all);
  // A fault in sbx itself must end it, not be held back.
  for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP}) ::sigdelset(&all, fault);
  ::sigemptyset(&wanted);
  for (const int signal : read) ::sigaddset(&wanted, signal);
  if (SYS(::sigprocmask(SIG_SETMASK, &all, nullptr)) < 0) return fail_errno("block signals");
  const int fd = SYS(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (fd < 0) return fail_errno("signalfd");
  return Fd(fd);
}

Result<> unblock_all_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  if (SYS(::sigprocmask(SIG_SETMASK, &none, nullptr)) < 0) return fail_errno("unblock signals");
  return {};
}

Result<int> read_signal(const Fd& signals) {
  signalfd_siginfo found{};
  const ssize_t got = SYS(::read(signals.get(), &found, sizeof found));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got < 0) return fail_errno("read signals");
  return static_cast<int>(found.ssi_signo);
}

}  // namespace sys
