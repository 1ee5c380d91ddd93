// The forms of values: keys.cpp checks with them when a profile is read, plan/ reads the same texts with them.
// "~" and "$PWD" are still unexpanded here; a path must begin with one of them or with a slash.
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace profile {

// "A[:B]", a trailing "?" for what may be missing. Without B the path is the same inside.
struct PathItem {
  std::string outside, inside;
  bool optional = false;
};
Result<PathItem> parse_path_item(std::string_view in);

// "PATH" or "PATH?", without a second part.
struct PathName {
  std::string path;
  bool optional = false;
};
Result<PathName> parse_path_name(std::string_view in);

// "DIR[:size=N]"; 0 is the default size.
struct TmpfsItem {
  std::string inside;
  std::uint64_t size = 0;
};
Result<TmpfsItem> parse_tmpfs_item(std::string_view in);

// "NAME=FILE"
struct SecretItem {
  std::string name, file;
};
Result<SecretItem> parse_secret_item(std::string_view in);

// "self", "root", "host-root" (0 is 0: only for root) or "UID[:GID]"; without GID it is the UID.
enum class UserKind { self, root, host_root, ids };
struct User {
  UserKind kind = UserKind::self;
  Id uid = 0, gid = 0;
};
Result<User> parse_user(std::string_view in);

// "NAME[:ipc,pid,uts]": a sandbox, and what is shared with it beside the network.
struct Join {
  std::string name;
  bool ipc = false, pid = false, uts = false;
};
Result<Join> parse_join(std::string_view in);

// "private", "empty", "none" (what the root has there), "keep[:NAME]", "ro" or "host".
enum class HomeKind { private_files, empty, none, keep, read_only, host };
struct Home {
  HomeKind kind = HomeKind::private_files;
  std::string name;  // of keep; "default" where none was given
};
Result<Home> parse_home(std::string_view in);

// "SOFT[:HARD]", each a number, a size or "unlimited" ("-1"): base/limit_names.h.
struct UlimitValue {
  std::uint64_t soft = 0, hard = 0;
};
Result<UlimitValue> parse_ulimit_value(std::string_view in);

// Words that become names of files, sandboxes and profiles: letters, digits, "._-", at most 63, the first a letter or digit.
Result<> check_name(std::string_view in);
Result<> check_hostname(std::string_view in);          // sethostname(2): at most 64 bytes
Result<> check_path(std::string_view in);              // begins with "/", "~" or a known variable
Result<> check_root(std::string_view in);              // "empty", "host" or "DIR[:ro]"
Result<> check_errno(std::string_view in);             // "EPERM" or its number
Result<> check_call_or_group(std::string_view in);     // "openat", "@debug" or "socket:vsock"
Result<> check_group(std::string_view in);             // "@debug"
Result<> check_capability(std::string_view in);        // "CHOWN", capabilities(7) without CAP_
Result<> check_feature(std::string_view in);           // "abstract-sockets"
Result<> check_variable(std::string_view in);          // an environment name
Result<> check_variable_pattern(std::string_view in);  // the same with "*"
Result<> check_ulimit_name(std::string_view in);       // "nofile"

}  // namespace profile
