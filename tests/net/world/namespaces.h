// Network namespaces as the tests use them: enter() makes the process a stranger to the real network, with every
// right in a user namespace of its own; In switches this thread for a while; run_in() runs a program elsewhere.
#pragma once

#include "harness/sandbox_run.h"

#include <string>
#include <sys/types.h>

namespace world {

// Held by its descriptor: no process needs to live in it.
class Namespace {
 public:
  explicit Namespace(int fd) : fd_(fd) {}
  Namespace(Namespace&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Namespace(const Namespace&) = delete;
  ~Namespace();
  int fd() const { return fd_; }
  ino_t id() const;

 private:
  int fd_;
};

// The process gets a user, mount and network namespace of its own; its user and group ids stay. Once; what makes it
// impossible, or "".
std::string enter();

Namespace own_namespace();             // of this thread, as it is now
Namespace new_namespace();
Namespace namespace_of(pid_t pid);
ino_t namespace_id(pid_t pid);         // 0: gone, or not to be seen

// This thread is in `where` while the object lives.
class In {
 public:
  explicit In(const Namespace& where);
  ~In();
  In(const In&) = delete;
  In& operator=(const In&) = delete;

 private:
  Namespace back_;
};

// A program in that namespace, with every capability there.
harness::Outcome run_in(const Namespace& where, harness::Command command);
// The same for the lines of a script; a failure is an exception with what it said.
void script_in(const Namespace& where, const std::string& script);

// Programs that are started while the object lives have every capability (capabilities(7), ambient).
class Privileged {
 public:
  Privileged();
  ~Privileged();
  Privileged(const Privileged&) = delete;
  Privileged& operator=(const Privileged&) = delete;
};

}  // namespace world
