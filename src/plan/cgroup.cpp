// Each key by itself, then what --qos makes of them.
#include "plan/cgroup.h"

#include "plan/expand.h"
#include "profile/values.h"
#include "profile/resource_values.h"

#include <algorithm>

namespace plan {

namespace {

constexpr int last_of_all = 1000;  // OOM_SCORE_ADJ_MAX

std::string number_or_max(std::uint64_t number) { return number == unlimited ? std::string("max") : text(number); }

class Settings {
 public:
  Settings(const profile::Profile& profile, const Host& host) : profile_(profile), host_(host), qos_(profile.qos ? profile.qos->value : "") {}
  Result<std::vector<CgroupSetting>> take() && {
    TRY(add_memory());
    TRY(add_cpu());
    TRY(add_cpuset_and_pids());
    TRY(add_io());
    return std::move(out_);
  }

 private:
  void add(const char* file, std::string value, bool required = true) {
    out_.push_back({.file = file, .value = std::move(value), .required = required});
  }
  Result<> add_memory();
  Result<> add_swap(std::uint64_t memory);
  Result<> add_cpu();
  Result<> add_cpu_time(std::uint64_t quota);
  Result<> add_cpuset_and_pids();
  Result<> add_io();

  const profile::Profile& profile_;
  const Host& host_;
  const std::string qos_;
  std::vector<CgroupSetting> out_;
};

// Swap would only put off the end that a limit of memory means, so it is none unless asked for.
Result<> Settings::add_swap(std::uint64_t memory) {
  if (!profile_.swap) {
    if (memory != unlimited && qos_ != "batch") add("memory.swap.max", "0", false);
    return {};
  }
  profile::Swap swap = TRY(profile::parse_swap(profile_.swap->value));
  if (swap.total) {
    if (memory == unlimited) return fail_hint("add --memory", "a limit of memory and swap together needs one of memory");
    if (swap.bytes < memory) return fail("the limit of memory and swap together is below that of memory alone");
    swap.bytes -= memory;
  }
  add("memory.swap.max", number_or_max(swap.bytes));
  return {};
}

Result<> Settings::add_memory() {
  const std::uint64_t memory = profile_.memory ? TRY(profile::parse_memory(profile_.memory->value)) : unlimited;
  if (qos_ == "guaranteed") {
    if (memory == unlimited) return fail_hint("add --memory", "qos guaranteed needs a limit of memory");
    add("memory.min", text(memory));
  }
  TRY(add_swap(memory));
  if (profile_.memory_high) add("memory.high", number_or_max(TRY(profile::parse_memory(profile_.memory_high->value))));
  else if (qos_ == "burstable" && memory != unlimited) add("memory.high", text(memory / 10 * 9));
  if (profile_.memory) add("memory.max", number_or_max(memory));
  // A sandbox that has lost one process at random is no sandbox to go on with.
  if (memory != unlimited) add("memory.oom.group", "1", false);
  return {};
}

Result<> Settings::add_cpu_time(std::uint64_t quota) {
  if (profile_.cpus)
    add("cpu.max", text(number_or_max(quota), " ", profile::cpu_period));
  if (!profile_.cpu_burst) {
    if (qos_ == "burstable" && quota != unlimited) add("cpu.max.burst", text(quota), false);
    return {};
  }
  const std::uint64_t burst = TRY(profile::parse_burst(profile_.cpu_burst->value));
  if (qos_ == "guaranteed") return fail("qos guaranteed has no burst: what it may use is always there");
  if (quota == unlimited) return fail_hint("add --cpus", "a burst needs a limit of processor time");
  if (burst > quota) return fail("the burst of ", burst / 1000, "ms is more than cpus gives in 100ms");
  add("cpu.max.burst", text(burst));
  return {};
}

Result<> Settings::add_cpu() {
  const std::uint64_t quota = profile_.cpus ? TRY(profile::parse_cpus(profile_.cpus->value)) : unlimited;
  const bool idle = qos_ == "batch" || (profile_.cpu_idle && profile_.cpu_idle->value == "true");
  if (idle && profile_.cpu_weight) return fail("what is idle has no weight: leave out cpu_weight, or cpu_idle and qos batch");
  TRY(add_cpu_time(quota));
  if (idle || profile_.cpu_idle) add("cpu.idle", idle ? "1" : "0");
  if (profile_.cpu_weight) add("cpu.weight", text(TRY(profile::parse_weight(profile_.cpu_weight->value))));
  else if (qos_ == "guaranteed" && quota != unlimited)
    add("cpu.weight", text(std::clamp<std::uint64_t>(quota * 100 / profile::cpu_period, 1, 10000)));
  return {};
}

// Init counts too, and is not the user's to think of.
Result<> Settings::add_cpuset_and_pids() {
  if (profile_.cpuset) add("cpuset.cpus", TRY(profile::parse_cpuset(profile_.cpuset->value)));
  if (!profile_.pids) return {};
  const std::uint64_t most = TRY(profile::parse_pids(profile_.pids->value));
  add("pids.max", number_or_max(most == unlimited ? most : most + 1));
  return {};
}

Result<> Settings::add_io() {
  for (const profile::Item& item : profile_.io_max) {
    profile::IoLimit limit = TRY(profile::parse_io_limit(item.value));
    const bool number = limit.device[0] >= '0' && limit.device[0] <= '9';
    if (!number) limit.device = TRY(expand_path(limit.device, host_));
    out_.push_back({.file = "io.max", .value = std::move(limit.limits), .device = std::move(limit.device)});
  }
  if (profile_.io_weight) add("io.weight", text(TRY(profile::parse_weight(profile_.io_weight->value))));
  if (qos_ == "batch") add("io.prio.class", "idle", false);
  return {};
}

}  // namespace

Result<std::vector<CgroupSetting>> make_cgroup_settings(const profile::Profile& profile, const Host& host) {
  return Settings(profile, host).take();
}

Result<Cgroup> make_cgroup(const profile::Profile& profile, const Host& host) {
  Cgroup cgroup;
  cgroup.settings = TRY(make_cgroup_settings(profile, host));
  std::erase_if(cgroup.settings, [](const CgroupSetting& each) { return each.value.starts_with("max"); });
  if (profile.cgroup_parent) cgroup.parent = profile.cgroup_parent->value;
  if (!cgroup.settings.empty() || !cgroup.parent.empty()) cgroup.need = CgroupNeed::required;
  // A name that sbx gave, to keep changes under it, is nobody's wish to steer what runs.
  else if (profile.name && profile.name->origin.source != "sbx") cgroup.need = CgroupNeed::welcome;
  cgroup.ends_processes = profile.join && TRY(profile::parse_join(profile.join->value)).pid;
  if (cgroup.ends_processes) cgroup.need = CgroupNeed::required;
  cgroup.may_be_mounted = profile.nested_userns && profile.nested_userns->value == "true";
  cgroup.may_be_missing = profile.on_unavailable && profile.on_unavailable->value == "warn";
  if (profile.qos && profile.qos->value == "batch") cgroup.oom_score_adj = last_of_all;
  return cgroup;
}

std::vector<std::string> controllers_of(const std::vector<CgroupSetting>& settings) {
  std::vector<std::string> out;
  for (const CgroupSetting& each : settings) {
    std::string controller = each.file.substr(0, each.file.find('.'));
    if (each.required && std::ranges::find(out, controller) == out.end()) out.push_back(std::move(controller));
  }
  return out;
}

}  // namespace plan
