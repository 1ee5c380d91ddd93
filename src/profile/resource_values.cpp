// Reading of limits: each has a least value, so that a typing error does not stop a sandbox from starting at all.
#include "profile/resource_values.h"

#include "base/units.h"
#include "profile/values.h"

#include <bitset>
#include <optional>

namespace profile {

namespace {

constexpr std::uint64_t least_memory = 1 << 20;
constexpr std::uint64_t least_quota = 1000;  // of the kernel (sched/core.c, min_cfs_quota_period)
constexpr std::size_t most_cpus = 8192;      // NR_CPUS of any distribution's kernel

std::unexpected<Error> refuse(std::string_view in, const char* what, const char* hint) {
  return fail_hint(hint, "'", printable(in.substr(0, 80)), "' is not ", what);
}

// nullopt: not within the bounds, or no number.
std::optional<std::uint64_t> number_within(std::string_view in, std::uint64_t least, std::uint64_t most) {
  const auto number = parse_number(in, most);
  if (!number || *number < least) return std::nullopt;
  return *number;
}

bool is_unlimited(std::string_view in) { return in == "max" || in == "-1"; }

// "8:16"
bool is_device_number(std::string_view in) {
  const std::size_t colon = in.find(':');
  return colon != std::string_view::npos && number_within(in.substr(0, colon), 0, UINT32_MAX) &&
         number_within(in.substr(colon + 1), 0, UINT32_MAX);
}

// "rbps=1M" -> "rbps=1048576"; empty: not understood.
std::string io_setting(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
  const bool bytes = key == "rbps" || key == "wbps";
  if (!bytes && key != "riops" && key != "wiops") return {};
  if (value == "max") return std::string(word);
  const auto number = bytes ? parse_size(value) : parse_number(value, UINT32_MAX);
  return number && *number > 0 ? text(key, "=", *number) : std::string();
}

// "2-5" or "2" into the set.
bool add_cpus(std::bitset<most_cpus>& set, std::string_view part) {
  const std::size_t dash = part.find('-');
  const auto first = number_within(part.substr(0, dash), 0, most_cpus - 1);
  const auto last = dash == std::string_view::npos ? first : number_within(part.substr(dash + 1), 0, most_cpus - 1);
  if (!first || !last || *last < *first) return false;
  for (std::size_t cpu = *first; cpu <= *last; ++cpu) set.set(cpu);
  return true;
}

}  // namespace

Result<std::uint64_t> parse_memory(std::string_view in) {
  if (is_unlimited(in)) return unlimited;
  const auto bytes = parse_size(in);
  if (bytes && *bytes >= least_memory) return *bytes;
  return refuse(in, "a limit of memory", "write 512M or 2G, at least 1M, or max");
}

Result<Swap> parse_swap(std::string_view in) {
  constexpr std::string_view total = "total:";
  Swap swap{.total = in.starts_with(total)};
  if (swap.total) in.remove_prefix(total.size());
  if (is_unlimited(in)) return Swap{.bytes = unlimited};
  const auto bytes = parse_size(in);
  if (!bytes) return refuse(in, "a limit of swap", "write 512M, 0 for none, or max");
  swap.bytes = *bytes;
  return swap;
}

Result<std::uint64_t> parse_cpus(std::string_view in) {
  if (is_unlimited(in)) return unlimited;
  const std::size_t point = in.find('.');
  std::string fraction(point == std::string_view::npos ? "0" : in.substr(point + 1));
  const auto whole = number_within(in.substr(0, point), 0, most_cpus);
  const bool precise = !fraction.empty() && fraction.size() <= 5;
  fraction.resize(5, '0');  // of cpu_period
  const auto part = number_within(fraction, 0, cpu_period);
  if (whole && part && precise && *whole * cpu_period + *part >= least_quota) return *whole * cpu_period + *part;
  return refuse(in, "a number of processors", "write 1.5 or 2, at least 0.01, or max");
}

Result<std::uint64_t> parse_weight(std::string_view in) {
  if (const auto number = number_within(in, 1, 10000)) return *number;
  return refuse(in, "a weight", "write a number from 1 to 10000; 100 is the usual share");
}

Result<std::uint64_t> parse_burst(std::string_view in) {
  const auto time = parse_duration(in);
  if (time && time->count() > 0 && time->count() < 3'600'000) return static_cast<std::uint64_t>(time->count()) * 1000;
  return refuse(in, "a time to burst", "write 20ms; at most what cpus gives in 100ms");
}

Result<std::string> parse_cpuset(std::string_view in) {
  std::bitset<most_cpus> set;
  for (const std::string& part : split(in, ','))
    if (!add_cpus(set, part)) return refuse(in, "a list of processors", "write 0-3,6");
  std::string out;
  for (std::size_t cpu = 0; cpu < most_cpus; ++cpu) {
    if (!set[cpu]) continue;
    std::size_t last = cpu;
    while (last + 1 < most_cpus && set[last + 1]) ++last;
    out += text(out.empty() ? "" : ",", cpu);
    if (last > cpu) out += text("-", last);
    cpu = last;
  }
  return out;
}

Result<std::uint64_t> parse_pids(std::string_view in) {
  if (is_unlimited(in)) return unlimited;
  if (const auto number = number_within(in, 1, 4'194'304)) return *number;  // PID_MAX_LIMIT
  return refuse(in, "a number of processes", "write a number from 1 to 4194304, or max");
}

Result<IoLimit> parse_io_limit(std::string_view in) {
  IoLimit limit;
  for (const std::string& word : split(in, ' ')) {
    if (word.empty()) continue;
    if (limit.device.empty()) {
      limit.device = word;
      if (!is_device_number(word)) TRY(check_path(word));
      continue;
    }
    const std::string setting = io_setting(word);
    if (setting.empty()) return refuse(word, "a limit of a device", "write DEV rbps=10M wbps=1M riops=1000 wiops=100");
    limit.limits += text(limit.limits.empty() ? "" : " ", setting);
  }
  if (limit.limits.empty()) return refuse(in, "a limit of a device", "write DEV rbps=10M wbps=1M riops=1000 wiops=100");
  return limit;
}

Result<> check_cgroup_path(std::string_view in) {
  if (in.starts_with('/') && text(in, "/").find("/../") == std::string::npos) return {};
  return refuse(in, "the path of a control group", "write it as /proc/PID/cgroup shows it: /user.slice/...");
}

}  // namespace profile
