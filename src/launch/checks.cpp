// Which stage stands on which: a stage is tried only where those below it work, except the launch itself.
#include "launch/checks.h"

#include "launch/probe.h"
#include "launch/trial.h"
#include "plan/identity.h"

namespace launch {

namespace {

Attempt refused(Error error) { return {.tried = Attempt::Tried::refused, .found = {}, .error = std::move(error)}; }

// As the launch with a range would decide it: with the range of the account, or why there is none.
Result<plan::Identity> identity_with_range(profile::Profile profile) {
  profile.userns = profile::Item{"range", {"sbx doctor"}};
  const Host host = TRY(probe_host(profile));
  return plan::make_identity(profile, host);
}

Result<plan::Identity> identity_of(const profile::Profile& profile) {
  const Host host = TRY(probe_host(profile));
  return plan::make_identity(profile, host);
}

void check_ids(Findings& out, const profile::Profile& profile) {
  out[Stage::user_namespace] = try_user_namespace();
  if (!out[Stage::user_namespace].worked()) return;
  const Result<plan::Identity> range = identity_with_range(profile);
  out[Stage::id_range] = range ? try_id_range(*range) : refused(range.error());
}

void check_inside(Findings& out, const plan::Identity& identity) {
  out[Stage::id_map] = try_id_map(identity);
  if (!out[Stage::id_map].worked()) return;
  out[Stage::tap] = try_tap(identity);
  out[Stage::time] = try_time(identity);
  out[Stage::mounts] = try_mounts(identity);
  if (!out[Stage::mounts].worked()) return;
  out[Stage::proc] = try_proc(identity);
  out[Stage::sysfs] = try_sysfs(identity);
  out[Stage::devpts] = try_devpts(identity);
  out[Stage::overlay] = try_overlay(identity);
}

}  // namespace

Result<Findings> run_checks(const profile::Profile& profile) {
  Findings out;
  out.around = TRY(probe_surroundings());
  out[Stage::processes] = try_processes();
  if (!out[Stage::processes].worked()) return out;
  check_ids(out, profile);
  const Result<plan::Identity> identity = identity_of(profile);
  if (!identity) out[Stage::id_map] = refused(identity.error());
  else if (out[Stage::user_namespace].worked()) check_inside(out, *identity);
  out[Stage::seccomp] = try_seccomp();
  out[Stage::landlock] = try_landlock();
  out[Stage::openat2] = try_openat2();
  if (out[Stage::tap].worked()) out[Stage::network] = try_network(profile);
  out[Stage::ping] = try_ping();
  out[Stage::launch] = try_launch(profile);
  return out;
}

}  // namespace launch
