// Ambushes for commands that join a sandbox: a process inside waits for the newcomer, stops it before its exec, and
// tries to reach through it what it came from.
#include "attack.h"

#include <chrono>
#include <fcntl.h>
#include <map>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace attack {

namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* name_before_exec = "sbx:exec";  // of one that joins it is sbx:init

std::string name_of(int pid) {
  const std::string name = first_bytes("/proc/" + std::to_string(pid) + "/comm");
  return name.substr(0, name.find('\n'));
}

// As in /proc/PID/stat; 'X' when it is gone.
char state_of(int pid) {
  const std::string stat = first_bytes("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t end = stat.rfind(") ");
  return end == std::string::npos ? 'X' : stat[end + 2];
}

bool opens(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

// All ways into one stopped process; those that succeeded are counted.
void try_ways(int pid, std::map<std::string, int>& counts) {
  const std::string proc = "/proc/" + std::to_string(pid) + "/";
  counts["exe"] += opens(proc + "exe", O_RDONLY), counts["exe-path"] += opens(proc + "exe", O_PATH);
  counts["exe-write"] += opens(proc + "exe", O_WRONLY) || errno == ETXTBSY;
  counts["mem"] += opens(proc + "mem", O_RDWR);
  for (const char* name : {"environ", "fd", "fd/0", "root/", "cwd/", "ns/mnt"}) counts[name] += opens(proc + name, O_RDONLY);
  counts["maps"] += !first_bytes(proc + "maps").empty();  // of one that is just killed it opens, and nothing is in it
  char byte = 0;
  iovec here{&byte, 1}, there{reinterpret_cast<void*>(1), 1};
  counts["process_vm_readv"] += ::process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  const int stolen = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, 0, 0));
  counts["pidfd_getfd"] += stolen >= 0;
  ::close(stolen), ::close(pidfd);
  const bool traced = ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0;
  counts["ptrace"] += traced;
  if (traced) ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
}

int last_pid() {
  int last = 0;
  for (int pid = 1; pid < 5000; ++pid)
    if (::kill(pid, 0) == 0 || errno == EPERM) last = pid;
  return last;
}

// The next process that appears, stopped at once; 0 when the time is over.
int catch_next(int& last, Clock::time_point end) {
  while (Clock::now() < end)
    for (int i = 0; i < 1000; ++i)
      for (int pid = last + 1; pid <= last + (i == 0 ? 200 : 2); ++pid)  // some may have come and gone unseen
        if (::kill(pid, SIGSTOP) == 0) return last = pid;
  return 0;
}

// ambush SECONDS INODE: INODE is that of the program that nobody inside may come to hold.
void ambush(const Words& words) {
  const auto end = Clock::now() + std::chrono::seconds(std::stoi(words[1]));
  std::map<std::string, int> counts;
  int early = 0, caught = 0, held = 0, last = last_pid();
  print("ready", "now");
  while (const int pid = catch_next(last, end)) {
    ++caught;
    const auto patience = Clock::now() + std::chrono::milliseconds(50);
    char state = 'R';
    while (state != 'T' && state != 'Z' && state != 'X' && Clock::now() < patience) state = state_of(pid);
    struct stat found {};
    if (::stat(("/proc/" + std::to_string(pid) + "/exe").c_str(), &found) == 0 && std::to_string(found.st_ino) == words[2]) ++held;
    if (state == 'T' && name_of(pid).starts_with("sbx:")) ++early, try_ways(pid, counts);
    ::kill(pid, SIGCONT);
  }
  print("caught", std::to_string(caught)), print("early", std::to_string(early)), print("inode", std::to_string(held));
  for (const auto& [way, count] : counts) print(way, std::to_string(count));
  print("done", "now");
  ::sleep(60);
}

// Stops whoever comes, for good.
void hold(const Words&) {
  int last = last_pid();
  print("ready", "now");
  while (const int pid = catch_next(last, Clock::now() + std::chrono::seconds(60))) print("held", std::to_string(pid));
}

// pose SECONDS: what an attendant's child would be without protection: dumpable, and slow to exec.
void pose(const Words& words) {
  const auto end = Clock::now() + std::chrono::seconds(std::stoi(words[1]));
  ::prctl(PR_SET_NAME, name_before_exec);
  while (Clock::now() < end) {
    const int child = ::fork();
    if (child == 0) {
      ::usleep(3000);
      run_program({"true"});
      ::_exit(1);
    }
    finish(child);
  }
}

// A false /dev/pts over the true one.
void cover_terminals(const Words&) {
  print("mount", result_of(::mount("false", "/dev/pts", "tmpfs", 0, nullptr)));
  print("ptmx", put("/dev/pts/ptmx", "mine") ? "0" : "?");
  print("ready", "now");
  ::sleep(60);
}

void what_is_input(const Words&) {
  struct stat found {};
  print("input", std::to_string(::fstat(0, &found) == 0 ? major(found.st_rdev) : 0));
  print("isatty", std::to_string(::isatty(0)));
}

}  // namespace

const std::vector<Row> exec_attacks{
    {"ambush", ambush, 3, "SECONDS INODE"}, {"hold", hold, 1, ""}, {"pose", pose, 2, "SECONDS"},
    {"cover-terminals", cover_terminals, 1, ""}, {"input", what_is_input, 1, ""},
};

}  // namespace attack
