// The seccomp policy as a value: which calls are allowed, and with which arguments. Made from the profile's
// [seccomp] and [security] tables; launch/seccomp compiles it with libseccomp.
#pragma once

#include "base/result.h"
#include "profile/profile.h"

#include <cstdint>
#include <string>
#include <vector>

namespace plan {

enum class SyscallAction { allow, deny, log, kill };  // deny: the call returns `code`

// One argument of a call: allowed when (argument & mask) == value, or != where `negate`.
// Every compare says its mask: the kernel looks at 64 bits, most calls at 32 (CVE-2019-10063).
struct ArgumentCompare {
  unsigned index = 0;
  std::uint64_t mask = 0, value = 0;
  bool negate = false;
  bool operator==(const ArgumentCompare&) const = default;
};

struct SyscallRule {
  std::string call;
  SyscallAction action = SyscallAction::allow;
  int code = 0;                             // errno of deny
  std::vector<ArgumentCompare> compares;    // all must hold
  bool operator==(const SyscallRule&) const = default;
};

struct Seccomp {
  std::string name = "default";             // for --dry-run and the report
  bool enabled = true;
  SyscallAction otherwise = SyscallAction::deny;
  int otherwise_code = 0;                   // ENOSYS: a new call must look absent
  std::vector<std::string> abis;            // beyond the native one: "x86", "x32"; others are killed
  std::vector<SyscallRule> rules;
  bool operator==(const Seccomp&) const = default;
};

Result<Seccomp> make_seccomp(const profile::Profile& profile);

// Every rule, one a line: the key under which a compiled filter is kept, and what --dry-run --verbose shows.
std::string describe_seccomp(const Seccomp& policy);

}  // namespace plan
