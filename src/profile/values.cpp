// Reading of single values. Every error names the value; parse.cpp puts the place in front of it.
#include "profile/values.h"

#include "base/limit_names.h"
#include "base/nearest.h"
#include "base/path.h"
#include "base/units.h"

#include <algorithm>
#include <array>

namespace profile {

namespace {

constexpr std::array<std::string_view, 4> path_variables{"$PWD", "$PROJECT", "$HOME", "$XDG_RUNTIME_DIR"};
constexpr std::array<std::string_view, 41> capability_names{
    "AUDIT_CONTROL", "AUDIT_READ",     "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF",          "CHECKPOINT_RESTORE",
    "CHOWN",         "DAC_OVERRIDE",   "DAC_READ_SEARCH", "FOWNER",    "FSETID",       "IPC_LOCK",
    "IPC_OWNER",     "KILL",           "LEASE",       "LINUX_IMMUTABLE", "MAC_ADMIN",  "MAC_OVERRIDE",
    "MKNOD",         "NET_ADMIN",      "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON",
    "SETFCAP",       "SETGID",         "SETPCAP",     "SETUID",        "SYS_ADMIN",    "SYS_BOOT",
    "SYS_CHROOT",    "SYS_MODULE",     "SYS_NICE",    "SYS_PACCT",     "SYS_PTRACE",   "SYS_RAWIO",
    "SYS_RESOURCE",  "SYS_TIME",       "SYS_TTY_CONFIG", "SYSLOG",     "WAKE_ALARM"};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }

bool all_of(std::string_view in, bool (*test)(char)) { return !in.empty() && std::ranges::all_of(in, test); }

Result<> check_listed(std::string_view in, const std::vector<std::string>& known, std::string_view what) {
  if (std::ranges::find(known, in) != known.end()) return {};
  std::string hint = nearest_hint(in, known);
  return fail_hint(std::move(hint), "'", printable(in), "' is not ", what);
}

// A trailing "?" off `in`.
bool take_optional(std::string_view& in) {
  if (!in.ends_with('?')) return false;
  in.remove_suffix(1);
  return true;
}

Result<std::uint64_t> parse_limit(std::string_view in) {
  if (in == "unlimited" || in == "-1") return unlimited;
  auto number = parse_size(in);
  if (!number) return fail_hint("write SOFT[:HARD], each a number or 'unlimited'", number.error().message);
  return number;
}

Result<Id> parse_id(std::string_view in) {
  const std::uint64_t number = TRY(parse_number(in, std::numeric_limits<Id>::max() - 1));
  return static_cast<Id>(number);
}

}  // namespace

Result<> check_path(std::string_view in) {
  if (in.starts_with('/')) return {};
  const std::string_view first = in.substr(0, in.find('/'));
  if (first == "~" || std::ranges::find(path_variables, first) != path_variables.end()) return {};
  if (first.starts_with('~'))
    return fail_hint("write the home's path in full", "'", printable(in), "' names another user's home");
  if (first.starts_with('$'))
    return fail_hint("known are $PWD, $PROJECT, $HOME and $XDG_RUNTIME_DIR", "'", printable(in),
                     "' begins with an unknown variable");
  return fail_hint("begin it with /, ~/ or $PWD/", "'", printable(in), "' is not an absolute path");
}

Result<PathItem> parse_path_item(std::string_view in) {
  const bool optional = take_optional(in);
  std::vector<std::string> parts = TRY(path::split_colons(in));
  if (parts.size() > 2)
    return fail_hint("write A or A:B; a colon inside a name as \\:", "'", printable(in), "' has more than two parts");
  for (const std::string& part : parts) TRY(check_path(part));
  std::string inside = parts.back();
  return PathItem{std::move(parts.front()), std::move(inside), optional};
}

Result<PathName> parse_path_name(std::string_view in) {
  const bool optional = take_optional(in);
  TRY(check_path(in));
  return PathName{std::string(in), optional};
}

Result<TmpfsItem> parse_tmpfs_item(std::string_view in) {
  std::vector<std::string> parts = TRY(path::split_colons(in));
  TRY(check_path(parts.front()));
  TmpfsItem item{std::move(parts.front()), 0};
  if (parts.size() == 1) return item;
  constexpr std::string_view size = "size=";
  if (parts.size() > 2 || !parts[1].starts_with(size))
    return fail_hint("write DIR or DIR:size=64M", "'", printable(in), "' is not a tmpfs");
  item.size = TRY(parse_size(std::string_view(parts[1]).substr(size.size())));
  if (item.size == 0) return fail_hint("leave it out for the default size", "'", printable(in), "' has size 0");
  return item;
}

Result<SecretItem> parse_secret_item(std::string_view in) {
  const std::size_t equals = in.find('=');
  if (equals == std::string_view::npos)
    return fail_hint("write NAME=FILE", "'", printable(in), "' is not a secret");
  TRY(check_name(in.substr(0, equals)));
  TRY(check_path(in.substr(equals + 1)));
  return SecretItem{std::string(in.substr(0, equals)), std::string(in.substr(equals + 1))};
}

