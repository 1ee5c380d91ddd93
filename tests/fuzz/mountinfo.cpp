// The first line that a mask's number begins is found, whatever names the mounts have (proc_pid_mountinfo(5)).
#include "supervise/init.h"
#include "sys/mount_table.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string in(reinterpret_cast<const char*>(bytes), size);
  const std::vector<std::pair<std::uint64_t, std::string>> masks{{123, "/a"}, {UINT64_MAX, "/b"}};
  const std::string* lost = supervise::lost_mask(masks, in);
  if (lost != nullptr && lost != &masks[0].second && lost != &masks[1].second) std::abort();
  for (const std::string& place : sys::places_in(in))
    if (!place.starts_with('/')) std::abort();
  // Lines of ours before them are seen.
  const std::string with = "123 1 0:1 / /a rw\n18446744073709551615 1 0:1 / /b rw\n" + in;
  if (supervise::lost_mask(masks, with) != nullptr) std::abort();
  return 0;
}
