// TUNSETIFF on /dev/net/tun, which looks at the network namespace of its caller, not of the device node.
#include "sys/tap.h"

#include "sys/call.h"
#include "sys/file.h"
#include "sys/user.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

namespace sys {

namespace {
constexpr int vnet_header_bytes = 10;
// Not in the kernel headers of Debian 12 (6.1).
constexpr unsigned long tun_f_uso4 = 0x20, tun_f_uso6 = 0x40;
}  // namespace

Result<Fd> make_tap(const std::string& name) {
  Fd device = TRY(open_file("/dev/net/tun", O_RDWR));
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return fail("device name ", printable(name), " is too long");
  name.copy(request.ifr_name, name.size());
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (SYS(::ioctl(device.get(), TUNSETIFF, &request)) < 0) return fail_errno("make the tap device ", printable(name));
  if (SYS(::ioctl(device.get(), TUNSETVNETHDRSZ, &vnet_header_bytes)) < 0)
    return fail_errno("set the header size of the tap device ", printable(name));
  return device;
}

Result<TapOffload> set_tap_offload(const Fd& tap) {
  const unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  // Nothing tells of it but the version.
  const bool big_tcp = kernel_version() >= std::pair(6, 6);
  if (SYS(::ioctl(tap.get(), TUNSETOFFLOAD, tcp | tun_f_uso4 | tun_f_uso6)) == 0) return TapOffload{.udp_segments = true, .big_tcp = big_tcp};
  if (SYS(::ioctl(tap.get(), TUNSETOFFLOAD, tcp)) == 0) return TapOffload{};
  return fail_errno("set the offloads of the tap device");
}

Result<> make_non_blocking(const Fd& file, const std::string& name) {
  const int flags = SYS(::fcntl(file.get(), F_GETFL));
  if (flags < 0 || SYS(::fcntl(file.get(), F_SETFL, flags | O_NONBLOCK)) < 0)
    return fail_errno("make ", printable(name), " non-blocking");
  return {};
}

}  // namespace sys
