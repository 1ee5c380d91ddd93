// The compiled filter, run by an interpreter for every number, ABI and telling argument: against a table written
// here by hand, and against what libseccomp compiles from the same rules.
#include "launch/seccomp.h"

#include "bpf_interpreter.h"

#include <array>
#include <cerrno>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <map>
#include <memory>
#include <seccomp.h>
#include <set>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using plan::SyscallAction;
using profile::Item;
using profile::Profile;

constexpr std::uint32_t allowed = SECCOMP_RET_ALLOW, killed = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t refused(int code) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(code); }
constexpr std::uint32_t eperm = refused(EPERM), enosys = refused(ENOSYS), no_family = refused(EAFNOSUPPORT);
constexpr std::uint32_t x32_bit = 0x40000000;
constexpr std::uint64_t above = std::uint64_t{1} << 32;  // a bit the kernel does not look at

profile::List list(const std::vector<std::string>& values) {
  profile::List out;
  for (const std::string& value : values) out.push_back({value, {}});
  return out;
}

plan::Seccomp make(const Profile& profile) {
  auto policy = plan::make_seccomp(profile);
  if (!policy) ADD_FAILURE() << policy.error().message;
  return policy ? *policy : plan::Seccomp{};
}

launch::Filter compile(const plan::Seccomp& policy) {
  auto filter = launch::compile_filter(policy);
  if (!filter) ADD_FAILURE() << filter.error().message;
  return filter ? *filter : launch::Filter{};
}

std::uint32_t verdict(const launch::Filter& filter, std::uint32_t arch, long number, std::array<std::uint64_t, 6> args = {}) {
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = arch;
  std::copy(args.begin(), args.end(), call.args);
  return run_bpf(filter, call);
}

std::uint32_t native(const launch::Filter& filter, long number, std::array<std::uint64_t, 6> args = {}) {
  return verdict(filter, AUDIT_ARCH_X86_64, number, args);
}

// ---- by hand ----------------------------------------------------------------------------------------------

// x86-64's calls that are not simply allowed: <asm/unistd_64.h>, and by number what is newer than it.
const std::set<long> refused_calls{
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_bpf, SYS_perf_event_open, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree,
    SYS_move_mount, SYS_mount_setattr, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, 467 /* open_tree_attr */,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_kexec_load, SYS_kexec_file_load,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_open_by_handle_at, SYS_quotactl, SYS_quotactl_fd,
    SYS_acct, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime,
    SYS_adjtimex, SYS_lookup_dcookie, SYS_unshare, SYS_setns, SYS_iopl, SYS_ioperm, SYS_syslog, SYS_vhangup,
    SYS_sethostname, SYS_setdomainname, SYS_fanotify_init, SYS_fanotify_mark, SYS_migrate_pages, SYS_move_pages};
const std::set<long> absent_calls{
    SYS_clone3, SYS_uselib, SYS_ustat, SYS_sysfs, SYS_modify_ldt, SYS__sysctl, SYS_create_module,
    SYS_get_kernel_syms, SYS_query_module, SYS_nfsservctl, SYS_getpmsg, SYS_putpmsg, SYS_afs_syscall, SYS_tuxcall,
    SYS_security, SYS_epoll_ctl_old, SYS_epoll_wait_old, SYS_vserver, 457 /* statmount */, 458 /* listmount */};
const std::set<long> checked_calls{SYS_clone, SYS_ioctl, SYS_socket, SYS_socketpair, SYS_personality};

bool exists(long number) { return number <= 336 || (number >= 424 && number <= 469); }

TEST(LaunchSeccomp, EveryNativeNumberHasTheVerdictOfTheTable) {
  const auto filter = compile(make({}));
  for (long number = 0; number <= 600; ++number) {
    if (checked_calls.contains(number)) continue;
    const bool absent = absent_calls.contains(number) || !exists(number);
    const std::uint32_t expected = refused_calls.contains(number) ? eperm : absent ? enosys : allowed;
    EXPECT_EQ(expected, native(filter, number)) << number;
  }
  for (const long number : {1000L, 0x3fffffffL, -1L}) EXPECT_EQ(enosys, native(filter, number)) << number;
}

TEST(LaunchSeccomp, EveryNumberOfAForeignAbiIsKilled) {
  const auto filter = compile(make({}));
  for (long number = 0; number <= 600; ++number) {
    EXPECT_EQ(killed, verdict(filter, AUDIT_ARCH_I386, number)) << number;
    EXPECT_EQ(killed, verdict(filter, AUDIT_ARCH_AARCH64, number)) << number;
    EXPECT_EQ(killed, native(filter, number | x32_bit)) << number;
  }
  EXPECT_EQ(killed, native(filter, 0x7fffffff));
  EXPECT_EQ(killed, native(filter, -2));
}

