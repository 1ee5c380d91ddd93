// From profile to policy: what opens and closes calls, and what is refused as a mistake.
#include "plan/seccomp.h"

#include "plan/syscall_groups.h"

#include <cerrno>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace {

using plan::SyscallAction;
using profile::Item;
using profile::Profile;

profile::List list(const std::vector<std::string>& values) {
  profile::List out;
  for (const std::string& value : values) out.push_back({value, {"test.toml", 3, 5}});
  return out;
}

plan::Seccomp make(const Profile& profile) {
  auto policy = plan::make_seccomp(profile);
  if (!policy) ADD_FAILURE() << policy.error().message;
  return policy ? *policy : plan::Seccomp{};
}

std::vector<plan::SyscallRule> rules_of(const plan::Seccomp& policy, std::string_view call) {
  std::vector<plan::SyscallRule> out;
  for (const auto& rule : policy.rules)
    if (rule.call == call) out.push_back(rule);
  return out;
}

// "allow", "deny 1", "checked", or "default" when no rule names the call.
std::string verdict(const plan::Seccomp& policy, std::string_view call) {
  const auto rules = rules_of(policy, call);
  if (rules.empty()) return "default";
  if (rules.size() > 1 || !rules[0].compares.empty()) return "checked";
  const std::string action{plan::syscall_action_names[rules[0].action]};
  return rules[0].action == SyscallAction::deny ? action + " " + std::to_string(rules[0].code) : action;
}

const std::string eperm = "deny 1", enosys = "deny 38";

TEST(PlanSeccomp, DefaultIsTheGoldenList) {
  std::ifstream file(SBX_SOURCE_DIR "/tests/golden/seccomp-default.txt");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(golden.str(), plan::describe_seccomp(make({})));
}

TEST(PlanSeccomp, DefaultRefusesWhatIsDangerous) {
  const auto policy = make({});
  EXPECT_EQ("default", policy.name);
  EXPECT_TRUE(policy.enabled);
  EXPECT_EQ(SyscallAction::deny, policy.otherwise);
  EXPECT_EQ(ENOSYS, policy.otherwise_code);
  for (const char* call : {"io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "keyctl",
                           "add_key", "request_key", "userfaultfd", "mount", "umount2", "pivot_root", "chroot",
                           "open_tree", "open_tree_attr", "move_mount", "mount_setattr", "fsopen", "fsconfig",
                           "fsmount", "fspick", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",
                           "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
                           "open_by_handle_at", "quotactl", "quotactl_fd", "acct", "swapon", "swapoff", "reboot",
                           "settimeofday", "clock_settime", "lookup_dcookie", "unshare", "setns", "iopl", "syslog"})
    EXPECT_EQ(eperm, verdict(policy, call)) << call;
  EXPECT_EQ("default", verdict(policy, "clone3"));  // ENOSYS: glibc falls back to clone
  for (const char* call : {"clone", "ioctl", "socket", "socketpair", "personality"})
    EXPECT_EQ("checked", verdict(policy, call)) << call;
  for (const char* call : {"read", "openat2", "execve", "seccomp", "landlock_restrict_self", "file_getattr", "mseal"})
    EXPECT_EQ("allow", verdict(policy, call)) << call;
  for (const char* call : {"uselib", "modify_ldt", "statmount", "waitpid", "socketcall"})
    EXPECT_EQ("default", verdict(policy, call)) << call;
}

TEST(PlanSeccomp, RulesOfOneCallStandTogetherAndHaveNothingAfterAnUnconditionalOne) {
  Profile profile;
  profile.seccomp_abis = list({"x86", "x32"});
  const auto policy = make(profile);
  for (std::size_t i = 1; i < policy.rules.size(); ++i) {
    EXPECT_LE(policy.rules[i - 1].call, policy.rules[i].call);
    if (policy.rules[i - 1].call == policy.rules[i].call) {
      EXPECT_FALSE(policy.rules[i - 1].compares.empty());
    }
  }
}

