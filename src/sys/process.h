// Processes: making, waiting, signalling, limits, ids. Waiting and signalling go by pidfd, never by a
// number that could have been reused.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "sys/fd.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <span>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace sys {

struct Process {
  pid_t pid = 0;  // 0 in the child
  Fd pidfd;
  bool is_child() const { return pid == 0; }
};

// clone3(2) with CLONE_PIDFD. The child has glibc's cached thread id of its parent: it must not use
// pthread functions, and nothing here does. `flags` are CLONE_NEW*, and CLONE_PARENT for a child of the caller's parent.
// Born in `cgroup` where that is open.
Result<Process> clone_process(std::uint64_t flags, const char* what, const Fd& cgroup = Fd());

// A child that shares our memory until it execs or exits, while we stand still: vfork(2) with a stack of its
// own, 1 MiB of addresses that are not given back. Nothing is copied, so it costs a third of a fork. `run` must not return.
using ChildMain = void (*)(void* argument);
Result<pid_t> run_until_exec(ChildMain run, void* argument, const char* what);

Result<std::pair<Fd, Fd>> make_pipe(const std::string& name);  // reader, writer
// Between processes (eventfd(2)): readable once it was raised.
Result<Fd> make_flag();
Result<> raise_flag(const Fd& flag);

struct Ended {
  bool signaled = false;
  int number = 0;  // exit status or signal
  rusage usage{};  // of the process and what it waited for
};
enum class WaitFor { end, end_or_stop };
Result<Ended> wait_process(const Process& process);

// Of any child, without blocking (waitpid(2) WNOHANG): pid 0 when there is none to report.
struct ChildEvent { pid_t pid = 0; int status = 0; };
Result<ChildEvent> next_child_event();

// As pid 1: SIGKILL to everybody else in the pid namespace, and the wait until the last is gone.
// What they and all before them used.
Result<rusage> end_all_others();

// What the children that were waited for used (getrusage(2), RUSAGE_CHILDREN).
Result<rusage> usage_of_children();

// Runs a program of the host to its end. stderr is returned when it fails.
struct ProgramResult { int status = 0; std::string errors; };
struct RunningProgram { pid_t pid = 0; Fd errors; std::string name; };
Result<RunningProgram> start_program(const std::vector<std::string>& argv);
Result<ProgramResult> finish_program(RunningProgram program);
// The same with its standard output, at most `limit` bytes.
Result<std::string> program_output(const std::vector<std::string>& argv, std::size_t limit);

// Of a child; one that has executed its program (EACCES) or ended needs it no more (setpgid(2)).
Result<> lead_own_group(pid_t child);

Result<> send_signal(const Fd& pidfd, int signal);      // ESRCH (already gone) is success
Result<> send_signal_to(pid_t target, int signal);      // as kill(2): negative = process group; ESRCH is success
// Stops our process group with that signal's default action until SIGCONT. False where the kernel does not stop it:
// nobody could continue an orphaned process group (setpgid(2), POSIX.1-2017 3.264).
Result<bool> stop_own_group(int signal);
std::string signal_name(int signal);                    // "SIGTERM"
Result<bool> is_end_pending();                          // a blocked SIGTERM, SIGHUP, SIGINT or SIGQUIT waits to be read

// The first pages of heap and stack at once: a launch touches them all, and each alone is a fault of 2–3 µs.
void populate_memory();
// Gives back what only the set-up needed: free heap, and the pages of our own program file, which come again by
// themselves where they are used. For a process that will wait for long.
void release_idle_memory();
Result<> set_process_name(const char* name);
Result<> set_dumpable(bool value);
Result<> set_parent_death_signal(int signal);
Result<> make_inherited_close_on_exec(int from);        // close_range(2) CLOSE_RANGE_CLOEXEC
Result<> set_ids(Id uid, Id gid);                       // real, effective, saved
Result<> clear_groups();
unsigned set_file_mask(unsigned mask);                  // umask(2): the old one
Result<> set_hostname(const std::string& name);
Result<> enter_new_time_namespace();                    // for children made from now on
Result<> set_resource_limit(int resource, std::uint64_t soft, std::uint64_t hard, const std::string& name);
Result<std::pair<std::uint64_t, std::uint64_t>> resource_limit(int resource, const std::string& name);
Result<> raise_open_files();                            // the soft limit on descriptors to the hard one
Result<> new_session();
Result<> new_process_group();                           // the caller leads it
Result<Fd> duplicate(int fd);
Result<> keep_open_on_exec(int fd);
Result<> duplicate_onto(const Fd& from, int to);
Result<> start_program_in_place(const std::string& file, char* const* argv, char* const* environment);  // execve(2)
Result<> start_program_in_place(const Fd& file, const char* what, char* const* argv, char* const* environment);  // execveat(2)
Error exec_error(int code, const std::string& file);    // as of a failed execve(2)

// Signals: all are blocked and read from a descriptor, so nothing runs in a handler.
Result<Fd> block_signals(std::span<const int> read);    // blocks all; the descriptor yields those of `read`
Result<> unblock_all_signals();                         // for the payload; what the user ignores (nohup) stays ignored
Result<int> read_signal(const Fd& signals);             // the next one's number, 0 when there is none

struct Watch { int fd; short events; short happened = 0; };
// poll(2); a negative timeout waits for ever. Interrupted = nothing happened.
Result<> wait_for_events(std::span<Watch> watches, std::chrono::milliseconds timeout);
// Of one descriptor: whether it happened, an error or the other end's closing included.
Result<bool> wait_for_event(int fd, short events, std::chrono::milliseconds timeout);

struct Machine { unsigned processors = 1; std::uint64_t memory = 0; };
Machine this_machine();  // sysinfo(2)
std::chrono::nanoseconds monotonic_now();  // CLOCK_MONOTONIC
// For a process that asks often: reads of the clock need no system call any more (vdso(7)).
void find_fast_clock();
std::int64_t unix_now();                   // seconds
std::int64_t unix_now_microseconds();
[[noreturn]] void exit_now(int status);    // _exit(2)

// Whoever else wants the processor runs first (sched_yield(2)).
void yield_processor();

}  // namespace sys