// The 32-bit numbers of what is dangerous, from <asm/unistd_32.h>.
const std::set<long> refused_x86_calls{
    425, 426, 427 /* io_uring */, 357 /* bpf */, 336 /* perf_event_open */, 286, 287, 288 /* keys */,
    374 /* userfaultfd */, 21, 22, 52, 217 /* mount */, 61 /* chroot */, 428, 429, 430, 431, 432, 433, 442, 467,
    26 /* ptrace */, 347, 348 /* process_vm */, 438 /* pidfd_getfd */, 283 /* kexec */, 128, 129, 350 /* modules */,
    342 /* open_by_handle_at */, 131, 443 /* quotactl */, 51 /* acct */, 87, 115 /* swap */, 88 /* reboot */,
    25, 79, 124, 264, 343, 404, 405 /* time */, 253 /* lookup_dcookie */, 310, 346 /* unshare, setns */,
    101, 110 /* ports */, 103 /* syslog */, 111 /* vhangup */, 74, 121 /* names */, 338, 339 /* fanotify */,
    294, 317 /* pages */};
const std::set<long> absent_x86_calls{
    17, 31, 32, 35, 44, 53, 56, 58, 98, 112, 127, 130, 134, 137, 149, 167, 169, 188, 189, 222, 223, 251, 273, 285,
    62, 68, 69, 86, 113, 135, 166, 435, 457, 458};
const std::set<long> checked_x86_calls{54 /* ioctl */, 102 /* socketcall */, 120 /* clone */, 136, 359, 360};

TEST(LaunchSeccomp, TheX86AbiFollowsTheSamePolicyWhereItIsLetIn) {
  Profile profile;
  profile.seccomp_abis = list({"x86"});
  const auto filter = compile(make(profile));
  for (long number = 0; number <= 600; ++number) {
    if (checked_x86_calls.contains(number)) continue;
    const bool exists_x86 = number <= 386 || (number >= 393 && number <= 469 && number != 415);
    const bool absent = absent_x86_calls.contains(number) || !exists_x86;
    const std::uint32_t expected = refused_x86_calls.contains(number) ? eperm : absent ? enosys : allowed;
    EXPECT_EQ(expected, verdict(filter, AUDIT_ARCH_I386, number)) << number;
  }
  const auto x86 = [&](long number, std::array<std::uint64_t, 6> args) { return verdict(filter, AUDIT_ARCH_I386, number, args); };
  EXPECT_EQ(eperm, x86(54, {0, 0x5412}));
  EXPECT_EQ(allowed, x86(54, {0, 0x5413}));
  EXPECT_EQ(no_family, x86(359, {38}));
  EXPECT_EQ(allowed, x86(359, {2}));
  EXPECT_EQ(eperm, x86(120, {0x10000000}));
  EXPECT_EQ(eperm, x86(102, {1}));   // SYS_SOCKET
  EXPECT_EQ(eperm, x86(102, {8}));   // SYS_SOCKETPAIR
  EXPECT_EQ(allowed, x86(102, {3}));
  EXPECT_EQ(allowed, native(filter, SYS_modify_ldt));
  EXPECT_EQ(killed, native(filter, 1 | x32_bit));
  EXPECT_EQ(killed, verdict(filter, AUDIT_ARCH_AARCH64, 20));
  EXPECT_EQ(killed, verdict(filter, 0, 20));
}

TEST(LaunchSeccomp, TheX32AbiFollowsTheSamePolicyWhereItIsLetIn) {
  Profile profile;
  profile.seccomp_abis = list({"x32"});
  const auto filter = compile(make(profile));
  EXPECT_EQ(allowed, native(filter, SYS_getpid | x32_bit));
  EXPECT_EQ(eperm, native(filter, SYS_bpf | x32_bit));
  EXPECT_EQ(eperm, native(filter, 521 | x32_bit));                 // its own ptrace
  EXPECT_EQ(eperm, native(filter, 514 | x32_bit, {0, 0x5412}));    // its own ioctl
  EXPECT_EQ(allowed, native(filter, 514 | x32_bit, {0, 0x5401}));
  EXPECT_EQ(enosys, native(filter, 600 | x32_bit));
  EXPECT_EQ(enosys, native(filter, -1));
  EXPECT_EQ(killed, verdict(filter, AUDIT_ARCH_I386, 20));
}

