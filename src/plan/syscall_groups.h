// The system calls sbx knows, and the groups profiles name them by ("@file-system"): systemd's groups, with
// what a sandbox must not have moved out of the harmless ones. A call in no group of @standard is off.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plan {

using GroupMask = std::uint64_t;  // one bit a group

struct KnownCall {
  std::string_view name;
  GroupMask groups = 0;
};

// Sorted by name. Calls without a number in some ABI are listed all the same.
std::span<const KnownCall> known_calls();
const KnownCall* find_call(std::string_view name);

// The bit of a group, named with its '@'.
std::optional<GroupMask> find_group(std::string_view name);
GroupMask group_of_refused_calls();  // @privileged: refused with EPERM unless opened
GroupMask group_of_x86_calls();      // those that only the 32-bit ABI has

std::vector<std::string> group_names();

}  // namespace plan
