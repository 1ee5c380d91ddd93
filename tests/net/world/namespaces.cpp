// unshare, setns and ambient capabilities.
#include "world/namespaces.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/capability.h>
#include <sched.h>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace world {
namespace {

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

int open_namespace(const std::string& process) {
  return ::open(("/proc/" + process + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
}

bool write_file(const char* file, const std::string& content) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  if (fd >= 0) ::close(fd);
  return written;
}

// The inheritable set: what may be made ambient.
void set_inheritable(bool all) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[2];
  if (::syscall(SYS_capget, &header, sets) != 0) give_up("capget");
  for (auto& set : sets) set.inheritable = all ? set.permitted : 0;
  if (::syscall(SYS_capset, &header, sets) != 0) give_up("capset");
}

}  // namespace

Namespace::~Namespace() {
  if (fd_ >= 0) ::close(fd_);
}

ino_t Namespace::id() const {
  struct stat facts {};
  return ::fstat(fd_, &facts) == 0 ? facts.st_ino : 0;
}

std::string enter() {
  const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) return std::string("unshare: ") + std::strerror(errno);
  if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", uid + " " + uid + " 1") ||
      !write_file("/proc/self/gid_map", gid + " " + gid + " 1"))
    return std::string("maps of a user namespace: ") + std::strerror(errno);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return std::string("mount: ") + std::strerror(errno);
  return "";
}

Namespace own_namespace() {
  const int fd = open_namespace("thread-self");
  if (fd < 0) give_up("own network namespace");
  return Namespace(fd);
}

Namespace new_namespace() {
  Namespace back = own_namespace();
  if (::unshare(CLONE_NEWNET) != 0) give_up("unshare");
  Namespace made = own_namespace();
  if (::setns(back.fd(), CLONE_NEWNET) != 0) give_up("setns");
  return made;
}

Namespace namespace_of(pid_t pid) {
  const int fd = open_namespace(std::to_string(pid));
  if (fd < 0) give_up("network namespace of " + std::to_string(pid));
  return Namespace(fd);
}

ino_t namespace_id(pid_t pid) {
  struct stat facts {};
  return ::stat(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), &facts) == 0 ? facts.st_ino : 0;
}

In::In(const Namespace& where) : back_(own_namespace()) {
  if (::setns(where.fd(), CLONE_NEWNET) != 0) give_up("setns");
}

In::~In() { ::setns(back_.fd(), CLONE_NEWNET); }

Privileged::Privileged() {
  set_inheritable(true);
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) give_up("ambient capability");
}

Privileged::~Privileged() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  set_inheritable(false);
}

harness::Outcome run_in(const Namespace& where, harness::Command command) {
  const In in(where);
  const Privileged privileged;
  return harness::run(command);
}

void script_in(const Namespace& where, const std::string& script) {
  const harness::Outcome outcome = run_in(where, {.argv = {"sh", "-ec", script}});
  if (outcome.status != 0) throw std::runtime_error(script + "\n" + outcome.out + outcome.err);
}

}  // namespace world
