// The sandbox's control group, held by the launcher, who alone writes to it: what it used, its freezer, its end.
// launch/cgroup.cpp makes it.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"
#include "sys/fd.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supervise {

// Whose the group around it is: handed to us, or asked of systemd for this sandbox alone.
enum class CgroupKind { none, delegated, scope, count_ };
inline constexpr EnumNames<CgroupKind, 3> cgroup_kind_names{{"none", "delegated", "scope"}};
static_assert(cgroup_kind_names.complete());

// Time in which some of it waited for a resource, or all of it (PSI).
struct Pressure {
  unsigned avg10 = 0;  // of the last ten seconds, some of it: in hundredths of a percent
  std::chrono::microseconds some{}, full{};
};

// A value is absent where the controller, or the kernel's file, is.
struct CgroupUsage {
  std::chrono::microseconds cpu{}, cpu_user{}, cpu_system{};
  std::optional<std::chrono::microseconds> throttled;             // stood still by cpu.max
  std::optional<std::uint64_t> throttled_periods;
  std::optional<std::uint64_t> memory, memory_peak, oom_kills;    // bytes; oom_kills: processes
  std::optional<std::uint64_t> pids, pids_peak, pids_refused;     // without init
  std::optional<std::uint64_t> io_read, io_written;               // bytes
  std::optional<Pressure> cpu_pressure, memory_pressure, io_pressure;
};

inline constexpr const char* inner_cgroup = "payload";

// A control file of the group of that directory.
Result<std::string> read_control(const sys::Fd& directory, const char* file);

struct Cgroup {
  CgroupKind kind = CgroupKind::none;
  std::string path;                  // as /proc/PID/cgroup shows it
  std::string name;                  // its last part
  sys::Fd base, directory;           // what it lies in; the group itself
  sys::Fd inner;                     // below it, with all processes, where it would not be safe from them itself
  std::vector<std::string> missing;  // files that were to be set and could not, where that is only a note
  std::vector<std::string> notes;    // why

  bool exists() const { return directory.valid(); }
  const sys::Fd& entrance() const { return inner.valid() ? inner : directory; }  // for clone_process
  Result<> write(const std::string& file, std::string_view value) const;
  Result<CgroupUsage> read_usage() const;
  Result<> freeze(bool frozen) const;  // until it is
  Result<> kill() const;               // SIGKILL to all in it, frozen or not
  Result<> end_all() const;            // and waits until it is empty
  // Waits until it is empty, which after a moment it is made to be. Of a scope systemd does it.
  Result<> remove();
};

// Of "KEY VALUE" lines; pure.
std::optional<std::uint64_t> flat_value(std::string_view content, std::string_view key);
// Of io.stat: the sum of "KEY=VALUE" over all devices; pure.
std::uint64_t nested_sum(std::string_view content, std::string_view key);
std::optional<Pressure> parse_pressure(std::string_view content);  // pure

}  // namespace supervise
