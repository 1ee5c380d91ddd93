// The calls whose arguments decide: ioctl, clone, socket and their like. Every compare sees the 32 bits the
// kernel looks at and no more, so that nothing passes by setting a bit above them (CVE-2019-10063).
#pragma once

#include "plan/seccomp.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plan {

// What of the checks the profile has opened or closed.
struct Checks {
  bool nested = false;  // nested_userns: namespaces of every kind
  bool admin = false;   // SYS_ADMIN is kept: namespaces of every kind but user
  bool x86 = false;     // the 32-bit ABI is let in
  std::vector<int> opened_families, closed_families;

  void open_family(int family) { opened_families.push_back(family); }
  void close_family(int family) { closed_families.push_back(family); }
};

struct Check {
  std::string_view call;
  // Adds the rules of `call`, which is otherwise let through by `action` (allow or log). `named`: the profile opens this
  // very call, which lifts the checks that have no setting of their own.
  void (*add)(std::vector<SyscallRule>& rules, std::string_view call, SyscallAction action, const Checks& checks, bool named);
};
std::span<const Check> known_checks();

// Address families (socket(2)): "unix", "inet", "alg".
std::optional<int> find_family(std::string_view name);
std::vector<std::string> family_names();

std::string hex(std::uint64_t value);  // "0x5412"

}  // namespace plan