TEST(LaunchSeccomp, TerminalInjectionIsRefusedWhateverTheHighBitsSay) {
  const auto filter = compile(make({}));
  for (const std::uint64_t request : {0x5412ULL, 0x541cULL})
    for (int bit = 0; bit < 64; ++bit) {
      const std::uint64_t flipped = request ^ (1ULL << bit);
      const bool same = static_cast<std::uint32_t>(flipped) == 0x5412 || static_cast<std::uint32_t>(flipped) == 0x541c;
      EXPECT_EQ(same ? eperm : allowed, native(filter, SYS_ioctl, {0, flipped})) << request << " " << bit;
      EXPECT_EQ(eperm, native(filter, SYS_ioctl, {~0ULL, request | 0xffffffff00000000, ~0ULL}));
    }
}

TEST(LaunchSeccomp, NamespaceFlagsOfCloneAreRefusedOneByOne) {
  const auto filter = compile(make({}));
  EXPECT_EQ(allowed, native(filter, SYS_clone, {0x3d0f00}));          // pthread_create's
  EXPECT_EQ(allowed, native(filter, SYS_clone, {0x01200011 | above}));  // fork's
  for (const std::uint64_t flag : {0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000}) {
    EXPECT_EQ(eperm, native(filter, SYS_clone, {flag})) << flag;
    EXPECT_EQ(eperm, native(filter, SYS_clone, {flag | 17 | above})) << flag;
  }
  EXPECT_EQ(enosys, native(filter, SYS_clone3));
}

TEST(LaunchSeccomp, OnlyTheUsualFamiliesAndPersonalities) {
  const auto filter = compile(make({}));
  for (std::uint64_t family = 0; family < 64; ++family) {
    const bool usual = family == 1 || family == 2 || family == 10 || family == 16;
    for (const long call : {SYS_socket, SYS_socketpair})
      for (const std::uint64_t high : {0ULL, static_cast<unsigned long long>(above)})
        EXPECT_EQ(usual ? allowed : no_family, native(filter, call, {family | high})) << family;
  }
  const std::set<std::uint64_t> usual{0, 8, 0x20000, 0x20008, 0xffffffff};
  for (const std::uint64_t value : usual) EXPECT_EQ(allowed, native(filter, SYS_personality, {value | above}));
  for (int bit = 0; bit < 32; ++bit)
    EXPECT_EQ(usual.contains(1ULL << bit) ? allowed : eperm, native(filter, SYS_personality, {1ULL << bit})) << bit;
}

TEST(LaunchSeccomp, SysAdminOpensNamespacesOtherThanUser) {
  Profile profile;
  profile.capabilities = list({"SYS_ADMIN"});
  const auto filter = compile(make(profile));
  for (const long call : {SYS_clone, SYS_unshare}) {
    EXPECT_EQ(allowed, native(filter, call, {0x20000}));
    EXPECT_EQ(eperm, native(filter, call, {0x10000000}));
    EXPECT_EQ(eperm, native(filter, call, {0x10020000 | above}));
  }
  EXPECT_EQ(allowed, native(filter, SYS_setns, {3, 0x20000}));
  EXPECT_EQ(eperm, native(filter, SYS_setns, {3, 0}));
  EXPECT_EQ(eperm, native(filter, SYS_setns, {3, above}));
  EXPECT_EQ(eperm, native(filter, SYS_setns, {3, 0x10020000}));
}

// ---- against libseccomp -----------------------------------------------------------------------------------

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

std::uint32_t scmp_action(SyscallAction action, int code) {
  if (action == SyscallAction::deny) return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(code));
  if (action == SyscallAction::log) return SCMP_ACT_LOG;
  return action == SyscallAction::allow ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS;
}

