// A group is delegated when its directory and the files that say who is in it belong to us. A user's systemd owns more
// than it gives away (a terminal's scope): the system's marks what is delegated with user.delegate, the user's says so.
#include "launch/delegation.h"

#include "base/path.h"
#include "base/units.h"
#include "launch/systemd.h"
#include "sys/file.h"
#include "sys/user.h"

#include <cerrno>
#include <utility>

namespace launch {

namespace {

constexpr std::size_t most_bytes = 4 << 20;
constexpr std::string_view supervisor = "/supervisor";
constexpr const char* delegation_hint =
    "systemd-run --user --scope -p Delegate=yes sbx ...; or --set resources.on_unavailable=warn goes on without";

// nullopt as well where it is closed to us.
Result<std::optional<sys::FileStat>> look_at(const std::string& path) {
  auto found = sys::stat_path(path);
  if (!found && found.error().code == EACCES) return std::optional<sys::FileStat>{};
  return found;
}

// sd_booted(3)
Result<bool> has_systemd() {
  const auto booted = TRY(look_at("/run/systemd/system"));
  return booted.has_value();
}

struct View {
  CgroupMount mount;
  std::string own;
  bool alone = true;  // no version 1 beside it, which would hold the controllers
};

Result<View> look() {
  View view;
  const std::string groups = TRY(sys::read_file("/proc/self/cgroup", most_bytes));
  view.own = cgroup_path_of(groups), view.alone = groups.starts_with("0::");
  const auto mount = cgroup_mount_of(TRY(sys::read_file("/proc/self/mountinfo", most_bytes)));
  if (!mount || view.own.empty())
    return fail_hint("boot with systemd.unified_cgroup_hierarchy=1", "control groups of version 2 are not mounted here");
  view.mount = *mount;
  return view;
}

// The root of all groups has no cgroup.events, and is nobody's to divide.
Result<bool> is_ours(const std::optional<std::string>& directory) {
  if (!directory) return false;
  const auto found = TRY(look_at(*directory));
  const auto events = TRY(look_at(*directory + "/cgroup.events"));
  const Id us = sys::caller_uid();
  return found && (us == 0 || found->uid == us) && events && sys::may_write(*directory + "/cgroup.procs") &&
         sys::may_write(*directory + "/cgroup.subtree_control");
}

// The one we are in, or the one around it when that is a `supervisor`: made by a launcher, so it may be divided.
struct Own {
  Base base;
  bool ours = false, certain = false;
};
Result<Own> own_base(const View& view) {
  Own own;
  const bool around = view.own.ends_with(supervisor);
  own.base.path = around ? path::parent(view.own) : view.own;
  const auto directory = cgroup_directory(view.mount, own.base.path);
  own.ours = TRY(is_ours(directory));
  own.base.directory = directory.value_or("");
  const bool systemd = TRY(has_systemd());
  own.certain = own.ours && (around || !systemd || sys::has_attribute(own.base.directory, "user.delegate"));
  return own;
}

Result<Base> named_base(const View& view, const std::string& path) {
  const auto directory = cgroup_directory(view.mount, path);
  if (!TRY(is_ours(directory)))
    return fail_hint("name one that you own, with its cgroup.procs and cgroup.subtree_control", "control group ",
                     printable(path), " is not yours to divide");
  return Base{.path = path, .directory = *directory, .around_us = view.own == path || view.own == path + std::string(supervisor)};
}

}  // namespace

Result<Delegation> probe_delegation() {
  const auto view = look();
  if (!view || !view->alone) return Delegation{};
  Delegation found{.unified = true, .directory = {}, .controllers = {}};
  const Own own = TRY(own_base(*view));
  const Id us = sys::caller_uid();
  const auto manager = cgroup_directory(view->mount, text("/user.slice/user-", us, ".slice/user@", us, ".service"));
  const bool managed = TRY(is_ours(manager));
  if (own.ours && (own.certain || !managed)) found.directory = own.base.directory;
  else if (managed) found.directory = *manager;
  else return found;
  const std::string controllers = TRY(sys::read_file(found.directory + "/cgroup.controllers", most_bytes));
  if (!trim(controllers).empty()) found.controllers = split(trim(controllers), ' ');
  return found;
}

std::string controllers_hint() {
  if (const auto systemd = has_systemd(); systemd && !*systemd) return "have root enable it in cgroup.subtree_control of the group around it";
  return "sudo mkdir -p /etc/systemd/system/user@.service.d; printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | "
         "sudo tee /etc/systemd/system/user@.service.d/delegate.conf; sudo systemctl daemon-reload; then log in again";
}

std::optional<CgroupMount> cgroup_mount_of(std::string_view mountinfo) {
  std::optional<CgroupMount> found;
  for (const std::string& line : split(mountinfo, '\n')) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    const std::vector<std::string> fields = split(line, ' ');
    if (fields.size() > 4 && (!found || fields[4] == "/sys/fs/cgroup")) 
      found = {.directory = fields[4], .root = fields[3], .guarded = line.find("nsdelegate") != std::string::npos};
  }
  return found;
}