Result<User> parse_user(std::string_view in) {
  if (in == "self") return User{};
  if (in == "root") return User{UserKind::root};
  if (in == "host-root") return User{UserKind::host_root};
  const std::size_t colon = in.find(':');
  const auto uid = parse_id(in.substr(0, colon));
  const auto gid = colon == std::string_view::npos ? uid : parse_id(in.substr(colon + 1));
  if (!uid || !gid)
    return fail_hint("write self, root or UID[:GID] in numbers", "'", printable(in), "' is not a user");
  return User{UserKind::ids, *uid, *gid};
}

Result<Join> parse_join(std::string_view in) {
  const std::size_t colon = in.find(':');
  Join join{.name = std::string(in.substr(0, colon))};
  TRY(check_name(join.name));
  if (colon == std::string_view::npos) return join;
  for (const std::string& word : split(in.substr(colon + 1), ',')) {
    bool* wanted = word == "ipc" ? &join.ipc : word == "pid" ? &join.pid : word == "uts" ? &join.uts : nullptr;
    if (wanted == nullptr)
      return fail_hint("write NAME[:ipc,pid,uts]; the network is always shared", "'", printable(word), "' is not one of ipc, pid, uts");
    *wanted = true;
  }
  return join;
}

Result<Home> parse_home(std::string_view in) {
  constexpr std::string_view keep = "keep:";
  if (in == "private") return Home{};
  if (in == "empty") return Home{HomeKind::empty, {}};
  if (in == "none") return Home{HomeKind::none, {}};
  if (in == "ro") return Home{HomeKind::read_only, {}};
  if (in == "host") return Home{HomeKind::host, {}};
  if (in == "keep") return Home{HomeKind::keep, "default"};
  if (!in.starts_with(keep))
    return fail_hint("write private, empty, none, keep[:NAME], ro or host", "'", printable(in), "' is not a home");
  TRY(check_name(in.substr(keep.size())));
  return Home{HomeKind::keep, std::string(in.substr(keep.size()))};
}

Result<UlimitValue> parse_ulimit_value(std::string_view in) {
  const std::size_t colon = in.find(':');
  UlimitValue limit;
  limit.soft = TRY(parse_limit(in.substr(0, colon)));
  limit.hard = limit.soft;
  if (colon != std::string_view::npos) limit.hard = TRY(parse_limit(in.substr(colon + 1)));
  if (limit.soft > limit.hard) return fail_hint("write SOFT:HARD, the hard one the larger", "'", printable(in), "' has a soft limit above the hard one");
  return limit;
}

Result<> check_name(std::string_view in) {
  if (is_plain_name(in, most_sandbox_name)) return {};
  return fail_hint(text("use at most ", most_sandbox_name, " letters, digits, '.', '_' and '-', beginning with a letter or digit"), "'",
                   printable(in.substr(0, 80)), "' is not a name");
}

Result<> check_hostname(std::string_view in) {
  const bool good = all_of(in, [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
  if (good && in.size() <= 64 && is_alnum(in.front()) && is_alnum(in.back())) return {};
  return fail_hint("use at most 64 letters, digits, '.' and '-'", "'", printable(in.substr(0, 80)),
                   "' is not a hostname");
}

Result<> check_root(std::string_view in) {
  if (in == "empty" || in == "host") return {};
  const auto directory = check_path(in);
  if (directory) return {};
  return fail_hint("write empty, host or an absolute directory[:ro]", directory.error().message);
}

Result<> check_errno(std::string_view in) {
  const auto good = [](char c) { return is_upper(c) || is_digit(c); };
  const bool name = in.starts_with('E') && all_of(in.substr(1), good);
  const auto number = parse_number(in, 4095);  // MAX_ERRNO of the kernel
  if (name || (number && *number != 0)) return {};
  return fail_hint("write a name as EPERM or its number", "'", printable(in), "' is not an errno");
}

Result<> check_call_or_group(std::string_view in) {
  constexpr std::string_view family = "socket:";
  const std::string_view word = in.substr(in.starts_with('@') ? 1 : in.starts_with(family) ? family.size() : 0);
  if (all_of(word, [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-'; })) return {};
  return fail_hint("write a name as openat, @debug or socket:vsock", "'", printable(in),
                   "' is not a system call or a group");
}

Result<> check_group(std::string_view in) {
  if (in.starts_with('@')) return check_call_or_group(in);
  return fail_hint("a group begins with @; single calls go into allow and deny", "'", printable(in),
                   "' is not a group of system calls");
}

Result<> check_capability(std::string_view in) {
  if (in.starts_with("CAP_"))
    return fail_hint(text("write ", printable(in.substr(4))), "'", printable(in), "' carries the prefix CAP_");
  return check_listed(in, std::vector<std::string>(capability_names.begin(), capability_names.end()), "a capability");
}

Result<> check_feature(std::string_view in) {
  if (all_of(in, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; })) return {};
  return fail("'", printable(in), "' is not a feature");
}

Result<> check_variable(std::string_view in) {
  if (!in.empty() && in.find_first_of("=*") == std::string_view::npos) return {};
  return fail("'", printable(in), "' is not the name of an environment variable");
}

Result<> check_variable_pattern(std::string_view in) {
  if (!in.empty() && in.find('=') == std::string_view::npos) return {};
  return fail_hint("values go into environment.set", "'", printable(in),
                   "' is not the name of an environment variable");
}

Result<> check_ulimit_name(std::string_view in) {
  std::vector<std::string> known;
  for (const LimitName& limit : limit_names) known.emplace_back(limit.name);
  return check_listed(in, known, "a resource limit");
}

}  // namespace profile
