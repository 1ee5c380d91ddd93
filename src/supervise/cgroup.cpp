// Reading and writing of control files (Documentation/admin-guide/cgroup-v2.rst), always below the directory that
// is held open: the name may belong to somebody else by now.
#include "supervise/cgroup.h"

#include "base/units.h"
#include "sys/file.h"
#include "sys/process.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>

namespace supervise {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Number = std::optional<std::uint64_t>;

constexpr std::size_t most_bytes = 1 << 20;
constexpr milliseconds patience{500}, limit{5000};

// `otherwise`: there is no such file here, or it has nothing to say (pressure that is turned off).
Result<std::string> read_if_there(const sys::Fd& directory, const char* file, const char* otherwise = "") {
  auto content = read_control(directory, file);
  const bool absent = !content && (content.error().code == ENOENT || content.error().code == EOPNOTSUPP);
  return absent ? Result<std::string>(std::string(otherwise)) : content;
}

Number single_number(std::string_view content) {
  const auto number = parse_number(trim(content));
  return number ? Number(*number) : Number();
}

std::optional<microseconds> time_of(std::string_view content, std::string_view key) {
  const Number found = flat_value(content, key);
  if (!found) return std::nullopt;
  return microseconds(*found);
}

// The value of "KEY=VALUE" in a line.
std::string_view assigned(std::string_view line, std::string_view key) {
  std::size_t at = line.find(text(" ", key, "="));
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size() + 2);
  return line.substr(0, line.find_first_of(" \n"));
}

Number without_init(Number count) { return count && *count > 0 ? Number(*count - 1) : count; }

Result<> read_processes(const sys::Fd& directory, CgroupUsage& usage) {
  const std::string cpu = TRY(read_if_there(directory, "cpu.stat"));
  usage.cpu = time_of(cpu, "usage_usec").value_or(microseconds(0));
  usage.cpu_user = time_of(cpu, "user_usec").value_or(microseconds(0));
  usage.cpu_system = time_of(cpu, "system_usec").value_or(microseconds(0));
  usage.throttled = time_of(cpu, "throttled_usec");
  usage.throttled_periods = flat_value(cpu, "nr_throttled");
  usage.pids = without_init(single_number(TRY(read_if_there(directory, "pids.current"))));
  usage.pids_peak = without_init(single_number(TRY(read_if_there(directory, "pids.peak"))));
  usage.pids_refused = flat_value(TRY(read_if_there(directory, "pids.events")), "max");
  return {};
}

Result<> remove_once(const Cgroup& cgroup) {
  Result<> removed = sys::remove_directory_at(cgroup.base, cgroup.name, cgroup.path);
  if (!removed && removed.error().code == EBUSY) {
    // It is in use, or there is an inner one; where neither can be removed, the next call says so.
    static_cast<void>(sys::remove_directory_at(cgroup.directory, inner_cgroup, cgroup.path).has_value());
    removed = sys::remove_directory_at(cgroup.base, cgroup.name, cgroup.path);
  }
  if (!removed && removed.error().code == ENOENT) return {};
  return removed;
}

// Until cgroup.events says so, or for `most`: true when it did.
Result<bool> await_event(const sys::Fd& directory, std::string_view key, std::uint64_t value, milliseconds most) {
  const sys::Fd events = TRY(sys::open_at(directory, "cgroup.events", O_RDONLY));
  const auto deadline = sys::monotonic_now() + most;
  while (true) {
    TRY(sys::rewind_file(events, "cgroup.events"));
    if (flat_value(TRY(sys::read_fd(events, "cgroup.events", most_bytes)), key) == value) return true;
    const auto left = std::chrono::ceil<milliseconds>(deadline - sys::monotonic_now());
    if (left.count() <= 0) return false;
    TRY(sys::wait_for_event(events.get(), POLLPRI, left));
  }
}

}  // namespace

Result<std::string> read_control(const sys::Fd& directory, const char* file) {
  const sys::Fd fd = TRY(sys::open_at(directory, file, O_RDONLY));
  return sys::read_fd(fd, file, most_bytes);
}

std::optional<std::uint64_t> flat_value(std::string_view content, std::string_view key) {
  for (const std::string& line : split(content, '\n'))
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return single_number(std::string_view(line).substr(key.size() + 1));
  return std::nullopt;
}

std::uint64_t nested_sum(std::string_view content, std::string_view key) {
  std::uint64_t sum = 0;
  for (const std::string& line : split(content, '\n')) sum += single_number(assigned(line, key)).value_or(0);
  return sum;
}

std::optional<Pressure> parse_pressure(std::string_view content) {
  if (content.empty()) return std::nullopt;
  Pressure pressure;
  for (const std::string& line : split(content, '\n')) {
    const microseconds total(single_number(assigned(line, "total")).value_or(0));
    (line.starts_with("full") ? pressure.full : pressure.some) += total;
    std::string average(assigned(line, "avg10"));
    std::erase(average, '.');  // "1.05": two places
    if (line.starts_with("some")) pressure.avg10 = static_cast<unsigned>(single_number(average).value_or(0));
  }
  return pressure;
}

Result<> Cgroup::write(const std::string& file, std::string_view value) const {
  const auto put = [&]() -> Result<> {
    const sys::Fd fd = TRY(sys::open_at(directory, file, O_WRONLY));
    return sys::write_all(fd.get(), file, value);
  };
  Result<> done = put();
  if (!done) done.error().message = text("set ", file, " to ", printable(value), ": ", done.error().message);
  return done;
}

Result<CgroupUsage> Cgroup::read_usage() const {
  CgroupUsage usage;
  TRY(read_processes(directory, usage));
  usage.memory = single_number(TRY(read_if_there(directory, "memory.current")));
  usage.memory_peak = single_number(TRY(read_if_there(directory, "memory.peak")));
  usage.oom_kills = flat_value(TRY(read_if_there(directory, "memory.events")), "oom_kill");
  // Empty where there is the file: nothing was read or written.
  const std::string io = TRY(read_if_there(directory, "io.stat", "absent"));
  if (io != "absent") usage.io_read = nested_sum(io, "rbytes"), usage.io_written = nested_sum(io, "wbytes");
  usage.cpu_pressure = parse_pressure(TRY(read_if_there(directory, "cpu.pressure")));
  usage.memory_pressure = parse_pressure(TRY(read_if_there(directory, "memory.pressure")));
  usage.io_pressure = parse_pressure(TRY(read_if_there(directory, "io.pressure")));
  return usage;
}

Result<> Cgroup::freeze(bool frozen) const {
  TRY(write("cgroup.freeze", frozen ? "1" : "0"));
  if (TRY(await_event(directory, "frozen", frozen ? 1 : 0, limit))) return {};
  return fail(path, frozen ? " does not freeze" : " does not thaw");
}

Result<> Cgroup::kill() const { return write("cgroup.kill", "1"); }

Result<> Cgroup::end_all() const {
  TRY(kill());
  if (TRY(await_event(directory, "populated", 0, limit))) return {};
  return fail("the processes in ", path, " do not end");
}

Result<> Cgroup::remove() {
  if (!exists()) return {};
  Result<> removed = kind == CgroupKind::scope ? Result<>{} : remove_once(*this);
  for (const milliseconds most : {patience, limit}) {
    if (removed || removed.error().code != EBUSY) break;
    if (!TRY(await_event(directory, "populated", 0, most))) TRY(kill());
    removed = remove_once(*this);
  }
  inner.reset(), directory.reset(), base.reset();
  return removed;
}

}  // namespace supervise