TEST(PlanSeccomp, ComparesLookAtTheBitsTheKernelUses) {
  Profile profile;
  profile.seccomp_abis = list({"x86"});
  profile.capabilities = list({"SYS_ADMIN"});
  for (const auto& rule : make(profile).rules)
    for (const auto& compare : rule.compares) {
      EXPECT_EQ(0u, compare.mask >> 32) << rule.call;
      EXPECT_EQ(compare.value, compare.value & compare.mask) << rule.call;
    }
}

TEST(PlanSeccomp, UseReplacesTheStandardGroup) {
  Profile profile;
  profile.seccomp_use = list({"@default", "@basic-io"});
  const auto policy = make(profile);
  EXPECT_EQ("custom", policy.name);
  EXPECT_EQ("allow", verdict(policy, "read"));
  EXPECT_EQ("default", verdict(policy, "openat"));
  EXPECT_EQ("default", verdict(policy, "ioctl"));
  EXPECT_EQ(eperm, verdict(policy, "bpf"));
  profile.seccomp_use = list({"@standard"});
  EXPECT_EQ(make({}), make(profile));
}

TEST(PlanSeccomp, DenyBeatsEverythingThatAllows) {
  Profile profile;
  profile.seccomp_use = list({"@standard", "@debug"});
  profile.seccomp_allow = list({"keyctl", "openat"});
  profile.seccomp_deny = list({"@keyring", "openat", "bpf", "clone"});
  profile.nested_userns = Item{"true", {}};
  const auto policy = make(profile);
  EXPECT_EQ("allow", verdict(policy, "ptrace"));
  for (const char* call : {"keyctl", "openat", "bpf", "clone"}) EXPECT_EQ(eperm, verdict(policy, call)) << call;
}

TEST(PlanSeccomp, AllowOpensByNameAndKeepsTheChecksOfIoctlCloneSocket) {
  Profile profile;
  profile.seccomp_allow = list({"ptrace", "ioctl", "clone", "socket", "personality", "unshare", "@keyring", "sysfs"});
  const auto policy = make(profile);
  for (const char* call : {"ptrace", "personality", "unshare", "keyctl", "sysfs"})
    EXPECT_EQ("allow", verdict(policy, call)) << call;
  for (const char* call : {"ioctl", "clone", "socket"}) EXPECT_EQ(rules_of(make({}), call), rules_of(policy, call)) << call;
  EXPECT_EQ(eperm, verdict(policy, "setns"));
}

TEST(PlanSeccomp, FamiliesOpenAndClose) {
  Profile profile;
  profile.seccomp_allow = list({"socket:vsock"});
  profile.seccomp_deny = list({"socket:inet", "socket:inet6", "socket:netlink"});
  const auto rules = rules_of(make(profile), "socket");
  ASSERT_EQ(3u, rules.size());
  EXPECT_EQ(1u, rules[0].compares[0].value);   // AF_UNIX
  EXPECT_EQ(40u, rules[1].compares[0].value);  // AF_VSOCK
  EXPECT_EQ(SyscallAction::deny, rules[2].action);
  EXPECT_EQ(EAFNOSUPPORT, rules[2].code);
  EXPECT_EQ(rules_of(make(profile), "socketpair").size(), rules.size());
}

TEST(PlanSeccomp, CapabilitiesOpenTheirCalls) {
  struct { const char *capability, *call; } const cases[] = {
      {"SYS_CHROOT", "chroot"}, {"SYS_PTRACE", "ptrace"}, {"SYS_PTRACE", "pidfd_getfd"}, {"SYS_MODULE", "finit_module"},
      {"SYS_BOOT", "reboot"}, {"SYS_TIME", "settimeofday"}, {"SYS_PACCT", "acct"}, {"SYS_RAWIO", "iopl"},
      {"SYSLOG", "syslog"}, {"BPF", "bpf"}, {"PERFMON", "perf_event_open"}, {"DAC_READ_SEARCH", "open_by_handle_at"},
      {"SYS_NICE", "move_pages"}, {"SYS_TTY_CONFIG", "vhangup"}, {"SYS_ADMIN", "mount"}, {"SYS_ADMIN", "open_tree_attr"}};
  for (const auto& item : cases) {
    Profile profile;
    profile.capabilities = list({item.capability});
    EXPECT_EQ("allow", verdict(make(profile), item.call)) << item.capability;
    EXPECT_EQ(eperm, verdict(make({}), item.call)) << item.call;
  }
}