std::string cgroup_path_of(std::string_view proc_cgroup) {
  for (const std::string& line : split(proc_cgroup, '\n'))
    if (line.starts_with("0::/")) return line.substr(3);
  return {};
}

std::optional<std::string> cgroup_directory(const CgroupMount& mount, std::string_view path) {
  if (text(path, "/").find("/../") != std::string::npos) return std::nullopt;  // outside our cgroup namespace
  if (!path::is_at_or_below(path, mount.root)) return std::nullopt;
  const std::string_view below = mount.root == "/" ? path : path.substr(mount.root.size());
  return text(mount.directory, below == "/" ? "" : below);
}

namespace {

constexpr std::uint64_t usual_weight = 100;

ScopeWeights weights_of(const std::vector<plan::CgroupSetting>& settings) {
  ScopeWeights weights;
  for (const plan::CgroupSetting& setting : settings) {
    const auto value = parse_number(setting.value);
    if (value && setting.file == "cpu.weight") weights.cpu = *value;
    if (value && setting.file == "io.weight") weights.io = *value;
    if (setting.file == "cpu.idle") weights.cpu = setting.value == "1" ? 0 : weights.cpu.value_or(usual_weight);
  }
  return weights;
}

Result<Base> find_unguarded(const View& view, const plan::Cgroup& wanted, const std::string& unit, pid_t pid) {
  if (!wanted.parent.empty()) return named_base(view, wanted.parent);
  Own own = TRY(own_base(view));
  if (own.certain) return std::move(own.base);
  const auto placed = start_scope(unit, pid, own.ours, weights_of(wanted.settings));
  if (own.ours && (placed ? *placed == Placement::delegated : placed.error().code == ENOENT)) return std::move(own.base);
  if (!placed && placed.error().code == ENOENT)
    return fail_hint(delegation_hint, "no control group is delegated to you, and no systemd user manager answers");
  if (!placed) return std::unexpected<Error>(placed.error());
  const View moved = TRY(look());
  const auto directory = cgroup_directory(moved.mount, moved.own);
  const bool ours = TRY(is_ours(directory));
  if (!ours || !moved.own.ends_with(unit))
    return fail_hint(delegation_hint, "systemd's scope ", printable(unit), " is not ours to divide");
  return Base{.kind = supervise::CgroupKind::scope, .path = moved.own, .directory = *directory};
}

}  // namespace

std::string scope_name(const std::string& sandbox, pid_t launcher) { return text("sbx-", sandbox, "-", launcher, ".scope"); }

std::string own_scope_of(std::string_view group) {
  const std::vector<std::string> leaf = split(path::base_name(group), '-');
  const std::string unit(path::base_name(path::parent(group)));
  const bool own = leaf.size() == 3 && leaf[0] == "sbx" && unit.starts_with("sbx-") && unit.ends_with(text("-", leaf[1], ".scope"));
  return own ? unit : std::string();
}

Result<> update_scope(std::string_view group, const std::vector<plan::CgroupSetting>& settings) {
  const std::string unit = own_scope_of(group);
  const ScopeWeights weights = weights_of(settings);
  if (unit.empty() || (!weights.cpu && !weights.io)) return {};
  const Result<> changed = change_scope(unit, weights);
  if (changed) return {};
  return fail_hint("what holds inside is; try again with the XDG_RUNTIME_DIR it was started with", "the weight of ", printable(unit),
                   " among your other units is not changed: ", changed.error().message);
}

Result<Base> find_base(const plan::Cgroup& wanted, const std::string& unit, pid_t pid) {
  const View view = TRY(look());
  Base base = TRY(find_unguarded(view, wanted, unit, pid));
  base.guarded = view.mount.guarded;
  return base;
}

}  // namespace launch
