// The default filter on the kernel: a child installs it and makes the call. Each call is also made without it,
// and with a filter that answers with an errno of its own, so that the answer is known to be the filter's.
#include "sys/seccomp.h"

#include "launch/seccomp.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sched.h>
#include <set>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using profile::Item;
using profile::Profile;

constexpr int marker = 222;  // no errno of the kernel's

plan::Seccomp make(const Profile& profile = {}) {
  auto policy = plan::make_seccomp(profile);
  if (!policy) ADD_FAILURE() << policy.error().message;
  return policy ? *policy : plan::Seccomp{};
}

// The same policy with every refusal answered by the marker.
plan::Seccomp marked(plan::Seccomp policy) {
  for (auto& rule : policy.rules)
    if (rule.action == plan::SyscallAction::deny) rule.code = marker;
  policy.otherwise_code = marker;
  return policy;
}

// The child's errno (0: the call was let through), or minus the signal that ended it.
int try_call(const plan::Seccomp* policy, const std::function<long()>& call) {
  launch::Filter filter;
  if (policy != nullptr) filter = launch::compile_filter(*policy).value_or(launch::Filter{});
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr int not_installed = 254;
    if (policy != nullptr && (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !sys::install_filter(filter)))
      ::_exit(not_installed);
    ::_exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  EXPECT_EQ(child, ::waitpid(child, &status, 0));
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

struct Call {
  const char* name;
  std::function<long()> make;
  int expected = EPERM;
};

template <class... Args>
std::function<long()> raw(long number, Args... args) {
  return [=] { return ::syscall(number, args...); };
}

// Arguments that could do no harm if they got through.
const std::vector<Call> dangerous{
    {"io_uring_setup", raw(SYS_io_uring_setup, 0, nullptr)},
    {"io_uring_enter", raw(SYS_io_uring_enter, -1, 0, 0, 0, nullptr, 0)},
    {"io_uring_register", raw(SYS_io_uring_register, -1, 0, nullptr, 0)},
    {"bpf", raw(SYS_bpf, -1, nullptr, 0)},
    {"perf_event_open", raw(SYS_perf_event_open, nullptr, 0, -1, -1, 0)},
    {"keyctl", raw(SYS_keyctl, -1)},
    {"add_key", raw(SYS_add_key, nullptr, nullptr, nullptr, 0, 0)},
    {"request_key", raw(SYS_request_key, nullptr, nullptr, nullptr, 0)},
    {"userfaultfd", raw(SYS_userfaultfd, -1)},
    {"mount", raw(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr)},
    {"umount2", raw(SYS_umount2, nullptr, 0)},
    {"pivot_root", raw(SYS_pivot_root, nullptr, nullptr)},
    {"chroot", raw(SYS_chroot, nullptr)},
    {"open_tree", raw(SYS_open_tree, -1, nullptr, 0)},
    {"open_tree_attr", raw(467, -1, nullptr, 0, nullptr, 0)},
    {"move_mount", raw(SYS_move_mount, -1, nullptr, -1, nullptr, 0)},
    {"mount_setattr", raw(SYS_mount_setattr, -1, nullptr, 0, nullptr, 0)},
    {"fsopen", raw(SYS_fsopen, nullptr, 0)},
    {"fsconfig", raw(SYS_fsconfig, -1, 0, nullptr, nullptr, 0)},
    {"fsmount", raw(SYS_fsmount, -1, 0, 0)},
    {"fspick", raw(SYS_fspick, -1, nullptr, 0)},
    {"ptrace", raw(SYS_ptrace, PTRACE_TRACEME, 0, nullptr, nullptr)},
    {"process_vm_readv", raw(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0)},
    {"process_vm_writev", raw(SYS_process_vm_writev, 1, nullptr, 0, nullptr, 0, 0)},
    {"pidfd_getfd", raw(SYS_pidfd_getfd, -1, 0, 0)},
    {"kexec_load", raw(SYS_kexec_load, 0, 1UL << 20, nullptr, ~0UL)},
    {"kexec_file_load", raw(SYS_kexec_file_load, -1, -1, 0, nullptr, ~0UL)},
    {"init_module", raw(SYS_init_module, nullptr, 0, nullptr)},
    {"finit_module", raw(SYS_finit_module, -1, nullptr, 0)},
    {"delete_module", raw(SYS_delete_module, nullptr, 0)},
    {"open_by_handle_at", raw(SYS_open_by_handle_at, -1, nullptr, 0)},
    {"quotactl", raw(SYS_quotactl, -1, nullptr, 0, nullptr)},
    {"quotactl_fd", raw(SYS_quotactl_fd, -1, -1, 0, nullptr)},
    {"acct", raw(SYS_acct, -1L)},
    {"swapon", raw(SYS_swapon, nullptr, 0)},
    {"swapoff", raw(SYS_swapoff, nullptr)},
    {"reboot", raw(SYS_reboot, 0, 0, 0, nullptr)},
    {"settimeofday", raw(SYS_settimeofday, -1L, nullptr)},
    {"clock_settime", raw(SYS_clock_settime, 0, nullptr)},
    {"lookup_dcookie", raw(SYS_lookup_dcookie, 0, nullptr, 0)},
    {"unshare", raw(SYS_unshare, CLONE_NEWUSER)},
    {"setns", raw(SYS_setns, -1, 0)},
    {"clone NEWUSER", raw(SYS_clone, CLONE_NEWUSER | CLONE_THREAD, nullptr, nullptr, nullptr, 0)},
    {"clone NEWNS", raw(SYS_clone, CLONE_NEWNS | CLONE_FS, nullptr, nullptr, nullptr, 0)},
    {"clone3", raw(SYS_clone3, nullptr, 0), ENOSYS},
    {"socket ALG", raw(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT},
    {"socket VSOCK", raw(SYS_socket, AF_VSOCK, SOCK_STREAM, 0), EAFNOSUPPORT},
    {"socket PACKET", raw(SYS_socket, AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT},
    {"personality", raw(SYS_personality, ADDR_NO_RANDOMIZE)},
    {"TIOCSTI", raw(SYS_ioctl, -1, TIOCSTI, nullptr)},
    {"TIOCSTI and high bits", raw(SYS_ioctl, -1, 0xdeadbeef00000000 | TIOCSTI, nullptr)},
    {"TIOCLINUX", raw(SYS_ioctl, -1, TIOCLINUX, nullptr)},
    {"TIOCLINUX and high bits", raw(SYS_ioctl, -1, 0x100000000 | TIOCLINUX, nullptr)},
    {"a call not there yet", raw(600), ENOSYS},
};

TEST(SysSeccomp, DangerousCallsAreRefusedByTheFilter) {
  const auto policy = make(), with_marker = marked(policy);
  for (const Call& call : dangerous) {
    EXPECT_EQ(call.expected, try_call(&policy, call.make)) << call.name;
    EXPECT_EQ(marker, try_call(&with_marker, call.make)) << call.name;
  }
}

// Those where nothing but the filter refuses, whoever asks.
TEST(SysSeccomp, WithoutTheFilterTheAnswersDiffer) {
  const std::set<std::string> only_ours{"ptrace", "personality", "keyctl", "add_key", "userfaultfd", "pidfd_getfd",
                                        "TIOCSTI", "TIOCSTI and high bits", "TIOCLINUX", "TIOCLINUX and high bits",
                                        "clone3", "process_vm_readv", "clone NEWUSER", "setns", "open_tree"};
  std::size_t tried = 0;
  for (const Call& call : dangerous) {
    if (!only_ours.contains(call.name)) continue;
    EXPECT_NE(call.expected, try_call(nullptr, call.make)) << call.name;
    ++tried;
  }
  EXPECT_EQ(only_ours.size(), tried);
}

TEST(SysSeccomp, OrdinaryCallsPass) {
  const auto policy = make();
  const std::vector<Call> ordinary{
      {"getppid", raw(SYS_getppid)},
      {"open", raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0)},
      {"pipe", [] { int ends[2]; return ::pipe2(ends, O_CLOEXEC); }},
      {"socket", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"fork", [] {
         const pid_t child = ::fork();
         if (child == 0) ::_exit(0);
         return child < 0 ? -1L : long{::waitpid(child, nullptr, 0)};
       }},
      {"exec", [] { return ::execl("/bin/true", "true", nullptr); }},
      {"personality", raw(SYS_personality, 0xffffffff)},
  };
  for (const Call& call : ordinary) EXPECT_EQ(0, try_call(&policy, call.make)) << call.name;
}

long call_x86(long number) {
  long result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
  return result;
}

TEST(SysSeccomp, ForeignAbisKill) {
  constexpr long getpid_x86 = 20, x32_bit = 0x40000000;
  const auto int80 = [] { return call_x86(getpid_x86); };
  auto policy = make();
  EXPECT_EQ(-SIGSYS, try_call(&policy, int80));
  EXPECT_EQ(-SIGSYS, try_call(&policy, raw(SYS_getpid | x32_bit)));
  EXPECT_NE(-SIGSYS, try_call(nullptr, int80));
  EXPECT_NE(-SIGSYS, try_call(nullptr, raw(SYS_getpid | x32_bit)));
  Profile profile;
  profile.seccomp_abis = {{"x86", {}}, {"x32", {}}};
  policy = make(profile);
  EXPECT_EQ(try_call(nullptr, int80), try_call(&policy, int80));
  EXPECT_EQ(try_call(nullptr, raw(SYS_getpid | x32_bit)), try_call(&policy, raw(SYS_getpid | x32_bit)));
}

TEST(SysSeccomp, ASandboxInTheSandboxWhereNestedUsernsIsOn) {
  const auto quiet = [] {
    ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
    return ::execlp("bwrap", "bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs",
                    "/tmp", "true", nullptr);
  };
  if (try_call(nullptr, quiet) != 0) GTEST_SKIP() << "bwrap does not run here";
  Profile profile;
  profile.nested_userns = Item{"true", {}};
  const auto open = make(profile), closed = make();
  EXPECT_EQ(0, try_call(&open, quiet));
  EXPECT_NE(0, try_call(&closed, quiet));
}

TEST(SysSeccomp, KillDefaultKills) {
  Profile profile;
  profile.seccomp_default = Item{"kill", {}};
  profile.seccomp_deny = {{"getcwd", {}}};
  const auto policy = make(profile);
  EXPECT_EQ(-SIGSYS, try_call(&policy, raw(600)));
  EXPECT_EQ(EPERM, try_call(&policy, raw(SYS_getcwd, nullptr, 0)));
}

TEST(SysSeccomp, ARefusedFilterIsAnError) {
  const sock_filter bad{BPF_LD | BPF_W | BPF_ABS, 0, 0, 4096};
  const auto install = [&] {
    const auto refused = sys::install_filter({&bad, 1});
    errno = refused ? 0 : refused.error().code;
    return refused ? 0L : -1L;
  };
  const auto harmless = make();
  EXPECT_EQ(EINVAL, try_call(&harmless, install));  // with no_new_privs set
  const auto refused = sys::install_filter({&bad, 1});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("install the seccomp filter of 1 instructions: "));
  EXPECT_FALSE(sys::install_filter(std::vector<sock_filter>(5000)));
}

}  // namespace
