// probe: runs inside a sandbox and prints what it finds there, one "key value" a line. Static, for sandboxes
// that have no libraries. Each sub-command is one row of the table at the end; several may be given, split by
// "and": probe ids and fds and exit 7.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace {

using Words = std::vector<std::string>;

void print(const std::string& key, const std::string& value) { std::printf("%s %s\n", key.c_str(), value.c_str()); }
void print(const std::string& key, long value) { print(key, std::to_string(value)); }
std::string error_name() { return ::strerrorname_np(errno) != nullptr ? ::strerrorname_np(errno) : "?"; }

std::string read_all(const std::string& path) {
  std::string out;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "error " + error_name();
  char buffer[4096];
  for (ssize_t length; (length = ::read(fd, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(length));
  ::close(fd);
  return out;
}

Words lines_of(const std::string& text) {
  Words lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

void print_lines(const std::string& key, const std::string& file) {
  for (const std::string& line : lines_of(read_all(file))) print(key, line);
}

std::string link_of(const std::string& path) {
  char target[4096];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length < 0 ? "error " + error_name() : std::string(target, static_cast<std::size_t>(length));
}

Words names_in(const std::string& directory) {
  Words names;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

void ids(const Words&) {
  uid_t real = 0, effective = 0, saved = 0;
  ::getresuid(&real, &effective, &saved);
  print("uid", std::to_string(real) + " " + std::to_string(effective) + " " + std::to_string(saved));
  ::getresgid(&real, &effective, &saved);
  print("gid", std::to_string(real) + " " + std::to_string(effective) + " " + std::to_string(saved));
  gid_t groups[1024];
  for (int i = 0, count = ::getgroups(1024, groups); i < count; ++i) print("group", groups[i]);
  print_lines("uid_map", "/proc/self/uid_map");
  print_lines("gid_map", "/proc/self/gid_map");
  print_lines("setgroups", "/proc/self/setgroups");
}

// By fstat first, so that it works without /proc too.
void fds(const Words&) {
  for (int fd = 0; fd < 1024; ++fd) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0) continue;
    const char* kind = S_ISDIR(facts.st_mode) ? "directory " : S_ISSOCK(facts.st_mode) ? "socket " : "";
    print("fd", std::to_string(fd) + " " + kind + link_of("/proc/self/fd/" + std::to_string(fd)));
  }
}

void caps(const Words&) {
  for (const std::string& line : lines_of(read_all("/proc/self/status")))
    if (line.starts_with("Cap") || line.starts_with("NoNewPrivs") || line.starts_with("Seccomp"))
      print(line.substr(0, line.find(':')), line.substr(line.find('\t') + 1));
  print("securebits", ::prctl(PR_GET_SECUREBITS));
  print("dumpable", ::prctl(PR_GET_DUMPABLE));
}

void mounts(const Words&) { print_lines("mount", "/proc/self/mountinfo"); }

void environment(const Words&) {
  for (char** entry = environ; *entry != nullptr; ++entry) print("env", *entry);
}

void where(const Words&) {
  char buffer[4096];
  print("cwd", ::getcwd(buffer, sizeof buffer) != nullptr ? buffer : error_name());
  utsname names{};
  ::uname(&names);
  print("hostname", names.nodename);
}

void namespaces(const Words&) {
  for (const std::string& name : names_in("/proc/self/ns")) print("ns_" + name, link_of("/proc/self/ns/" + name));
}

void pids(const Words&) {
  print("pid", ::getpid());
  print("ppid", ::getppid());
  print("session", ::getsid(0));
  print("group_leader", ::getpgrp());
  for (const std::string& name : names_in("/proc"))
    if (name[0] >= '0' && name[0] <= '9') print("process", name);
}

void terminal(const Words&) {
  for (int fd = 0; fd < 3; ++fd) print("isatty", std::to_string(fd) + " " + std::to_string(::isatty(fd)));
  winsize size{};
  if (::ioctl(0, TIOCGWINSZ, &size) == 0) print("size", std::to_string(size.ws_row) + " " + std::to_string(size.ws_col));
  const char* name = ::ttyname(0);
  print("tty", name != nullptr ? name : error_name());
  print("foreground", ::tcgetpgrp(0) == ::getpgrp());
  termios settings{};
  if (::tcgetattr(0, &settings) == 0) print("canonical", (settings.c_lflag & ICANON) != 0);
  const int controlling = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  print("dev_tty", controlling >= 0 ? "0" : error_name());
}

void limits(const Words&) {
  for (const std::string& line : lines_of(read_all("/proc/self/limits"))) print("limit", line);
}

void sleep_for(const Words& words) {
  std::fflush(stdout);
  const double seconds = words.size() > 1 ? std::atof(words[1].c_str()) : 3600;
  ::usleep(static_cast<useconds_t>(seconds * 1e6));
}

void exit_with(const Words& words) {
  std::fflush(stdout);
  ::_exit(std::atoi(words.at(1).c_str()));
}

void raise_signal(const Words& words) {
  std::fflush(stdout);
  ::raise(std::atoi(words.at(1).c_str()));
}

void abort_now(const Words&) { std::fflush(stdout), std::abort(); }

// A number, "str:TEXT" for a pointer to TEXT, "buf:N" for a pointer to N zero bytes, "fd:PATH" for an open file.
long argument(const std::string& word) {
  if (word.starts_with("str:")) return reinterpret_cast<long>(::strdup(word.c_str() + 4));
  if (word.starts_with("buf:")) return reinterpret_cast<long>(std::calloc(1, std::strtoul(word.c_str() + 4, nullptr, 0)));
  if (word.starts_with("fd:")) return ::open(word.c_str() + 3, O_RDONLY | O_CLOEXEC);
  if (word.starts_with("-")) return std::strtol(word.c_str(), nullptr, 0);
  return static_cast<long>(std::strtoul(word.c_str(), nullptr, 0));
}

struct Call { long number = -1, arguments[6] = {}; };

Call parse_call(const Words& words) {
  Call call;
  const std::string& name = words.at(1);
  const bool by_number = name[0] >= '0' && name[0] <= '9';
  call.number = by_number ? std::atol(name.c_str()) : ::seccomp_syscall_resolve_name(name.c_str());
  for (std::size_t i = 2; i < words.size() && i < 8; ++i) call.arguments[i - 2] = argument(words[i]);
  return call;
}

// try NAME|NUMBER [ARGUMENT…]: "try NAME 0" or "try NAME EPERM". A child of clone or fork just ends.
void try_call(const Words& words) {
  const Call call = parse_call(words);
  const auto& a = call.arguments;
  std::fflush(stdout);
  errno = 0;
  const pid_t self = ::getpid();
  const long result = ::syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const int code = errno;
  if (result == 0 && ::syscall(39 /* getpid */) != self) ::_exit(0);
  errno = code;
  print("try", words.at(1) + " " + (result == -1 ? error_name() : "0"));
}

// int80 NUMBER [ARGUMENT…]: the call through the 32-bit entry, where NUMBER is i386's.
void try_int80(const Words& words) {
  std::fflush(stdout);
  long result = std::atol(words.at(1).c_str());
  const long first = words.size() > 2 ? argument(words[2]) : 0;
  asm volatile("int $0x80" : "+a"(result) : "b"(first), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
  const auto value = static_cast<int>(result);
  errno = value < 0 ? -value : 0;
  print("int80", words.at(1) + " " + (value < 0 ? error_name() : "0"));
}

void outcome(const std::string& what, const std::string& path, bool good) {
  print(what, path + " " + (good ? "0" : error_name()));
}

void write_file(const Words& words) {
  const int fd = ::open(words.at(1).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  const std::string text = words.size() > 2 ? words[2] : "probe\n";
  outcome("write", words[1], fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(fd);
}

void read_file(const Words& words) {
  const int fd = ::open(words.at(1).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  char byte = 0;
  outcome("read", words[1], fd >= 0 && ::read(fd, &byte, 1) >= 0);
  ::close(fd);
}

void open_file(const Words& words) {
  const int fd = ::open(words.at(1).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  outcome("open", words[1], fd >= 0);
  ::close(fd);
}

void cat(const Words& words) { print_lines("line", words.at(1)); }

void list(const Words& words) {
  for (const std::string& name : names_in(words.at(1))) print("entry", name);
}

void describe_file(const Words& words) {
  struct stat facts {};
  if (::lstat(words.at(1).c_str(), &facts) != 0) return outcome("stat", words[1], false);
  char text[128];
  std::snprintf(text, sizeof text, "%o %u:%u %lld", facts.st_mode, facts.st_uid, facts.st_gid,
                static_cast<long long>(facts.st_size));
  print("stat", words[1] + " " + text);
}

struct Row { const char* name; void (*act)(const Words&); std::size_t words; const char* form; };
constexpr Row rows[] = {
    {"ids", ids, 1, ""}, {"fds", fds, 1, ""}, {"caps", caps, 1, ""}, {"mounts", mounts, 1, ""},
    {"environment", environment, 1, ""}, {"cwd", where, 1, ""}, {"namespaces", namespaces, 1, ""},
    {"pids", pids, 1, ""}, {"tty", terminal, 1, ""}, {"rlimits", limits, 1, ""},
    {"sleep", sleep_for, 1, "[SECONDS]"}, {"exit", exit_with, 2, "STATUS"}, {"signal", raise_signal, 2, "NUMBER"},
    {"abort", abort_now, 1, ""}, {"try", try_call, 2, "SYSCALL [ARGUMENT…]"},
    {"int80", try_int80, 2, "NUMBER [ARGUMENT]"}, {"write", write_file, 2, "PATH [TEXT]"},
    {"read", read_file, 2, "PATH"}, {"open", open_file, 2, "PATH"}, {"cat", cat, 2, "PATH"},
    {"list", list, 2, "DIRECTORY"}, {"stat", describe_file, 2, "PATH"},
};

bool act(const Words& words) {
  if (words.empty()) return false;
  for (const Row& row : rows)
    if (words[0] == row.name && words.size() >= row.words) return row.act(words), true;
  return false;
}

int usage() {
  std::fprintf(stderr, "usage: probe SUB-COMMAND [and SUB-COMMAND]…\n");
  for (const Row& row : rows) std::fprintf(stderr, "  %s %s\n", row.name, row.form);
  return 64;
}

}  // namespace

int main(int argc, char** argv) {
  Words words;
  for (int i = 1; i <= argc; ++i) {
    if (i < argc && std::strcmp(argv[i], "and") != 0) {
      words.emplace_back(argv[i]);
      continue;
    }
    if (!act(words)) return usage();
    words.clear();
  }
}
