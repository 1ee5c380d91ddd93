// The failpoint of the test build: SBX_FAIL=ROLE:INDEX makes the INDEX-th call (from 1) that the process
// with that role makes through src/sys fail with EIO. What fired is appended to the file SBX_FAIL_LOG,
// by plain calls, so that a test knows when an index is past the last call.
#include "sys/failpoint.h"

#include "sys/call.h"

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
struct Failpoint { std::string role = "launcher"; long calls = 0; bool armed = true; } point;

void log_fired(const char* call) {
  const char* file = std::getenv("SBX_FAIL_LOG");
  if (file == nullptr) return;
  const int fd = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  const std::string line = text(point.role, ":", point.calls, " ", call, "\n");
  if (fd >= 0 && ::write(fd, line.data(), line.size()) < 0) ::abort();
  ::close(fd);
}
}  // namespace

void failpoint_role(const char* role) { point = {.role = role}; }

bool failpoint(const char* call) {
  const char* wanted = std::getenv("SBX_FAIL");
  if (wanted == nullptr || !point.armed) return false;
  ++point.calls;
  if (text(point.role, ":", point.calls) != wanted) return false;
  point.armed = false;
  log_fired(call);
  errno = EIO;
  return true;
}
#endif

}  // namespace sys
