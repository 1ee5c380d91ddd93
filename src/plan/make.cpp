// The order of decisions: each may use those before it.
#include "plan/make.h"

#include "base/path.h"
#include "base/units.h"
#include "plan/cgroup.h"
#include "plan/command.h"
#include "plan/identity.h"
#include "plan/join.h"
#include "plan/mounts.h"
#include "plan/network.h"
#include "plan/overlays.h"
#include "profile/values.h"

#include <algorithm>

namespace plan {

namespace {

bool is_true(const profile::Scalar& scalar) { return scalar && scalar->value == "true"; }

Result<TimeOffsets> make_time(const profile::Profile& profile) {
  TimeOffsets time;
  if (profile.boottime) time.boottime = TRY(parse_duration(profile.boottime->value, true));
  if (profile.monotonic) time.monotonic = TRY(parse_duration(profile.monotonic->value, true));
  return time;
}

Result<Privileges> make_privileges(const profile::Profile& profile) {
  Privileges out{.capabilities = {}, .nested_userns = is_true(profile.nested_userns)};
  for (const profile::Item& item : profile.capabilities) {
    std::string name = item.value;
    for (char& letter : name)
      if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (name.starts_with("CAP_")) name.erase(0, 4);
    if (std::ranges::find(out.capabilities, name) == out.capabilities.end()) out.capabilities.push_back(name);
  }
  if (is_true(profile.no_new_privileges) || !profile.no_new_privileges) return out;
  return fail("no_new_privileges cannot be turned off");
}

// Rights for the mounts as they are: the root itself only to read, what is writable by name.
Landlock paths_for_landlock(const std::vector<MountStep>& mounts, int abi) {
  Landlock out{.abi = abi, .read_only = {"/"}, .read_write = {}};
  for (const MountStep& step : mounts) {
    const Bind* bind = std::get_if<Bind>(&step);
    const bool writable = std::holds_alternative<Overlay>(step) || (bind != nullptr && !bind->read_only && !bind->optional) || std::holds_alternative<Proc>(step) ||
                          (std::holds_alternative<Tmpfs>(step) && inside_of(step) != "/" &&
                           (!std::get<Tmpfs>(step).read_only || inside_of(step) == "/dev"));
    const auto covered = [&](const std::string& above) { return path::is_at_or_below(inside_of(step), above); };
    if (writable && std::ranges::none_of(out.read_write, covered)) out.read_write.push_back(inside_of(step));
  }
  return out;
}

bool may_degrade(const profile::Profile& profile, std::string_view feature) {
  return std::ranges::any_of(profile.allow_degraded, [&](const profile::Item& item) { return item.value == feature; });
}

Result<> add_landlock(Plan& plan, const profile::Profile& profile, const Host& host) {
  const LandlockMode mode = profile.landlock ? TRY(landlock_mode_names.parse(profile.landlock->value, "landlock")) : LandlockMode::automatic;
  if (mode == LandlockMode::off) return {};
  if (plan.privileges.nested_userns) {
    plan.notes.push_back("landlock guards no files: its rules for them forbid the mounts that nested user namespaces are for");
    return {};
  }
  if (host.landlock_abi == 0 && mode == LandlockMode::require) {
    if (!may_degrade(profile, "landlock"))
      return fail_hint("boot with landlock in lsm=, or add --allow-degraded landlock", "landlock is required and this kernel has none");
    plan.degraded.push_back("landlock");
  }
  if (host.landlock_abi > 0 && mode == LandlockMode::require) plan.landlock = paths_for_landlock(plan.mounts, host.landlock_abi);
  return {};
}

// In the host's network namespace its abstract sockets (unix(7)) have no other wall: X11's, D-Bus's, systemd's.
Result<> add_socket_scope(Plan& plan, const profile::Profile& profile, const Host& host) {
  constexpr int first_with_scopes = 6;  // Linux 6.12
  if (plan.network.mode != NetworkMode::host) return {};
  const bool off = profile.landlock && profile.landlock->value == "off";
  if (!off && host.landlock_abi >= first_with_scopes) {
    plan.landlock.abi = host.landlock_abi;
    return {};
  }
  if (!may_degrade(profile, "abstract-sockets"))
    return fail_hint(off ? "leave out --landlock off, or add --allow-degraded abstract-sockets"
                         : "boot Linux 6.12 or later with landlock in lsm=, or add --allow-degraded abstract-sockets",
                     "with the host's network only Landlock ABI 6 keeps the host's abstract sockets away, and it is ",
                     off ? "turned off" : "missing here");
  plan.degraded.push_back("abstract-sockets");
  return {};
}

void add_range_note(Plan& plan) {
  if (plan.identity.uids.size() + plan.identity.gids.size() <= 2 || plan.identity.writer == MapWriter::init) return;  // one id each
  for (const MountStep& step : plan.mounts)
    if (const Bind* bind = std::get_if<Bind>(&step); bind != nullptr && !bind->read_only && !path::is_below(bind->inside, "/dev"))
      plan.notes.push_back(text("files made in ", printable(bind->outside),
                                " may come to belong to subordinate ids; sbx chown-back returns them"));
}

Result<> add_times(Plan& plan, const profile::Profile& profile) {
  if (profile.timeout) plan.timeout = TRY(parse_duration(profile.timeout->value));
  plan.kill_after = profile.kill_after ? TRY(parse_duration(profile.kill_after->value)) : std::chrono::seconds(10);
  plan.time = TRY(make_time(profile));
  return {};
}

}  // namespace

bool Plan::has(Namespace wanted) const { return std::ranges::find(namespaces, wanted) != namespaces.end(); }
bool Plan::shares(Namespace wanted) const { return join && std::ranges::find(join->shared, wanted) != join->shared.end(); }

Result<Plan> make(const profile::Profile& profile, const Host& host, std::vector<std::string> command) {
  if (!host.kernel_at_least(5, 14))
    return fail_hint("sbx needs Linux 5.14 or later", "kernel ", host.kernel_major, ".", host.kernel_minor, " is too old");
  Plan plan;
  plan.profiles = profile.chain;
  plan.named = profile.name.has_value();
  plan.name = plan.named ? profile.name->value : "sbx";
  TRY(profile::check_name(plan.name));
  plan.hostname = profile.hostname ? profile.hostname->value : plan.name;
  if (profile.hostname) TRY(profile::check_hostname(plan.hostname));
  TRY(add_times(plan, profile));
  std::vector<std::string> notes;
  if (wants_join(profile)) {
    TRY(make_join(plan, profile, host, notes));
  } else {
    plan.identity = TRY(make_identity(profile, host));
    plan.network = TRY(make_network(profile, host, plan.hostname, notes));
  }
  for (const Namespace kind : {Namespace::user, Namespace::mount, Namespace::pid, Namespace::net, Namespace::ipc,
                               Namespace::uts, Namespace::cgroup})
    if (kind != Namespace::net || plan.network.mode != NetworkMode::host) plan.namespaces.push_back(kind);
  if (plan.time.boottime.count() != 0 || plan.time.monotonic.count() != 0) plan.namespaces.push_back(Namespace::time);
  plan.cgroup = TRY(make_cgroup(profile, host));
  FileSystem files = TRY(make_filesystem(profile, host, plan));
  plan.prepare = std::move(files.prepare), plan.mounts = std::move(files.steps), plan.notes = std::move(files.notes);
  plan.notes.insert(plan.notes.end(), notes.begin(), notes.end());
  plan.on_exit = TRY(make_on_exit(profile, host, plan.mounts));
  plan.limits = TRY(make_limits(profile));
  plan.privileges = TRY(make_privileges(profile));
  TRY(add_landlock(plan, profile, host));
  TRY(add_socket_scope(plan, profile, host));
  plan.seccomp = TRY(make_seccomp(profile));
  TRY(check_join(plan, host));
  plan.command = TRY(make_command(profile, host, plan, std::move(command)));
  add_range_note(plan);
  return plan;
}

}  // namespace plan
