// The engine's filter, run as the kernel would run it: what the loop needs passes, everything else kills.
#include "net/confine.h"

#include "bpf_interpreter.h"
#include "sys/inet.h"

#include <cerrno>
#include <linux/audit.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t own = AUDIT_ARCH_X86_64, foreign = AUDIT_ARCH_I386;
#else
constexpr std::uint32_t own = AUDIT_ARCH_AARCH64, foreign = AUDIT_ARCH_ARM;
#endif

std::uint32_t run(long number, std::array<std::uint64_t, 6> arguments = {}, std::uint32_t architecture = own) {
  static const std::vector<sock_filter> program = net::make_engine_filter();
  seccomp_data call{};
  call.nr = static_cast<int>(number), call.arch = architecture;
  std::copy(arguments.begin(), arguments.end(), call.args);
  return run_bpf(program, call);
}

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW, killed = SECCOMP_RET_KILL_PROCESS;

}  // namespace

TEST(EngineFilter, TheLoopsCallsPass) {
  for (const long call : std::initializer_list<long>{SYS_read, SYS_writev, SYS_sendmsg, SYS_recvfrom, SYS_sendmmsg, SYS_recvmmsg, SYS_epoll_ctl,
                          SYS_connect, SYS_bind, SYS_accept4, SYS_close, SYS_madvise, SYS_getrandom, SYS_exit_group})
    EXPECT_EQ(run(call), allow) << call;
}

TEST(EngineFilter, NothingIsOpenedMappedStartedOrTraced) {
  for (const long call : std::initializer_list<long>{SYS_openat, SYS_mmap, SYS_mprotect, SYS_brk, SYS_clone, SYS_clone3, SYS_execve, SYS_ptrace,
                          SYS_kill, SYS_io_uring_setup, SYS_unshare, SYS_mount, SYS_prctl, SYS_ioctl, SYS_listen,
                          SYS_socketpair, SYS_process_vm_readv, SYS_bpf, SYS_memfd_create, 100'000L})
    EXPECT_EQ(run(call), killed) << call;
}

TEST(EngineFilter, SocketsAreOfTheInternet) {
  constexpr std::uint64_t flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  for (const std::uint64_t family : {AF_INET, AF_INET6}) {
    EXPECT_EQ(run(SYS_socket, {family, SOCK_STREAM | flags, 0}), allow);
    EXPECT_EQ(run(SYS_socket, {family, SOCK_DGRAM | flags, 0}), allow);
    EXPECT_EQ(run(SYS_socket, {family, SOCK_DGRAM | flags, IPPROTO_ICMP}), allow);
    EXPECT_EQ(run(SYS_socket, {family, SOCK_DGRAM | flags, IPPROTO_ICMPV6}), allow);
    EXPECT_EQ(run(SYS_socket, {family, SOCK_RAW, 0}), killed);
    EXPECT_EQ(run(SYS_socket, {family, SOCK_STREAM, IPPROTO_MPTCP}), killed);
    EXPECT_EQ(run(SYS_socket, {family, SOCK_DGRAM, IPPROTO_UDPLITE}), killed);
  }
  for (const std::uint64_t family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG})
    EXPECT_EQ(run(SYS_socket, {family, SOCK_DGRAM, 0}), killed) << family;
}

TEST(EngineFilter, OptionsAreThoseOfTheTable) {
  for (const auto [level, name] : sys::option_numbers)
    EXPECT_EQ(run(SYS_setsockopt, {3, static_cast<std::uint64_t>(level), static_cast<std::uint64_t>(name)}), allow);
  EXPECT_EQ(run(SYS_setsockopt, {3, SOL_SOCKET, SO_ATTACH_FILTER}), killed);
  EXPECT_EQ(run(SYS_setsockopt, {3, SOL_SOCKET, SO_BINDTODEVICE}), killed);
  EXPECT_EQ(run(SYS_setsockopt, {3, IPPROTO_TCP, TCP_ULP}), killed);
  EXPECT_EQ(run(SYS_setsockopt, {3, IPPROTO_IP, 0}), killed);
}

TEST(EngineFilter, OtherAbisAreKilled) {
  EXPECT_EQ(run(SYS_read, {}, foreign), killed);
  EXPECT_EQ(run(SYS_read | 0x40000000L), killed);
}
