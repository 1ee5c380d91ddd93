// Magic numbers as in statfs(2) and linux/magic.h; some are not in the headers.
#include "sys/filesystem.h"

#include "sys/call.h"

#include <array>
#include <cstdint>
#include <sys/vfs.h>
#include <sys/xattr.h>

namespace sys {

namespace {

struct Magic { std::uint32_t number; const char* name; };
constexpr std::array<Magic, 9> magics{{{0x01021997, "9p"}, {0x00c36400, "ceph"}, {0xff534d42, "cifs"}, {0xfe534d42, "cifs"},
                                       {0xf15f, "ecryptfs"}, {0x65735546, "fuse"}, {0x6969, "nfs"}, {0x794c7630, "overlay"},
                                       {0x4d44, "vfat"}}};
constexpr const char* mark = "user.overlay.opaque";  // with the option userxattr

}  // namespace

Result<std::string> filesystem_name(const std::string& path) {
  struct statfs found {};
  if (SYS(::statfs(path.c_str(), &found)) < 0) return fail_errno("statfs ", printable(path));
  for (const Magic& each : magics)
    if (each.number == static_cast<std::uint32_t>(found.f_type)) return std::string(each.name);
  return std::string();
}

Result<> try_overlay_mark(const Fd& directory, const std::string& shown) {
  if (SYS(::fsetxattr(directory.get(), mark, "n", 1, 0)) < 0) return fail_errno("set an extended attribute of ", printable(shown));
  if (SYS(::fremovexattr(directory.get(), mark)) < 0) return fail_errno("remove an extended attribute of ", printable(shown));
  return {};
}

}  // namespace sys
