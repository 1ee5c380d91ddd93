// What a running sandbox uses, read where it is counted: in the files of its control group; what has no
// controller there, in /proc, as the sum over its processes. What neither tells is absent.
#pragma once

#include "base/result.h"
#include "supervise/cgroup.h"
#include "supervise/state.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct Usage {
  supervise::Found sandbox;
  supervise::CgroupUsage counted;      // cpu, memory and pids at least
  std::optional<std::uint64_t> memory_limit, pids_limit;
  std::optional<double> cpus_limit;    // processors
  std::optional<double> cpu_share;     // of one processor, since the sample before: 1.5
};

// nullopt: it ended meanwhile.
Result<std::optional<Usage>> read_usage(supervise::Found sandbox);
// Of those that run; with `names`, of these, and one that does not run is an error.
Result<std::vector<Usage>> read_usages(const std::string& sandboxes, const std::vector<std::string>& names);

// One line of /proc/PID/stat (proc_pid_stat(5)); pure.
struct ProcessUse {
  std::chrono::microseconds cpu{};     // with that of the children it has waited for
  std::uint64_t memory = 0, threads = 0;
};
std::optional<ProcessUse> parse_process(std::string_view stat);
std::optional<double> parse_cpu_limit(std::string_view cpu_max);  // "150000 100000": 1.5; pure

std::string describe_usages(const std::vector<Usage>& all);       // a table

// The screen of top: as many rows as there is room for, each line ending in "clear to its end". Pure.
struct Screen { unsigned rows = 24, columns = 80, processors = 1; std::uint64_t memory = 0; };
std::string draw_screen(const std::vector<Usage>& all, const Screen& screen);

}  // namespace cli
