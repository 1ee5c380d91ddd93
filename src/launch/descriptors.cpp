// A directory would be a way out of the sandbox (CVE-2024-21626).
#include "launch/descriptors.h"

#include "sys/file.h"
#include "sys/process.h"

#include <cerrno>
#include <fcntl.h>

namespace launch {

Result<> check_descriptors() {
  for (const int number : {0, 1, 2}) {
    const auto found = sys::stat_fd(number, text("descriptor ", number));
    if (!found && found.error().code == EBADF) {
      // The lowest free number is this one: the lower ones are open by now.
      const int null = TRY(sys::open_file("/dev/null", O_RDWR)).release();
      if (null != number) return fail("descriptor ", number, " could not be opened");
      TRY(sys::keep_open_on_exec(number));
      continue;
    }
    if (!found) return std::unexpected<Error>(found.error());
    if (found->kind == sys::FileKind::directory)
      return fail_hint("a directory would be a way out of the sandbox", "descriptor ", number, " is a directory");
  }
  return sys::make_inherited_close_on_exec(3);
}

}  // namespace launch
