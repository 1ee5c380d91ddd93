// From the profile's lists to rules. A call that `deny` names is refused, whatever allows it; then what `use`,
// `allow`, a kept capability or nested_userns opens is allowed; then the known dangerous calls get EPERM. The
// rest is `default`'s: ENOSYS, so that a call newer than this list looks absent and programs fall back.
#include "plan/seccomp.h"

#include "base/nearest.h"
#include "plan/syscall_checks.h"
#include "plan/syscall_groups.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace plan {
namespace {

using profile::Item;
using profile::List;
using profile::Profile;

constexpr std::string_view default_use = "@standard";

std::string place(const Item& item) {
  if (item.origin.source.empty()) return {};
  if (item.origin.line == 0) return text(printable(item.origin.source), ": ");
  return text(printable(item.origin.source), ":", item.origin.line, ":", item.origin.column, ": ");
}

// What a kept capability opens, as in podman's profile; bpf and perf have capabilities of their own.
struct Opening {
  std::string_view capability, calls;
};
constexpr auto openings = std::to_array<Opening>({
    {"BPF", "bpf"},
    {"DAC_READ_SEARCH", "open_by_handle_at"},
    {"PERFMON", "perf_event_open"},
    {"SYSLOG", "syslog"},
    {"SYS_ADMIN",
     "fanotify_init fanotify_mark fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree "
     "open_tree_attr pivot_root quotactl quotactl_fd setdomainname sethostname setns umount umount2 unshare"},
    {"SYS_BOOT", "reboot"},
    {"SYS_CHROOT", "chroot"},
    {"SYS_MODULE", "delete_module finit_module init_module"},
    {"SYS_NICE", "migrate_pages move_pages"},
    {"SYS_PACCT", "acct"},
    {"SYS_PTRACE", "pidfd_getfd process_vm_readv process_vm_writev ptrace"},
    {"SYS_RAWIO", "ioperm iopl"},
    {"SYS_TIME", "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime"},
    {"SYS_TTY_CONFIG", "vhangup"},
});

// What a sandbox needs to make another one in it.
constexpr std::string_view nested_calls =
    "chroot clone3 fsconfig fsmount fsopen fspick listmount mount mount_setattr move_mount open_tree open_tree_attr "
    "pivot_root setdomainname sethostname setns statmount umount umount2 unshare";

// What the profile's lists say of one call; `opened` is by a capability or nested_userns.
struct Marks {
  bool denied = false, allowed = false, opened = false, logged = false;
  const Check* check = nullptr;
};

struct Request {
  std::vector<Marks> marks = std::vector<Marks>(known_calls().size());  // in their order
  GroupMask used = 0, denied = 0, logged = 0;
  Checks checks;
  int denied_code = EPERM;

