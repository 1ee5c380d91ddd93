// TUNSETIFF on /dev/net/tun, which looks at the network namespace of its caller, not of the device node.
#include "sys/tap.h"

#include "sys/call.h"
#include "sys/file.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

namespace sys {

Result<Fd> make_tap(const std::string& name) {
  Fd device = TRY(open_file("/dev/net/tun", O_RDWR));
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return fail("device name ", printable(name), " is too long");
  name.copy(request.ifr_name, name.size());
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (SYS(::ioctl(device.get(), TUNSETIFF, &request)) < 0) return fail_errno("make the tap device ", printable(name));
  return device;
}

}  // namespace sys