Context new_context(std::uint32_t arch, std::uint32_t otherwise) {
  Context context(seccomp_init(otherwise), seccomp_release);
  EXPECT_EQ(0, seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
  EXPECT_EQ(0, seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  if (arch != SCMP_ARCH_X86_64) {
    EXPECT_EQ(0, seccomp_arch_add(context.get(), arch));
    EXPECT_EQ(0, seccomp_arch_remove(context.get(), SCMP_ARCH_X86_64));
  }
  return context;
}

launch::Filter exported(const Context& context) {
  const int fd = ::memfd_create("filter", MFD_CLOEXEC);
  EXPECT_EQ(0, seccomp_export_bpf(context.get(), fd));
  launch::Filter filter(BPF_MAXINSNS);
  const ssize_t size = ::pread(fd, filter.data(), filter.size() * sizeof(sock_filter), 0);
  ::close(fd);
  filter.resize(static_cast<std::size_t>(size) / sizeof(sock_filter));
  return filter;
}

struct Oracle {
  launch::Filter plain;                   // of the calls without compares
  std::map<int, launch::Filter> checked;  // one filter a call, its last rule's verdict as the default
  std::map<int, std::vector<plan::ArgumentCompare>> compares;
};

// libseccomp has no first-match order; where the conditional rules of a call exclude each other, or agree, it
// needs none.
Oracle make_oracle(const plan::Seccomp& policy, std::uint32_t arch) {
  Oracle oracle;
  const Context base = new_context(arch, scmp_action(policy.otherwise, policy.otherwise_code));
  std::map<std::string, std::vector<plan::SyscallRule>> calls;
  for (const auto& rule : policy.rules) calls[std::string(rule.call)].push_back(rule);
  for (const auto& [name, rules] : calls) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    const int local = seccomp_syscall_resolve_name_arch(arch, name.c_str());
    if (number == __NR_SCMP_ERROR || local < 0) continue;  // newer than libseccomp: the tables above hold them
    if (rules.size() == 1 && rules[0].compares.empty()) {
      EXPECT_EQ(0, seccomp_rule_add(base.get(), scmp_action(rules[0].action, rules[0].code), number, 0)) << name;
      continue;
    }
    const Context context = new_context(arch, scmp_action(rules.back().action, rules.back().code));
    for (std::size_t i = 0; i + 1 < rules.size(); ++i) {
      std::vector<scmp_arg_cmp> compares;
      for (const auto& compare : rules[i].compares) {
        compares.push_back({compare.index, SCMP_CMP_MASKED_EQ, compare.mask, compare.value});
        oracle.compares[local].push_back(compare);
      }
      EXPECT_EQ(0, seccomp_rule_add_array(context.get(), scmp_action(rules[i].action, rules[i].code), number,
                                          static_cast<unsigned>(compares.size()), compares.data())) << name;
    }
    oracle.checked[local] = exported(context);
  }
  oracle.plain = exported(base);
  return oracle;
}

std::vector<std::uint64_t> telling_values(const std::vector<plan::ArgumentCompare>& compares) {
  std::vector<std::uint64_t> values{0, ~0ULL, 0xffffffff, above};
  for (int bit = 0; bit < 64; ++bit) values.push_back(1ULL << bit);
  for (const auto& compare : compares)
    for (int bit = -1; bit < 64; ++bit) values.push_back(bit < 0 ? compare.value : compare.value ^ (1ULL << bit));
  return values;
}

// socketcall, ipc and the calls that can be made through them.
bool is_multiplexed(int number) {
  return number == 102 || number == 117 || number == 337 || number == 345 || (number >= 359 && number <= 373) ||
         (number >= 393 && number <= 402);
}

void expect_agreement(const plan::Seccomp& policy, std::uint32_t arch, std::uint32_t audit_arch, std::uint32_t base) {
  const auto filter = compile(policy);
  const Oracle oracle = make_oracle(policy, arch);
  for (int number = 0; number < 451; ++number) {
    const int called = number | static_cast<int>(base);
    if (arch == SCMP_ARCH_X86_64 && (number == 335 || number == 336)) continue;  // newer than libseccomp
    if (arch == SCMP_ARCH_X86 && is_multiplexed(number)) continue;               // it writes rules of its own for these
    const auto checked = oracle.checked.find(called);
    if (checked == oracle.checked.end()) {
      EXPECT_EQ(verdict(oracle.plain, audit_arch, called), verdict(filter, audit_arch, called)) << number;
      continue;
    }
    for (const std::uint64_t value : telling_values(oracle.compares.at(called)))
      for (const std::array<std::uint64_t, 6>& args : {std::array<std::uint64_t, 6>{value}, {0, value}, {~0ULL, value}})
        EXPECT_EQ(verdict(checked->second, audit_arch, called, args), verdict(filter, audit_arch, called, args))
            << number << " " << args[0] << " " << args[1];
  }
}

std::vector<Profile> profiles() {
  std::vector<Profile> out(8);
  out[1].nested_userns = Item{"true", {}};
  out[2].seccomp_default = Item{"allow", {}};
  out[3].seccomp_default = Item{"kill", {}};
  out[3].seccomp_use = list({"@default", "@basic-io", "@process"});
  out[4].capabilities = list({"SYS_CHROOT", "NET_RAW", "SYS_PTRACE"});
  out[5].seccomp_allow = list({"socket:alg", "@debug"});
  out[5].seccomp_deny = list({"socket:inet", "@ipc"});
  out[6].seccomp_log = list({"@file-system", "clone"});
  out[6].seccomp_errno = Item{"EACCES", {}};
  out[7].seccomp_use = list({"@standard", "@privileged", "@obsolete"});
  return out;
}

TEST(LaunchSeccomp, AgreesWithLibseccompOnTheNativeAbi) {
  for (const Profile& profile : profiles()) expect_agreement(make(profile), SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0);
}

TEST(LaunchSeccomp, AgreesWithLibseccompOnForeignAbis) {
  for (Profile profile : profiles()) {
    profile.seccomp_abis = list({"x86", "x32"});
    expect_agreement(make(profile), SCMP_ARCH_X32, AUDIT_ARCH_X86_64, x32_bit);
    expect_agreement(make(profile), SCMP_ARCH_X86, AUDIT_ARCH_I386, 0);
  }
}

// ---- the compiler itself ----------------------------------------------------------------------------------

TEST(LaunchSeccomp, ComparesOf64BitsAndTheirOrder) {
  plan::Seccomp policy;
  const std::uint64_t wide = 0x1234567800000009;
  policy.rules = {{"read", SyscallAction::deny, 11, {{2, ~0ULL, wide}, {3, 0xff00000000, 0x4200000000}}},
                  {"read", SyscallAction::deny, 12, {{2, ~0ULL, wide, true}, {0, 0xff, 7}}},
                  {"read", SyscallAction::log, 0, {{5, 0xf, 0, true}}},
                  {"write", SyscallAction::kill}};
  policy.otherwise_code = 99;
  const auto filter = compile(policy);
  EXPECT_EQ(refused(11), native(filter, SYS_read, {7, 0, wide, 0x4211111111}));
  EXPECT_EQ(refused(99), native(filter, SYS_read, {7, 0, wide, 0x4311111111}));
  EXPECT_EQ(refused(12), native(filter, SYS_read, {0x107, 0, wide ^ 1, 0}));
  EXPECT_EQ(refused(12), native(filter, SYS_read, {7, 0, wide ^ (1ULL << 63), 0}));
  EXPECT_EQ(refused(99), native(filter, SYS_read, {8, 0, wide ^ 1, 0}));
  EXPECT_EQ(SECCOMP_RET_LOG, native(filter, SYS_read, {8, 0, 0, 0, 0, 0x11}));
  EXPECT_EQ(refused(99), native(filter, SYS_read, {8, 0, 0, 0, 0, 0x10}));
  EXPECT_EQ(killed, native(filter, SYS_write));
  EXPECT_EQ(refused(99), native(filter, SYS_open));
}

// A value with bits outside its mask can never be met.
TEST(LaunchSeccomp, AnImpossibleCompareHoldsNever) {
  plan::Seccomp policy;
  policy.rules = {{"read", SyscallAction::allow, 0, {{0, 0xff, 0x100}}}, {"write", SyscallAction::allow, 0, {{0, 0xff, above}}}};
  const auto filter = compile(policy);
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{0x100}, above, ~std::uint64_t{0}})
    for (const long call : {SYS_read, SYS_write}) EXPECT_NE(allowed, native(filter, call, {value}));
}

