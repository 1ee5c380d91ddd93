// The table itself, in the order in which `sbx profile show` prints.
#include "profile/keys.h"

#include "base/nearest.h"
#include "base/units.h"
#include "net/config.h"
#include "profile/resource_values.h"
#include "profile/values.h"

#include <algorithm>
#include <array>

namespace profile {

namespace {

template <auto parse>
Result<> parses(std::string_view value) {
  TRY(parse(value));
  return {};
}

Result<> check_duration(std::string_view value) {
  TRY(parse_duration(value));
  return {};
}

Result<> check_allow_rule(std::string_view value) {
  TRY(net::parse_rule(net::Verdict::allow, value));
  return {};
}

Result<> check_deny_rule(std::string_view value) {
  TRY(net::parse_rule(net::Verdict::deny, value));
  return {};
}

Result<> check_port(std::string_view value) {
  const auto port = parse_number(value, 65535);
  if (port && *port > 0) return {};
  return fail_hint("a number from 1 to 65535", "'", printable(value), "' is not a port");
}

Result<> check_address(std::string_view value) {
  if (net::parse_address(value)) return {};
  return fail_hint("for example 192.0.2.53 or 2001:db8::53", "'", printable(value), "' is not an address");
}

Result<> check_offset(std::string_view value) {
  TRY(parse_duration(value, true));
  return {};
}

Result<> check_true(std::string_view value) {
  if (value == "true") return {};
  return fail_hint("leave it out", "it is always true and cannot be turned off");
}

constexpr std::array<Key, 61> table{{
    {"description", &Profile::description, Kind::text, "TEXT", nullptr, nullptr,
     "For whom the profile is, in one line."},
    {"extends", &Profile::extends, Kind::name, "NAME", check_name, nullptr, "Profiles this one builds on, read first."},

    {"sandbox.name", &Profile::name, Kind::name, "NAME", check_name, nullptr, "The sandbox's name."},
    {"sandbox.join", &Profile::join, Kind::text, "NAME[:ipc,pid,uts]", parses<parse_join>, nullptr,
     "The running sandbox whose network it shares, and what else."},
    {"sandbox.user", &Profile::user, Kind::text, "self|root|host-root|UID[:GID]", parses<parse_user>, nullptr,
     "Who the command is inside."},
    {"sandbox.userns", &Profile::userns, Kind::word, "auto|single|range", nullptr, nullptr,
     "Map one id, or the range of /etc/subuid as well."},
    {"sandbox.hostname", &Profile::hostname, Kind::text, "NAME", check_hostname, nullptr, "The host name inside."},
    {"sandbox.workdir", &Profile::workdir, Kind::path, "PATH", check_path, nullptr, "The working directory inside."},
    {"sandbox.terminal", &Profile::terminal, Kind::word, "auto|on|off", nullptr, nullptr,
     "A terminal of the sandbox's own; auto: where the outside is one."},
    {"sandbox.timeout", &Profile::timeout, Kind::duration, "TIME", check_duration, nullptr,
     "End the command after this time; 0: never."},
    {"sandbox.kill_after", &Profile::kill_after, Kind::duration, "TIME", check_duration, nullptr,
     "From SIGTERM to SIGKILL when it is ended."},
    {"sandbox.boottime", &Profile::boottime, Kind::duration, "[-]TIME", check_offset, nullptr,
     "Offset of the boot-time clock inside."},
    {"sandbox.monotonic", &Profile::monotonic, Kind::duration, "[-]TIME", check_offset, nullptr,
     "Offset of the monotonic clock inside."},

    {"filesystem.root", &Profile::root, Kind::host_path, "empty|host|DIR[:ro]", check_root, nullptr,
     "The root: an empty one, the host's read-only, or a directory."},
    {"filesystem.home", &Profile::home, Kind::text, "private|empty|none|keep[:NAME]|ro|host", parses<parse_home>,
     nullptr, "What the home directory holds."},
    {"filesystem.read_only", &Profile::read_only, Kind::host_path, "A[:B][?]", parses<parse_path_item>, nullptr,
     "Host paths shown read-only."},
    {"filesystem.read_write", &Profile::read_write, Kind::host_path, "A[:B][?]", parses<parse_path_item>, nullptr,
     "Host paths shown writable."},
    {"filesystem.overlay", &Profile::overlay, Kind::host_path, "A[:B][?]", parses<parse_path_item>, nullptr,
     "Host directories shown writable; what is changed is kept apart, to be looked at."},
    {"filesystem.tmp_overlay", &Profile::tmp_overlay, Kind::host_path, "A[:B][?]", parses<parse_path_item>, nullptr,
     "The same; what is changed is thrown away."},
    {"filesystem.overlay_engine", &Profile::overlay_engine, Kind::word, "auto|kernel|fuse", nullptr, nullptr,
     "Who overlays: the kernel, or fuse-overlayfs; auto: the kernel where it can."},
    {"filesystem.on_exit", &Profile::on_exit, Kind::word, "ask|keep|commit|discard", nullptr, nullptr,
     "What becomes of kept changes at the end: asked for, kept, committed, or discarded."},
    {"filesystem.tmpfs", &Profile::tmpfs, Kind::path, "DIR[:size=N]", parses<parse_tmpfs_item>, nullptr,
     "Empty directories in memory."},
    {"filesystem.hide", &Profile::hide, Kind::host_path, "PATH[?]", parses<parse_path_name>, nullptr,
     "Paths kept out of sight."},
    {"filesystem.protect", &Profile::protect, Kind::host_path, "PATH[?]", parses<parse_path_name>, nullptr,
     "Paths in writable places that stay read-only where they exist."},

    {"network.mode", &Profile::net_mode, Kind::word, "none|user|host", nullptr, nullptr,
     "The network: none, one of its own through an engine outside, or the host's."},
    {"network.allow", &Profile::net_allow, Kind::text, "RULE", check_allow_rule, nullptr,
     "What may be reached; with any such rule, what none names may not."},
    {"network.deny", &Profile::net_deny, Kind::text, "RULE", check_deny_rule, nullptr,
     "What may not be reached, even where it is allowed here."},
    {"network.publish", &Profile::net_publish, Kind::text, "[ADDR:]HOST:INSIDE[/udp]", parses<net::parse_publish>, nullptr,
     "Ports of the host that lead into the sandbox."},
    {"network.host_ports", &Profile::net_host_ports, Kind::number, "PORT", check_port, nullptr,
     "Ports of the host's loopback, reached as host.sbx.internal."},
    {"network.dns", &Profile::net_dns, Kind::text, "ADDRESS", check_address, nullptr,
     "Name servers asked instead of the host's."},
    {"network.pcap", &Profile::net_pcap, Kind::host_path, "FILE", check_path, nullptr,
     "A file of the host's that every frame is written to, as pcapng."},

    {"resources.memory", &Profile::memory, Kind::number, "SIZE|max", parses<parse_memory>, nullptr,
     "How much memory all of it may use; more, and the sandbox is ended."},
    {"resources.memory_high", &Profile::memory_high, Kind::number, "SIZE|max", parses<parse_memory>, nullptr,
     "From here on the kernel slows it down and takes memory back."},
    {"resources.swap", &Profile::swap, Kind::number, "SIZE|max|total:SIZE", parses<parse_swap>, nullptr,
     "How much of it may be swapped out, or memory and swap in total; none by default."},
    {"resources.cpus", &Profile::cpus, Kind::number, "N.N|max", parses<parse_cpus>, nullptr, "How many processors' time."},
    {"resources.cpu_weight", &Profile::cpu_weight, Kind::number, "WEIGHT", parses<parse_weight>, nullptr,
     "Its share where processors are short: 1 to 10000, usually 100."},
    {"resources.cpu_burst", &Profile::cpu_burst, Kind::duration, "TIME", parses<parse_burst>, nullptr,
     "Unused processor time it may save up."},
    {"resources.cpu_idle", &Profile::cpu_idle, Kind::boolean, "true|false", nullptr, nullptr,
     "Whether it runs only where nothing else wants to."},
    {"resources.cpuset", &Profile::cpuset, Kind::text, "LIST", parses<parse_cpuset>, nullptr,
     "The processors it may run on: 0-3,6."},
    {"resources.pids", &Profile::pids, Kind::number, "NUMBER|max", parses<parse_pids>, nullptr,
     "How many processes and threads it may have."},
    {"resources.io_max", &Profile::io_max, Kind::text, "LIMIT", parses<parse_io_limit>, nullptr,
     "Limits of block devices by rbps, wbps, riops and wiops."},
    {"resources.io_weight", &Profile::io_weight, Kind::number, "WEIGHT", parses<parse_weight>, nullptr,
     "Its share where devices are busy: 1 to 10000, usually 100."},
    {"resources.qos", &Profile::qos, Kind::word, "guaranteed|burstable|batch", nullptr, nullptr,
     "What it is among others: kept from want, slowed before its end, or last."},
    {"resources.parent", &Profile::cgroup_parent, Kind::text, "CGROUP", check_cgroup_path, nullptr,
     "The control group to make its own in."},
    {"resources.on_unavailable", &Profile::on_unavailable, Kind::word, "fail|warn", nullptr, nullptr,
     "What happens where a limit cannot be had."},
    {"resources.ulimit", &Profile::ulimit, Kind::number, "SOFT[:HARD]", parses<parse_ulimit_value>, check_ulimit_name,
     "Limits of setrlimit(2) by name."},

    {"seccomp.default", &Profile::seccomp_default, Kind::word, "deny|log|kill|allow|off", nullptr, nullptr,
     "What happens on system calls that nothing allows; off: no filter."},
    {"seccomp.errno", &Profile::seccomp_errno, Kind::number, "ERRNO", check_errno, nullptr,
     "What a system call returns that is denied here."},
    {"seccomp.use", &Profile::seccomp_use, Kind::name, "@GROUP", check_group, nullptr,
     "Groups of system calls allowed."},
    {"seccomp.allow", &Profile::seccomp_allow, Kind::name, "CALL|@GROUP|socket:FAMILY", check_call_or_group, nullptr,
     "System calls allowed."},
    {"seccomp.deny", &Profile::seccomp_deny, Kind::name, "CALL|@GROUP|socket:FAMILY", check_call_or_group, nullptr,
     "System calls denied, whatever allows them."},
    {"seccomp.log", &Profile::seccomp_log, Kind::name, "CALL|@GROUP", check_call_or_group, nullptr,
     "Allowed system calls that the kernel logs."},
    {"seccomp.abis", &Profile::seccomp_abis, Kind::word, "x86|x32", nullptr, nullptr,
     "Foreign call conventions let in beside the native one."},

    {"security.capabilities", &Profile::capabilities, Kind::capability, "NAME", check_capability, nullptr,
     "Capabilities kept, without CAP_."},
    {"security.landlock", &Profile::landlock, Kind::word, "auto|require|off", nullptr, nullptr,
     "Whether Landlock guards the files a second time."},
    {"security.nested_userns", &Profile::nested_userns, Kind::boolean, "true|false", nullptr, nullptr,
     "Whether sandboxes may be made inside."},
    {"security.no_new_privileges", &Profile::no_new_privileges, Kind::boolean, "true", check_true, nullptr,
     "Always true: setuid programs gain nothing inside."},
    {"security.allow_degraded", &Profile::allow_degraded, Kind::name, "FEATURE", check_feature, nullptr,
     "Protections that may be missing on this machine."},

    {"environment.pass", &Profile::env_pass, Kind::name, "NAME|PATTERN", check_variable_pattern, nullptr,
     "Variables handed through; * matches any run of characters."},
    {"environment.set", &Profile::env_set, Kind::text, "VALUE", nullptr, check_variable, "Variables set, by name."},
    {"environment.secret", &Profile::secret, Kind::secret, "NAME=FILE", parses<parse_secret_item>, nullptr,
     "Host files copied to /run/secrets/NAME, in memory only."},
}};
static_assert(!table.back().name.empty());

std::string_view last_part(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

Result<> check_word(const Key& key, std::string_view value) {
  const std::vector<std::string> words = split(key.form, '|');
  if (std::ranges::find(words, value) != words.end()) return {};
  return fail_hint(nearest_hint(value, words), "'", printable(value), "' is not one of ", join(words, ", "));
}

}  // namespace

std::span<const Key> keys() { return table; }

const Key* find_key(std::string_view name) {
  const auto found = std::ranges::find(table, name, &Key::name);
  return found == table.end() ? nullptr : &*found;
}

std::string unknown_key_hint(std::string_view name) {
  const auto in_table = [](const Key& key, std::string_view table_name) {
    return key.name.starts_with(table_name) && key.name.substr(table_name.size()).starts_with('.');
  };
  const std::string_view own_table = name.substr(0, std::min(name.rfind('.'), name.size()));
  std::vector<std::string> same_table, names;
  for (const Key& key : table) {
    if (last_part(key.name) == last_part(name)) return text("did you mean '", key.name, "'?");  // in the wrong table
    if (in_table(key, own_table)) same_table.emplace_back(last_part(key.name));
    names.emplace_back(key.name);
    const std::string_view key_table = key.name.substr(0, std::min(key.name.find('.'), key.name.size()));
    if (names.back() != key_table) names.emplace_back(key_table);
  }
  // Compared without the table's name, which would make every key of it look alike.
  if (same_table.empty()) return nearest_hint(name, names);
  const auto found = nearest(last_part(name).substr(0, 64), same_table);
  return found ? text("did you mean '", own_table, '.', *found, "'?") : std::string{};
}

Result<> check_value(const Key& key, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return fail("'", printable(value), "' holds a NUL byte");
  if (value.empty() && !holds<Map>(key)) return fail("an empty text is no value");
  if (key.check != nullptr) return key.check(value);
  if (key.kind == Kind::word || key.kind == Kind::boolean) return check_word(key, value);
  return {};
}

Result<> check_item(const Key& key, std::string_view item) {
  const bool merges = key.name != "extends";  // which is carried out, not merged: nothing to remove from
  if (merges && item == "!*") return {};
  return check_value(key, merges && item.starts_with('!') ? item.substr(1) : item);
}

Result<> check_entry(const Key& key, std::string_view entry, std::string_view value) {
  if (entry.find('\0') != std::string_view::npos) return fail("'", printable(entry), "' holds a NUL byte");
  TRY(key.check_entry(entry));
  return check_value(key, value);
}

}  // namespace profile
