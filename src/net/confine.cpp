// The filter is written out as BPF here: some forty calls, of which four have their arguments looked at. What is not
// in the list was done before, or is never done: no open, no mmap, no clone, no exec, no ptrace, no netlink.
#include "net/confine.h"

#include "sys/file.h"
#include "sys/inet.h"
#include "sys/isolate.h"
#include "sys/mount.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/seccomp.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <initializer_list>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/icmp6.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace net {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t own_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t own_architecture = AUDIT_ARCH_AARCH64;
#else
#error "the filter of the engine does not know this architecture"
#endif
constexpr std::uint32_t x32_bit = 0x40000000;

constexpr auto plain_calls = std::to_array<std::uint32_t>({
    SYS_epoll_pwait, SYS_epoll_ctl, SYS_read, SYS_write, SYS_writev, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg,
    SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_connect, SYS_bind, SYS_accept4, SYS_getsockname, SYS_getsockopt,
    SYS_shutdown, SYS_close, SYS_clock_gettime, SYS_getrandom, SYS_madvise, SYS_exit, SYS_exit_group,
    SYS_rt_sigreturn, SYS_restart_syscall, SYS_sched_yield,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
});

class Program {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_argument(unsigned index) {  // its low half: all that are compared are ints, of which the kernel takes no more
    load(offsetof(seccomp_data, args) + 8 * index);
  }
  void mask(std::uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }
  void allow() { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); }
  void kill() { add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS); }
  void allow_if(std::uint32_t value) {
    skip_unless(value, 1);
    allow();
  }
  void kill_unless(std::initializer_list<std::uint32_t> values) {
    std::uint8_t left = static_cast<std::uint8_t>(values.size());
    for (const std::uint32_t value : values) code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, left--, 0));
    kill();
  }
  void skip_unless(std::uint32_t value, std::uint8_t count) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
  }
  void kill_if_set(std::uint32_t bits) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    kill();
  }
  // `check` ends every path through it, and is for this call only.
  void on_call(std::uint32_t number, const Program& check) {
    skip_unless(number, static_cast<std::uint8_t>(check.code_.size()));
    code_.insert(code_.end(), check.code_.begin(), check.code_.end());
  }
  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void add(int code, std::uint32_t value) { code_.push_back(BPF_STMT(static_cast<std::uint16_t>(code), value)); }
  std::vector<sock_filter> code_;
};

// socket(2): Internet streams and datagrams, and of the protocols besides theirs only ICMP echo.
Program check_socket() {
  Program p;
  p.load_argument(1);
  p.mask(~static_cast<std::uint32_t>(SOCK_NONBLOCK | SOCK_CLOEXEC));
  p.kill_unless({SOCK_STREAM, SOCK_DGRAM});
  p.load_argument(2);
  p.kill_unless({0, IPPROTO_ICMP, IPPROTO_ICMPV6});
  p.load_argument(0);
  p.allow_if(AF_INET);
  p.allow_if(AF_INET6);
  p.kill();
  return p;
}

Program check_option() {
  Program p;
  for (const auto [level, name] : sys::option_numbers) {
    p.load_argument(1);
    p.skip_unless(static_cast<std::uint32_t>(level), 3);
    p.load_argument(2);
    p.allow_if(static_cast<std::uint32_t>(name));
  }
  p.kill();
  return p;
}

Result<> empty_root() {
  TRY(sys::make_mounts_private());
  const sys::Fd root = TRY(sys::make_filesystem("tmpfs", {{"size", "4k"}, {"nr_inodes", "2"}, {"mode", "0555"}},
                                                {.read_only = true, .nosuid = true, .nodev = true, .noexec = true}));
  TRY(sys::attach_mount(root, "/"));
  return sys::pivot_to(root);
}

// A last word of the C library must not end up in a socket that got the number of its standard error.
Result<> close_standard_streams() {
  const sys::Fd nothing = TRY(sys::open_file("/dev/null", O_RDWR));
  for (const int number : {0, 1, 2}) TRY(sys::duplicate_onto(nothing, number));
  return {};
}

}  // namespace

Result<> leave_host(std::span<const int> kept, std::size_t most_descriptors) {
  // As the superuser its files would be ours in every namespace.
  if (sys::is_superuser()) {
    TRY(sys::clear_groups());
    TRY(sys::set_ids(65534, 65534));
  }
  // Where the hard limit is lower, flows beyond it are refused one by one.
  const std::uint64_t hard = TRY(sys::resource_limit(RLIMIT_NOFILE, "number of open files")).second;
  const std::uint64_t most = std::min<std::uint64_t>(most_descriptors, hard);
  TRY(sys::set_resource_limit(RLIMIT_NOFILE, most, most, "number of open files"));
  TRY(close_standard_streams());
  TRY(sys::enter_new_namespaces(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
                                "the engine's own namespaces"));
  TRY(empty_root());
  std::vector<int> all{0, 1, 2};
  all.insert(all.end(), kept.begin(), kept.end());
  TRY(sys::close_all_except(all));
  TRY(sys::bound_capabilities({}));
  TRY(sys::keep_capabilities({}));
  TRY(sys::set_no_new_privileges());
  TRY(sys::set_resource_limit(RLIMIT_CORE, 0, 0, "size of core files"));
  TRY(sys::set_dumpable(false));
  return sys::set_parent_death_signal(SIGKILL);  // last: a change of credentials takes it back
}

std::vector<sock_filter> make_engine_filter() {
  Program p;
  p.load(offsetof(seccomp_data, arch));
  p.kill_unless({own_architecture});
  p.load(offsetof(seccomp_data, nr));
  p.kill_if_set(x32_bit);
  for (const std::uint32_t call : plain_calls) p.allow_if(call);
  p.on_call(SYS_socket, check_socket());
  p.on_call(SYS_setsockopt, check_option());
  p.kill();
  return p.take();
}

Result<> lock_in() { return sys::install_filter(make_engine_filter()); }

}  // namespace net