// More compares than a conditional jump spans.
TEST(LaunchSeccomp, LongRulesAreReachedAllTheSame) {
  plan::Seccomp policy;
  for (const char* call : {"read", "write"})
    for (std::uint64_t i = 0; i < 100; ++i) policy.rules.push_back({call, SyscallAction::deny, static_cast<int>(i + 1), {{0, ~0ULL, i}}});
  policy.abis = {"x32", "x86"};
  const auto filter = compile(policy);
  ASSERT_GT(filter.size(), 1000u);
  for (const long call : {SYS_read, SYS_write})
    for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(refused(static_cast<int>(i + 1)), native(filter, call, {i}));
  EXPECT_EQ(refused(0), native(filter, SYS_read, {150}));
  EXPECT_EQ(refused(3), verdict(filter, AUDIT_ARCH_I386, 3, {2}));
  EXPECT_EQ(refused(3), native(filter, SYS_read | x32_bit, {2}));
}

TEST(LaunchSeccomp, AProgramTooLongForTheKernelIsAnError) {
  plan::Seccomp policy;
  for (std::uint64_t i = 0; i < 1500; ++i) policy.rules.push_back({"read", SyscallAction::deny, 1, {{0, ~0ULL, i}}});
  const auto filter = launch::compile_filter(policy);
  ASSERT_FALSE(filter);
  EXPECT_NE(std::string::npos, filter.error().message.find("the kernel takes 4096"));
}

}  // namespace
