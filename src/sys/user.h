// Who the caller is, and which ids are theirs. Static glibc has no name services: /etc/passwd is read here,
// and getent(1) asked where it has no answer (LDAP, systemd-homed).
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sys {

struct User { std::string name, home, shell; Id uid = 0, gid = 0; };

Id caller_uid();
Id caller_gid();
Result<std::optional<User>> find_user(Id uid);
Result<std::optional<std::string>> find_group_name(Id gid);

// The subordinate ranges of a user from /etc/subuid or /etc/subgid, by name and by number; asks getsubids(1)
// when nsswitch.conf names another source for them. subuid(5)
enum class IdKind { user, group };
Result<std::vector<IdRange>> find_subordinate_ranges(IdKind kind, const std::string& name, Id uid);

// One line of passwd(5), group(5) or subuid(5): fields by colon. Pure, for the tests.
std::optional<User> parse_passwd_line(std::string_view line);
std::vector<IdRange> parse_subordinate(std::string_view text, std::string_view name, Id uid);

std::vector<std::pair<std::string, std::string>> environment();
std::pair<int, int> kernel_version();  // uname(2): 6, 18

}  // namespace sys
