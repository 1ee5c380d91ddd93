// One verdict per row, in the order they are printed.
#include "cli/verdicts.h"

#include "cli/causes.h"

#include <algorithm>

namespace cli {

namespace {

using launch::Attempt;
using launch::Findings;
using launch::Stage;
using launch::Surroundings;

Check check_kernel(const Surroundings& around) {
  Check check{.name = "kernel", .found = text("Linux ", around.kernel_major, ".", around.kernel_minor), .why = {}, .lost = {}, .fix = {}};
  if (around.kernel_major > 5 || (around.kernel_major == 5 && around.kernel_minor >= 14)) return check;
  check.status = Status::fail;
  check.lost = "everything: sbx needs Linux 5.14";
  check.fix = "boot Linux 5.14 or later";
  return check;
}

Check check_account(const Surroundings& around) {
  Check check{.name = "account", .found = text(around.user, ", user id ", around.uid), .why = {}, .lost = {}, .fix = {}};
  if (around.uid != 0) return check;
  check.status = Status::warn;
  check.lost = "a wall: sbx needs no root, and an escape from it would end as root";
  check.fix = "run sbx as an ordinary account";
  return check;
}

Check check_container(const Surroundings& around) {
  Check check{.name = "container", .found = "none around sbx", .why = {}, .lost = {}, .fix = {}};
  if (!around.container.empty()) check.found = text(around.container, ", by ", around.evidence);
  else if (around.in_user_namespace) check.found = "none, but sbx runs in a user namespace";
  return check;
}

Check check_program(const Surroundings& around) {
  Check check{.name = "program", .found = around.executable, .why = {}, .lost = {}, .fix = {}};
  if (around.first_in_path.empty() || around.first_in_path_is_this) return check;
  check.status = Status::warn;
  check.why = text("PATH has ", around.first_in_path, " first");
  check.lost = "typing sbx runs another program";
  const std::string directory = around.executable.substr(0, around.executable.rfind('/'));
  check.fix = text("export PATH=", directory, ":$PATH");
  return check;
}

struct Importance {
  Stage stage;
  Status refused;        // fail where a default launch needs it
  std::string_view lost;
};

constexpr Importance importance[] = {
    {Stage::processes, Status::fail, "everything: no process can be made"},
    {Stage::user_namespace, Status::fail, "everything: sbx runs without root only in a user namespace"},
    {Stage::id_map, Status::fail, "everything: no user inside"},
    {Stage::id_range, Status::warn, "--user root, --userns range, root file systems of other distributions"},
    {Stage::mounts, Status::fail, "everything: no file system of its own"},
    {Stage::proc, Status::fail, "everything: no /proc inside"},
    {Stage::sysfs, Status::fail, "everything: no /sys inside"},
    {Stage::devpts, Status::fail, "everything: no terminals inside"},
    {Stage::overlay, Status::warn, "writing to a copy of a directory"},
    {Stage::tap, Status::warn, "--net user, and with it the profiles dev, trusted and agent"},
    {Stage::time, Status::warn, "boottime and monotonic of [sandbox]"},
    {Stage::seccomp, Status::fail, "everything: no filter of system calls"},
    {Stage::landlock, Status::warn, "--landlock require: the second wall around files"},
    {Stage::openat2, Status::warn, "speed: paths are looked up one component at a time"},
    {Stage::network, Status::warn, "--net user, and with it the profiles dev, trusted and agent; --net none and --net host do without"},
    {Stage::ping, Status::warn, "ping from inside a sandbox"},
    {Stage::launch, Status::fail, "every launch without options"},
};
static_assert(std::size(importance) == launch::stage_count);

Check check_stage(const Findings& findings, const Importance& row) {
  const Attempt& attempt = findings[row.stage];
  Check check{.name = std::string(launch::stage_names[row.stage]), .status = Status::pass, .found = attempt.found, .why = {}, .lost = {}, .fix = {}};
  if (attempt.worked()) return check;
  if (!attempt.refused()) return check.status = Status::skip, check.found = "not tried, after a failure above", check;
  const Cause cause = cause_of(findings, row.stage);
  check.status = row.refused;
  check.found = attempt.error.message;
  check.why = cause.why;
  check.lost = row.lost;
  check.fix = cause.fix;
  return check;
}

// Where the kernel's overlay cannot do it, a program can.
void soften_overlay(const Findings& findings, Check& check) {
  const Surroundings& around = findings.around;
  if (check.status != Status::warn || around.fuse_overlayfs.empty() || !around.fuse_opens) return;
  check.status = Status::pass;
  check.found = text("by ", around.fuse_overlayfs, " (the kernel's: ", findings[Stage::overlay].error.message, ")");
  check.why.clear(), check.lost.clear(), check.fix.clear();
}

// A launch that fails where a stage above failed says nothing new, except how it looks.
void explain_launch(const std::vector<Check>& above, Check& check) {
  const auto failed = std::ranges::find(above, Status::fail, &Check::status);
  if (check.status == Status::fail && failed != above.end()) check.fix = text("see '", failed->name, "' above");
}

bool offers(const std::vector<std::string>& controllers, std::string_view wanted) {
  return std::ranges::find(controllers, wanted) != controllers.end();
}

// A default launch has no limits, so this never fails.
Check check_cgroup(const Surroundings& around) {
  Check check{.name = "cgroup", .found = {}, .why = {}, .lost = {}, .fix = {}};
  const auto lacks = [&](std::string found, std::string lost, std::string fix) {
    check.status = Status::warn, check.found = std::move(found), check.lost = std::move(lost), check.fix = std::move(fix);
    return check;
  };
  const std::string lost = "limits of memory, processors, processes and io, and sbx pause";
  if (!around.cgroup.unified)
    return lacks("version 1, which cannot be delegated", lost, "boot with systemd.unified_cgroup_hierarchy=1");
  if (around.cgroup.directory.empty())
    return lacks("version 2, none delegated to you", lost, "log in where systemd runs, or have root give you a control group");
  check.found = text("version 2, delegated: ", join(around.cgroup.controllers, " "));
  std::vector<std::string> missing;
  for (const char* wanted : {"cpu", "memory", "pids", "cpuset", "io"})
    if (!offers(around.cgroup.controllers, wanted)) missing.emplace_back(wanted);
  if (missing.empty()) return check;
  return lacks(check.found, text("limits by ", join(missing, " ")), around.controllers_hint);
}

std::string count_of(std::size_t count, const char* word) { return text(count, " ", word, count == 1 ? "" : "s"); }

std::string summarise(const Diagnosis& diagnosis) {
  std::size_t failures = 0, warnings = 0;
  for (const Check& check : diagnosis.checks) {
    failures += check.status == Status::fail;
    warnings += check.status == Status::warn;
  }
  if (!diagnosis.works) {
    const auto first = std::ranges::find(diagnosis.checks, Status::fail, &Check::status);
    const std::string first_name = first == diagnosis.checks.end() ? "" : text("; begin with '", first->name, "'");
    return text("A default launch does not work here", first_name);
  }
  if (warnings == 0) return "A default launch works here, and nothing is lost";
  return text("A default launch works here; ", count_of(warnings, "warning"));
}

}  // namespace

Diagnosis make_diagnosis(const Findings& findings) {
  Diagnosis diagnosis;
  const Surroundings& around = findings.around;
  diagnosis.works = findings[Stage::launch].worked();
  std::vector<Check>& checks = diagnosis.checks;
  checks = {check_kernel(around), check_account(around), check_container(around), check_program(around)};
  for (const Importance& row : importance) {
    if (row.stage == Stage::seccomp) checks.push_back(check_cgroup(around));
    Check check = check_stage(findings, row);
    if (row.stage == Stage::overlay) soften_overlay(findings, check);
    if (row.stage == Stage::launch) explain_launch(checks, check);
    checks.push_back(std::move(check));
  }
  diagnosis.summary = summarise(diagnosis);
  return diagnosis;
}

}  // namespace cli