TEST(PlanSeccomp, SysAdminDoesNotOpenUserNamespaces) {
  Profile profile;
  profile.capabilities = list({"SYS_ADMIN"});
  const auto policy = make(profile);
  for (const char* call : {"clone", "unshare", "setns"}) EXPECT_EQ("checked", verdict(policy, call)) << call;
  for (const char* call : {"clone", "unshare"})
    EXPECT_EQ((plan::ArgumentCompare{0, 0x10000000, 0}), rules_of(policy, call)[0].compares[0]) << call;
  for (const char* call : {"bpf", "chroot", "kexec_load", "keyctl"}) EXPECT_EQ(eperm, verdict(policy, call)) << call;
  EXPECT_EQ("default", verdict(policy, "clone3"));
}

TEST(PlanSeccomp, NestedUsernsOpensNamespacesAndMounts) {
  Profile profile;
  profile.nested_userns = Item{"true", {}};
  const auto policy = make(profile);
  for (const char* call : {"clone", "clone3", "unshare", "setns", "mount", "umount2", "pivot_root", "fsopen",
                           "open_tree", "move_mount", "mount_setattr", "chroot", "sethostname"})
    EXPECT_EQ("allow", verdict(policy, call)) << call;
  for (const char* call : {"bpf", "ptrace", "io_uring_setup", "keyctl"}) EXPECT_EQ(eperm, verdict(policy, call)) << call;
  EXPECT_EQ("checked", verdict(policy, "ioctl"));
  profile.nested_userns = Item{"false", {}};
  EXPECT_EQ(make({}), make(profile));
}

TEST(PlanSeccomp, LogRecordsWhatIsAllowedAndOpensNothing) {
  Profile profile;
  profile.seccomp_log = list({"openat", "@keyring", "@timer", "clone"});
  const auto policy = make(profile);
  EXPECT_EQ("log", verdict(policy, "openat"));
  EXPECT_EQ("log", verdict(policy, "timer_create"));
  EXPECT_EQ(eperm, verdict(policy, "keyctl"));
  EXPECT_EQ(SyscallAction::log, rules_of(policy, "clone")[0].action);
  EXPECT_EQ(SyscallAction::deny, rules_of(policy, "clone")[1].action);
  profile.seccomp_log = list({"keyctl"});
  const auto refused = plan::make_seccomp(profile);
  ASSERT_FALSE(refused);
  EXPECT_EQ("test.toml:3:5: seccomp log names 'keyctl', which is not allowed", refused.error().message);
}

TEST(PlanSeccomp, DefaultActions) {
  Profile profile;
  profile.seccomp_default = Item{"allow", {}};
  const auto open = make(profile);
  EXPECT_EQ(SyscallAction::allow, open.otherwise);
  EXPECT_EQ("default", verdict(open, "read"));
  EXPECT_EQ(eperm, verdict(open, "bpf"));
  EXPECT_EQ(enosys, verdict(open, "clone3"));
  EXPECT_EQ("checked", verdict(open, "ioctl"));
  profile.seccomp_use = list({"@default"});
  EXPECT_EQ("checked", verdict(make(profile), "socket"));  // let through by the default all the same

  profile = {};
  profile.seccomp_default = Item{"kill", {}};
  EXPECT_EQ(SyscallAction::kill, make(profile).otherwise);
  EXPECT_EQ(enosys, verdict(make(profile), "clone3"));
  profile.seccomp_default = Item{"off", {}};
  EXPECT_FALSE(make(profile).enabled);
  EXPECT_EQ("off", make(profile).name);
  EXPECT_EQ("off\n", plan::describe_seccomp(make(profile)));
}

