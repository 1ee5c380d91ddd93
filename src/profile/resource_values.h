// The forms of [resources]: keys.cpp checks with them when a profile is read, plan/cgroup.cpp reads the same texts
// with them. "max" is no limit, in the kernel's own word: it lifts what an earlier profile set.
#pragma once

#include "base/limit_names.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace profile {

Result<std::uint64_t> parse_memory(std::string_view in);  // "512M", at least 1M; "max"

// "SIZE", 0 for none, or "max"; "total:SIZE": memory and swap together, as docker counts.
struct Swap {
  std::uint64_t bytes = 0;
  bool total = false;
};
Result<Swap> parse_swap(std::string_view in);

// "1.5" processors, at least a hundredth, as microseconds of each period; "max".
inline constexpr std::uint64_t cpu_period = 100'000;
Result<std::uint64_t> parse_cpus(std::string_view in);
Result<std::uint64_t> parse_weight(std::string_view in);  // 1 to 10000
Result<std::uint64_t> parse_burst(std::string_view in);   // "20ms", as microseconds
Result<std::string> parse_cpuset(std::string_view in);    // "3,0-1" as the kernel prints it: "0-1,3"
Result<std::uint64_t> parse_pids(std::string_view in);    // at least 1; "max"

// "DEV rbps=1M wiops=100": bytes and operations a second, read and written.
struct IoLimit {
  std::string device;  // "8:0", or a path
  std::string limits;  // "rbps=1048576 wiops=100"
};
Result<IoLimit> parse_io_limit(std::string_view in);

Result<> check_cgroup_path(std::string_view in);          // "/a/b", without ..

}  // namespace profile
