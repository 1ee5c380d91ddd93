// The failpoint of the test build: SBX_FAIL=ROLE:INDEX makes the INDEX-th call (from 1) that the process
// with that role makes through src/sys fail with EIO. What fired is appended to the file SBX_FAIL_LOG,
// by plain calls, so that a test knows when an index is past the last call. SBX_FAIL_NOSYS=NAME makes every
// call whose text contains NAME fail with ENOSYS, as on a kernel without it. With SBX_FAIL_KILL the process is killed
// instead, before the call.
#include "sys/failpoint.h"

#include "sys/call.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sys {

std::string errno_text(int code) {
  const char* words = ::strerrordesc_np(code);
  return words != nullptr ? std::string(words) : text("error ", code);
}

#ifdef SBX_FAILPOINTS
namespace {
// The one place of src with state of its own, and only in the test build.
struct Failpoint { std::string role = "launcher"; long calls = 0; bool armed = true; int log = -1; } point;

// At the first call, and on a high number: later there is another root, and low numbers are looked at.
void open_log() {
  const char* file = std::getenv("SBX_FAIL_LOG");
  if (file == nullptr || point.log >= 0) return;
  constexpr int out_of_the_way = 900;
  const int fd = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  point.log = ::fcntl(fd, F_DUPFD_CLOEXEC, out_of_the_way);
  if (point.log < 0) ::abort();
  ::close(fd);
}

void log_fired(const char* call) {
  const std::string line = text(point.role, ":", point.calls, " ", call, "\n");
  if (point.log >= 0 && ::write(point.log, line.data(), line.size()) < 0) ::abort();
}
}  // namespace

int failpoint_log() { return point.log; }

void failpoint_role(const char* role) { point = {.role = role, .log = point.log}; }

bool failpoint(const char* call) {
  if (const char* missing = std::getenv("SBX_FAIL_NOSYS"); missing != nullptr && std::strstr(call, missing) != nullptr) {
    errno = ENOSYS;
    return true;
  }
  const char* wanted = std::getenv("SBX_FAIL");
  if (wanted == nullptr || !point.armed) return false;
  open_log();
  ++point.calls;
  if (text(point.role, ":", point.calls) != wanted) return false;
  point.armed = false;
  log_fired(call);
  if (std::getenv("SBX_FAIL_KILL") != nullptr) {
    ::kill(::getpid(), SIGKILL);
    ::_exit(128 + SIGKILL);  // the first of a pid namespace takes no signal from inside it
  }
  errno = EIO;
  return true;
}
#endif

}  // namespace sys