  Marks& of(const KnownCall& call) { return marks[static_cast<std::size_t>(&call - known_calls().data())]; }
};

std::unexpected<Error> fail_unknown(const Item& item) {
  std::vector<std::string> known = group_names();
  if (!item.value.starts_with('@'))
    for (const KnownCall& call : known_calls()) known.emplace_back(call.name);
  return fail_hint(nearest_hint(item.value, known), place(item), "no system call",
                   item.value.starts_with('@') ? " group" : "", " is named '", printable(item.value), "'");
}

// "socket:FAMILY", or nothing.
Result<std::optional<int>> parse_family(const Item& item) {
  constexpr std::string_view prefix = "socket:";
  if (!item.value.starts_with(prefix)) return std::nullopt;
  const std::string_view name = std::string_view(item.value).substr(prefix.size());
  if (const auto number = find_family(name)) return number;
  return fail_hint(nearest_hint(name, family_names()), place(item), "no socket family is named '", printable(name),
                   "'");
}

// Sets `mark` in the calls of `list`, and their bits in `groups`.
Result<> mark_list(Request& request, const List& list, bool Marks::*mark, GroupMask& groups) {
  for (const Item& item : list) {
    if (const auto group = find_group(item.value)) groups |= *group;
    else if (const KnownCall* call = find_call(item.value)) request.of(*call).*mark = true;
    else return fail_unknown(item);
  }
  return {};
}

// Takes the families out of `list` and gives them to `use`.
template <class Use>
Result<List> split_families(const List& list, Use use) {
  List calls;
  for (const Item& item : list) {
    const auto family = TRY(parse_family(item));
    if (family) use(*family);
    else calls.push_back(item);
  }
  return calls;
}

void open_calls(Request& request, std::string_view calls) {
  for (std::string_view rest = calls; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (const KnownCall* call = find_call(rest.substr(0, end))) request.of(*call).opened = true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void open_by_privileges(Request& request, const Profile& profile) {
  request.checks.nested = profile.nested_userns && profile.nested_userns->value == "true";
  if (request.checks.nested) open_calls(request, nested_calls);
  for (const Item& item : profile.capabilities) {
    if (item.value == "SYS_ADMIN") request.checks.admin = true;
    if (item.value == "NET_RAW") request.checks.open_family(*find_family("packet"));
    for (const Opening& opening : openings)
      if (opening.capability == item.value) open_calls(request, opening.calls);
  }
}

Result<> read_abis(Request& request, Seccomp& out, const Profile& profile) {
  for (const Item& item : profile.seccomp_abis) {
    if (item.value != "x86" && item.value != "x32")
      return fail_hint("x86 and x32 can be let in beside the native one", place(item), "no ABI is named '",
                       printable(item.value), "'");
    if (std::ranges::find(out.abis, item.value) == out.abis.end()) out.abis.push_back(item.value);
  }
  std::ranges::sort(out.abis);
  request.checks.x86 = std::ranges::find(out.abis, "x86") != out.abis.end();
  if (request.checks.x86) open_calls(request, "modify_ldt");
  return {};
}

Result<Request> read_lists(const Profile& profile) {
  Request request;
  for (const Check& check : known_checks()) request.of(*find_call(check.call)).check = &check;
  Checks& checks = request.checks;
  const List allow = TRY(split_families(profile.seccomp_allow, [&](int family) { checks.open_family(family); }));
  for (const Item& item : profile.seccomp_use)
    if (find_call(item.value) != nullptr)
      return fail_hint(text("add '", item.value, "' to allow"), place(item), "seccomp use names '", item.value,
                       "', which is no group");
  TRY(mark_list(request, profile.seccomp_use, &Marks::allowed, request.used));
  if (profile.seccomp_use.empty()) request.used |= *find_group(default_use);
  TRY(mark_list(request, allow, &Marks::allowed, request.used));
  open_by_privileges(request, profile);
  const List deny = TRY(split_families(profile.seccomp_deny, [&](int family) { checks.close_family(family); }));
  TRY(mark_list(request, deny, &Marks::denied, request.denied));
  TRY(mark_list(request, profile.seccomp_log, &Marks::logged, request.logged));
  return request;
}

// deny: the call is not to be made; allow (or log): it is; nothing: `default` decides.
struct Verdict {
  std::optional<SyscallAction> action;
  int code = 0;
};

Verdict judge(const KnownCall& call, const Marks& marks, const Request& request) {
  if (marks.denied || (call.groups & request.denied) != 0) return {SyscallAction::deny, request.denied_code};
  const bool allowed = marks.allowed || marks.opened || (call.groups & request.used) != 0;
  const bool logged = marks.logged || (call.groups & request.logged) != 0;
  if (allowed) return {logged ? SyscallAction::log : SyscallAction::allow, 0};
  // Its flags are in memory, where no filter sees them; glibc falls back to clone.
  if (call.name == "clone3") return {SyscallAction::deny, ENOSYS};
  if ((call.groups & group_of_refused_calls()) != 0) return {SyscallAction::deny, EPERM};
  return {};
}

bool lets_through(SyscallAction action) { return action == SyscallAction::allow || action == SyscallAction::log; }

// Whether the profile opens the call itself, by name or by a group of what is otherwise refused.
bool is_named(const KnownCall& call, const Marks& marks, const Request& request) {
  const bool refused = (call.groups & group_of_refused_calls()) != 0;
  return marks.allowed || (refused && (call.groups & request.used) != 0);
}

void add_rules(Seccomp& out, const KnownCall& call, const Marks& marks, const Request& request) {
  const Verdict verdict = judge(call, marks, request);
  const SyscallAction action = verdict.action.value_or(out.otherwise);
  const int code = verdict.action ? verdict.code : out.otherwise_code;
  if (lets_through(action) && marks.check != nullptr)
    return marks.check->add(out.rules, call.name, action, request.checks, is_named(call, marks, request));
  if (action == out.otherwise && code == out.otherwise_code) return;
  out.rules.push_back({call.name, action, code});
}

std::string errno_name(int code) {
  const char* name = ::strerrorname_np(code);
  return name != nullptr ? std::string(name) : std::to_string(code);
}

Result<int> read_errno(const Item& item) {
  constexpr int largest = 4095;  // MAX_ERRNO of the kernel
  for (int code = 1; code <= largest; ++code)
    if (item.value == errno_name(code) || item.value == std::to_string(code)) return code;
  return fail_hint("write a name as EPERM or its number", place(item), "no errno is named '", printable(item.value),
                   "'");
}

Result<> read_default(Seccomp& out, Request& request, const Profile& profile) {
  out.otherwise_code = ENOSYS;
  if (profile.seccomp_errno) out.otherwise_code = request.denied_code = TRY(read_errno(*profile.seccomp_errno));
  if (profile.seccomp_default) {
    const auto action = syscall_action_names.parse(profile.seccomp_default->value, "seccomp default");
    if (!action) return fail(place(*profile.seccomp_default), action.error().message);
    out.otherwise = *action;
  }
  if (out.otherwise != SyscallAction::deny) out.otherwise_code = 0;
  return {};
}

// A call in `log` that nothing allows would be recorded never: a mistake, and not the place to open it.
Result<> check_logged(Request& request, const Seccomp& out, const List& log) {
  for (const Item& item : log) {
    const KnownCall* call = find_call(item.value);
    if (call == nullptr) continue;
    const auto verdict = judge(*call, request.of(*call), request);
    if (!lets_through(verdict.action.value_or(out.otherwise)))
      return fail_hint(text("add '", item.value, "' to allow, or take it out of log"), place(item),
                       "seccomp log names '", item.value, "', which is not allowed");
  }
  return {};
}

std::string name_of(const Profile& profile) {
  const bool plain_use = std::ranges::all_of(profile.seccomp_use, [](const Item& i) { return i.value == default_use; });
  const bool plain_default = !profile.seccomp_default || profile.seccomp_default->value == "deny";
  const bool plain = plain_use && plain_default && !profile.seccomp_errno && profile.seccomp_allow.empty() &&
                     profile.seccomp_deny.empty() && profile.seccomp_log.empty() && profile.seccomp_abis.empty();
  return plain ? "default" : "custom";
}

void append_rule(std::string& out, const SyscallRule& rule) {
  (out += syscall_action_names[rule.action]) += ' ';
  if (rule.action == SyscallAction::deny) (out += errno_name(rule.code)) += ' ';
  out += rule.call;
  for (const ArgumentCompare& compare : rule.compares)
    out += text(&compare == rule.compares.data() ? " if (arg" : " and (arg", compare.index, " & ", hex(compare.mask),
                compare.negate ? ") != " : ") == ", hex(compare.value));
  out += '\n';
}

}  // namespace

Result<Seccomp> make_seccomp(const Profile& profile) {
  Seccomp out;
  if (profile.seccomp_default && profile.seccomp_default->value == "off") {
    out.name = "off";
    out.enabled = false;
    return out;
  }
  out.name = name_of(profile);
  Request request = TRY(read_lists(profile));
  TRY(read_default(out, request, profile));
  TRY(read_abis(request, out, profile));
  TRY(check_logged(request, out, profile.seccomp_log));
  out.rules.reserve(known_calls().size());
  const GroupMask others = request.checks.x86 ? 0 : group_of_x86_calls();
  for (std::size_t i = 0; const KnownCall& call : known_calls())
    if (const Marks& marks = request.marks[i++]; (call.groups & others) == 0) add_rules(out, call, marks, request);
  return out;
}

std::string describe_seccomp(const Seccomp& policy) {
  if (!policy.enabled) return "off\n";
  std::string out;
  out.reserve(policy.rules.size() * 24);
  for (const std::string& abi : policy.abis) out += text("abi ", abi, "\n");
  for (const SyscallRule& rule : policy.rules) append_rule(out, rule);
  append_rule(out, {"everything else", policy.otherwise, policy.otherwise_code});
  return out;
}

}  // namespace plan
