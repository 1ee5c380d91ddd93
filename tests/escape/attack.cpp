// attack: a hostile program. Each sub-command tries one way out and prints how far it came; the same program run
// where the protection is off shows that the way is real. Static, for sandboxes that have no libraries.
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace attack {

std::string first_bytes(const std::string& path) {
  std::string out;
  if (DIR* stream = ::opendir(path.c_str()); stream != nullptr) {
    while (const dirent* entry = ::readdir(stream))
      if (entry->d_name[0] != '.') out += std::string(entry->d_name) + " ";
    ::closedir(stream);
    return out;
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return {};
  char buffer[4096];
  if (const ssize_t got = ::read(fd, buffer, sizeof buffer); got > 0) out.assign(buffer, static_cast<std::size_t>(got));
  ::close(fd);
  return out;
}

bool put(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return good;
}

int finish(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void run_program(const Words& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  print("exec", result_of(-1));
}

bool become_root_of_new_namespace(unsigned long flags) {
  const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
  if (::unshare(static_cast<int>(flags | CLONE_NEWUSER)) != 0) return false;
  return put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", "0 " + uid + " 1") &&
         put("/proc/self/gid_map", "0 " + gid + " 1");
}

namespace {

constexpr unsigned long high_bits = 0xdeadbeefUL << 32;

// Types a line into each terminal that can be reached; TIOCLINUX's subcode 2 would paste a selection.
void terminal(const Words&) {
  struct Request { const char* name; unsigned long number; };
  const Request requests[] = {{"TIOCSTI", TIOCSTI}, {"TIOCSTI+high", TIOCSTI | high_bits},
                              {"TIOCLINUX", TIOCLINUX}, {"TIOCLINUX+high", TIOCLINUX | high_bits}};
  const int own = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  for (const Request& request : requests)
    for (const int fd : {0, 1, 2, own}) {
      char byte = request.name[4] == 'S' ? 'P' : 2;
      print(request.name, result_of(::syscall(SYS_ioctl, fd, request.number, &byte)));
    }
  // In a session of its own, with the terminal made its own by force.
  if (const int child = ::fork(); child == 0) {
    ::setsid();
    print("TIOCSCTTY", result_of(::ioctl(0, TIOCSCTTY, 1)));
    char byte = 'Q';
    print("TIOCSTI", result_of(::syscall(SYS_ioctl, 0, TIOCSTI | high_bits, &byte)));
    ::_exit(0);
  } else {
    finish(child);
  }
}

// spy PID ADDRESS: everything that reads from or writes to another process.
void spy(const Words& words) {
  const int pid = std::stoi(words[1]);
  char buffer[8];
  iovec here{buffer, sizeof buffer}, there{reinterpret_cast<void*>(std::stoul(words[2], nullptr, 0)), sizeof buffer};
  print("process_vm_readv", result_of(::process_vm_readv(pid, &here, 1, &there, 1, 0)));
  print("process_vm_writev", result_of(::process_vm_writev(pid, &here, 1, &there, 1, 0)));
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  print("pidfd_getfd", result_of(pidfd < 0 ? -1 : ::syscall(SYS_pidfd_getfd, pidfd, 0, 0)));
  print("kcmp", result_of(::syscall(SYS_kcmp, pid, ::getpid(), KCMP_VM, 0, 0)));
  const std::string proc = "/proc/" + words[1] + "/";
  for (const char* name : {"mem", "environ", "maps", "fd/0", "root/etc", "cwd/.", "exe", "ns/mnt", "fdinfo/0", "syscall", "stack"}) {
    const int fd = ::open((proc + name).c_str(), std::string_view(name) == "mem" ? O_RDWR : O_RDONLY);
    char byte = 0;
    const bool reads = fd >= 0 && std::string_view(name) == "environ";
    print(name, result_of(fd < 0 ? -1 : reads ? ::read(fd, &byte, 1) : 0));
    ::close(fd);
  }
  print("PTRACE_SEIZE", result_of(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr)));
  print("PTRACE_ATTACH", result_of(::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr)));
}

void target(const Words& words) {
  static volatile long secret = 42;
  std::printf("address %p\n", static_cast<void*>(const_cast<long*>(&secret)));
  print("pid", std::to_string(::getpid()));
  ::sleep(words.size() > 1 ? static_cast<unsigned>(std::stoi(words[1])) : 60);
}

// Every pid that answers, by signal 0 and by name in /proc.
void others(const Words& words) {
  int seen = 0;
  for (int pid = 2; pid < std::stoi(words[1]); ++pid)
    if (pid != ::getpid() && (::kill(pid, 0) == 0 || errno == EPERM)) ++seen;
  print("answering", std::to_string(seen));
  print("listed", first_bytes("/proc"));
}

void kill_all(const Words&) {
  print("kill", result_of(::kill(-1, SIGKILL)));
  print("init-alive", result_of(::kill(1, 0)));
  for (const int signal : {SIGKILL, SIGSTOP, SIGTERM, SIGCHLD, SIGHUP, SIGSEGV, SIGRTMAX}) ::kill(1, signal);
  ::usleep(20'000);
  print("init-alive", result_of(::kill(1, 0)));
}

// argv as it came, so that the test sees what was made of it.
void arguments(const Words& words) {
  for (const std::string& word : words) print("argument", word);
}

void cat(const Words& words) {
  std::string text = first_bytes(words[1]);
  for (char& byte : text)
    if (byte == '\0') byte = ' ';
  print("content", text);
}

// A descriptor that was given for reading, opened anew for writing.
void reopen(const Words& words) {
  const int fd = ::open(("/proc/self/fd/" + words[1]).c_str(), O_WRONLY);
  print("reopen", result_of(fd < 0 ? -1 : ::write(fd, "attacked", 8)));
}

void connect_to(const Words& words) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, words[1].c_str(), sizeof address.sun_path - 1);
  if (words[1][0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(sizeof(sa_family_t) + words[1].size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  print("connect", result_of(::connect(fd, reinterpret_cast<sockaddr*>(&address), length)));
}

void exec(const Words& words) { run_program({words.begin() + 1, words.end()}); }

// Stops itself: whoever waits for it may be made to stop as well.
void stop(const Words&) {
  print("stopping", "now");
  ::raise(SIGSTOP);
  print("resumed", "yes");
}

// swap A B SECONDS: exchanges two names as fast as it can.
void swap_names(const Words& words) {
  for (int i = 0; ; ++i) {
    if (::syscall(SYS_renameat2, AT_FDCWD, words[1].c_str(), AT_FDCWD, words[2].c_str(), 2 /* RENAME_EXCHANGE */) != 0) return;
    if (i % 64 == 0) ::usleep(200);
  }
}

const std::vector<Row> process_attacks{
    {"terminal", terminal, 1, ""},        {"spy", spy, 3, "PID ADDRESS"}, {"target", target, 1, "[SECONDS]"},
    {"others", others, 2, "UP-TO"},       {"kill-all", kill_all, 1, ""},  {"arguments", arguments, 1, "…"},
    {"cat", cat, 2, "PATH"},              {"reopen", reopen, 2, "FD"},    {"connect", connect_to, 2, "PATH|@NAME"},
    {"exec", exec, 2, "PROGRAM…"},        {"stop", stop, 1, ""},                {"swap", swap_names, 3, "A B"},
};

}  // namespace

}  // namespace attack

int main(int argc, char** argv) {
  const attack::Words words(argv + 1, argv + argc);
  for (const auto* rows : {&attack::process_attacks, &attack::file_attacks, &attack::call_attacks, &attack::world_attacks, &attack::exec_attacks, &attack::ring_attacks})
    for (const attack::Row& row : *rows)
      if (!words.empty() && words[0] == row.name && words.size() >= row.words) return row.act(words), 0;
  for (const auto* rows : {&attack::process_attacks, &attack::file_attacks, &attack::call_attacks, &attack::world_attacks, &attack::exec_attacks, &attack::ring_attacks})
    for (const attack::Row& row : *rows) std::fprintf(stderr, "  attack %s %s\n", row.name, row.form);
  return 64;
}
