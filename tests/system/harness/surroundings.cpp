// Reads the host's side: directory trees, /proc and the mounts.
#include "harness/surroundings.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <linux/landlock.h>
#include <sched.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace harness {
namespace {

namespace fs = std::filesystem;

std::string facts_of(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return std::strerror(errno);
  std::ostringstream out;
  out << std::oct << facts.st_mode << std::dec << ' ' << facts.st_uid << ':' << facts.st_gid << ' ' << facts.st_nlink
      << ' ' << facts.st_mtim.tv_sec << '.' << facts.st_mtim.tv_nsec << ' ';
  if (S_ISLNK(facts.st_mode)) out << fs::read_symlink(path).string();
  if (S_ISREG(facts.st_mode)) out << (::access(path.c_str(), R_OK) == 0 ? read_file(path) : "unreadable");
  return out.str();
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr ? base : "/tmp") + "/sbx-test.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  path_ = fs::canonical(path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(path_, fs::directory_options::skip_permission_denied, ignored))
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored))
      fs::permissions(entry, fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::remove_all(path_, ignored);
}

std::string TempDir::write(std::string_view name, std::string_view content) const {
  const fs::path file = *this / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
  return file;
}

std::string TempDir::make(std::string_view name) const {
  fs::create_directories(*this / name);
  return *this / name;
}

std::string read_file(const std::string& file) {
  // Not a stream: a process may end between open and read, and its entry in /proc answers ESRCH then.
  std::string content;
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return content;
  char block[65536];
  for (ssize_t got = 0; (got = ::read(fd, block, sizeof block)) > 0;) content.append(block, static_cast<std::size_t>(got));
  ::close(fd);
  return content;
}

Tree read_tree(const std::string& directory) {
  Tree tree{{".", facts_of(directory)}};
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    tree[entry.path().lexically_relative(directory)] = facts_of(entry.path());
  return tree;
}

std::string changes(const Tree& before, const Tree& after) {
  std::string out;
  for (const auto& [name, facts] : before) {
    const auto now = after.find(name);
    if (now == after.end()) out += "-" + name + "\n";
    else if (now->second != facts) out += "~" + name + "\n";
  }
  for (const auto& [name, facts] : after)
    if (!before.contains(name)) out += "+" + name + "\n";
  return out;
}

Words mounts() {
  Words lines;
  std::ifstream in("/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> found;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::error_code gone;
  for (const auto& task : fs::directory_iterator(tasks, gone)) {
    std::ifstream in(task.path() / "children");
    for (pid_t child = 0; in >> child;) found.push_back(child);
  }
  return found;
}

// The dead are left for their Process to reap: their state is the letter after "(command) ".
std::vector<pid_t> children() {
  std::vector<pid_t> alive;
  for (const pid_t pid : children_of(::getpid())) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(") ");
    if (name_end != std::string::npos && stat[name_end + 2] != 'Z') alive.push_back(pid);
  }
  return alive;
}

std::vector<pid_t> processes_with(std::string_view marker) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!is_number(name) || std::stoi(name) == ::getpid()) continue;
    if (read_file(entry.path() / "cmdline").find(marker) != std::string::npos) found.push_back(std::stoi(name));
  }
  return found;
}

std::string no_user_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
  int status = 0;
  ::waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return code == 0 ? "" : std::string("user namespaces are off here: unshare: ") + std::strerror(code);
}

std::string no_net_host() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version >= 6 ? "" : "Landlock is of ABI " + std::to_string(std::max(version, 0L)) + ", and --net host needs 6";
}

bool has_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + std::string(name)).c_str(), X_OK) == 0) return true;
  return false;
}

std::string no_id_range() {
  if (!has_program("newuidmap")) return "newuidmap is not installed (package uidmap)";
  const Outcome account = run({.argv = {"id", "-un"}});
  const std::string user = account.out.substr(0, account.out.find('\n'));
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    const std::string text = "\n" + read_file(file), uid = std::to_string(::getuid());
    if (text.find("\n" + user + ":") == std::string::npos && text.find("\n" + uid + ":") == std::string::npos)
      return user + " has no range in " + file;
  }
  return "";
}

Words with_probe(Words options, const Words& words) {
  options.insert(options.end(), {"--ro", payload("probe") + ":/probe", "--", "/probe"});
  options.insert(options.end(), words.begin(), words.end());
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void SystemTest::SetUp() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // an orphan of a launch becomes our child, where children() sees it
  mounts_before_ = mounts();
  ::setenv("XDG_STATE_HOME", state_.path().c_str(), 1);
  SKIP_IF(no_user_namespaces());
}

void SystemTest::TearDown() {
  const bool alone = eventually([] { return children().empty(); }, 20s);
  std::string left;
  for (const pid_t pid : children()) {
    std::string command = read_file("/proc/" + std::to_string(pid) + "/cmdline");
    std::replace(command.begin(), command.end(), '\0', ' ');
    left += std::to_string(pid) + " " + command + "\n";
    ::kill(pid, SIGKILL);
  }
  EXPECT_TRUE(alone) << "left running:\n" << left;
  EXPECT_EQ(mounts(), mounts_before_) << "mounts changed";
}

Outcome SystemTest::run_sbx(Words arguments) {
  Command command = sbx(std::move(arguments));
  command.cwd = dir.path();
  return run(command);
}

Outcome SystemTest::run_shell(const std::string& script) {
  return run({.argv = {"sh", "-c", script}, .cwd = dir.path(),
              .environment = {"sbx=" + sbx_binary(), "probe=" + payload("probe")}});
}

}  // namespace harness
