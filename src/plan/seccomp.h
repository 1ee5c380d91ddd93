// The seccomp policy as a value: which calls are allowed, and with which arguments. Made from the profile's
// [seccomp] and [security] tables; launch/seccomp compiles it. Of the rules of one call, which stand together,
// the first whose compares all hold decides; where none does, and for a call without rules, `otherwise` does.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"
#include "profile/profile.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace plan {

enum class SyscallAction { allow, deny, log, kill };  // deny: the call returns `code`; log: allowed, and recorded
inline constexpr EnumNames<SyscallAction, 4> syscall_action_names{{"allow", "deny", "log", "kill"}};
static_assert(syscall_action_names.complete());

// One argument of a call: holds when (argument & mask) == value, or != where `negate`.
// Every compare says its mask: the kernel looks at 64 bits, most calls at 32 (CVE-2019-10063).
struct ArgumentCompare {
  unsigned index = 0;
  std::uint64_t mask = 0, value = 0;
  bool negate = false;
  bool operator==(const ArgumentCompare&) const = default;
};

struct SyscallRule {
  std::string_view call;                    // of known_calls()
  SyscallAction action = SyscallAction::allow;
  int code = 0;                             // errno of deny
  std::vector<ArgumentCompare> compares{};  // all must hold
  bool operator==(const SyscallRule&) const = default;
};

struct Seccomp {
  std::string name = "default";             // for --dry-run and the report: "default", "custom" or "off"
  bool enabled = true;
  SyscallAction otherwise = SyscallAction::deny;
  int otherwise_code = 0;                   // ENOSYS: a new call must look absent
  std::vector<std::string> abis;            // beyond the native one: "x86", "x32"; others are killed
  std::vector<SyscallRule> rules;
  bool operator==(const Seccomp&) const = default;
};

Result<Seccomp> make_seccomp(const profile::Profile& profile);

// Every rule, one a line: what --dry-run --verbose shows. Equal texts mean equal filters (the name is left out).
std::string describe_seccomp(const Seccomp& policy);

}  // namespace plan