TEST(PlanSeccomp, ErrnoIsForDenyAndDefault) {
  Profile profile;
  profile.seccomp_deny = list({"openat"});
  for (const char* value : {"EACCES", "13"}) {
    profile.seccomp_errno = Item{value, {}};
    const auto policy = make(profile);
    EXPECT_EQ(EACCES, policy.otherwise_code);
    EXPECT_EQ("default", verdict(policy, "openat"));
    EXPECT_EQ(enosys, verdict(policy, "clone3"));
    EXPECT_EQ(eperm, verdict(policy, "bpf"));
  }
  profile.seccomp_errno = Item{"EPREM", {"test.toml", 9, 1}};
  const auto refused = plan::make_seccomp(profile);
  ASSERT_FALSE(refused);
  EXPECT_EQ("test.toml:9:1: no errno is named 'EPREM'", refused.error().message);
  for (const char* value : {"0", "4096", "-1", ""}) {
    profile.seccomp_errno = Item{value, {}};
    EXPECT_FALSE(plan::make_seccomp(profile)) << value;
  }
}

TEST(PlanSeccomp, ForeignAbis) {
  Profile profile;
  profile.seccomp_abis = list({"x86", "x32", "x86"});
  const auto policy = make(profile);
  EXPECT_EQ((std::vector<std::string>{"x32", "x86"}), policy.abis);
  EXPECT_EQ("allow", verdict(policy, "waitpid"));
  EXPECT_EQ("checked", verdict(policy, "socketcall"));
  EXPECT_EQ("allow", verdict(policy, "modify_ldt"));
  EXPECT_EQ(eperm, verdict(policy, "stime"));
  EXPECT_EQ(eperm, verdict(policy, "umount"));
  profile.seccomp_abis = list({"arm"});
  EXPECT_FALSE(plan::make_seccomp(profile));
}

TEST(PlanSeccomp, UnknownNamesAreErrorsWithTheNearest) {
  struct { profile::List Profile::*key; const char *value, *message, *hint; } const cases[] = {
      {&Profile::seccomp_allow, "opnat", "test.toml:3:5: no system call is named 'opnat'", "did you mean 'openat'?"},
      {&Profile::seccomp_deny, "@debgu", "test.toml:3:5: no system call group is named '@debgu'", "did you mean '@debug'?"},
      {&Profile::seccomp_use, "@file-sytem", "test.toml:3:5: no system call group is named '@file-sytem'",
       "did you mean '@file-system'?"},
      {&Profile::seccomp_log, "x86", "test.toml:3:5: no system call is named 'x86'", nullptr},
      {&Profile::seccomp_allow, "socket:vsok", "test.toml:3:5: no socket family is named 'vsok'", "did you mean 'vsock'?"},
      {&Profile::seccomp_deny, "\033[2J", "test.toml:3:5: no system call is named '\\x1b[2J'", nullptr},
      {&Profile::seccomp_use, "read", "test.toml:3:5: seccomp use names 'read', which is no group", "add 'read' to allow"},
  };
  for (const auto& item : cases) {
    Profile profile;
    profile.*item.key = list({item.value});
    const auto refused = plan::make_seccomp(profile);
    ASSERT_FALSE(refused) << item.value;
    EXPECT_EQ(item.message, refused.error().message);
    if (item.hint != nullptr) {
      EXPECT_EQ(item.hint, refused.error().hint);
    }
  }
}

TEST(PlanSeccomp, DescriptionsDifferWhereFiltersDo) {
  Profile profile;
  std::vector<std::string> texts{plan::describe_seccomp(make(profile))};
  profile.seccomp_abis = list({"x32"});
  texts.push_back(plan::describe_seccomp(make(profile)));
  profile.seccomp_errno = Item{"EPERM", {}};
  texts.push_back(plan::describe_seccomp(make(profile)));
  profile.seccomp_allow = list({"socket:alg"});
  texts.push_back(plan::describe_seccomp(make(profile)));
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(texts[i], texts[j]);
}

TEST(PlanSeccomp, TheTableOfCallsIsSortedAndFindsEach) {
  std::string_view before;
  for (const auto& call : plan::known_calls()) {
    EXPECT_LT(before, call.name);
    before = call.name;
    EXPECT_EQ(&call, plan::find_call(call.name));
    EXPECT_NE(0u, call.groups);
  }
  EXPECT_EQ(nullptr, plan::find_call("opnat"));
  EXPECT_FALSE(plan::find_group("x86"));
}

}  // namespace
