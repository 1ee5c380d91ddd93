// Nothing is asked of the launcher: reading does not disturb what is read.
#include "cli/usage.h"

#include "base/units.h"
#include "sys/file.h"

#include <array>
#include <cerrno>
#include <fcntl.h>

namespace cli {

namespace {

using std::chrono::microseconds;

constexpr std::size_t most_bytes = 1 << 20;

std::optional<std::uint64_t> read_limit(const sys::Fd& directory, const char* file) {
  const auto opened = sys::open_at(directory, file, O_RDONLY);
  const auto content = opened ? sys::read_fd(*opened, file, most_bytes) : Result<std::string>(std::string());
  const auto number = parse_number(content ? trim(*content) : std::string_view());
  return number ? std::optional(*number) : std::nullopt;  // "max", or no such controller
}

Result<> read_group(const sys::Fd& directory, Usage& usage) {
  supervise::Cgroup group;
  group.directory = TRY(sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY));
  usage.counted = TRY(group.read_usage());
  usage.memory_limit = read_limit(directory, "memory.max"), usage.pids_limit = read_limit(directory, "pids.max");
  const auto file = sys::open_at(directory, "cpu.max", O_RDONLY);
  const auto content = file ? sys::read_fd(*file, "cpu.max", most_bytes) : Result<std::string>(std::string());
  if (content) usage.cpus_limit = parse_cpu_limit(*content);
  return {};
}

std::vector<int> children_of(int parent) {
  std::vector<int> out;
  const auto threads = sys::list_directory(text("/proc/", parent, "/task"));
  if (!threads) return out;  // it ended meanwhile
  for (const std::string& thread : *threads) {
    const auto all = sys::read_file(text("/proc/", parent, "/task/", thread, "/children"), most_bytes);
    for (const std::string& word : split(all ? *all : std::string(), ' '))
      if (const auto pid = parse_number(trim(word), INT32_MAX); pid) out.push_back(static_cast<int>(*pid));
  }
  return out;
}

// What the group does not count, because it has no controller for it. Below the holder of the lock: who it is cannot have been reused while it holds it.
bool read_processes(const supervise::Found& sandbox, supervise::CgroupUsage& usage, bool has_group) {
  if (usage.memory && usage.pids) return true;
  std::vector<int> pending;
  for (const int child : children_of(sandbox.launcher))
    if (child == sandbox.record.init) pending.push_back(child);
  if (pending.empty()) return false;
  microseconds cpu{};
  std::uint64_t memory = 0, threads = 0;
  while (!pending.empty()) {
    const int pid = pending.back();
    pending.pop_back();
    const auto stat = sys::read_file(text("/proc/", pid, "/stat"), most_bytes);
    const auto use = stat ? parse_process(*stat) : std::nullopt;
    if (!use) continue;
    cpu += use->cpu, memory += use->memory;
    if (pid != sandbox.record.init) threads += use->threads;
    for (const int child : children_of(pid)) pending.push_back(child);
  }
  if (!has_group) usage.cpu = cpu;
  if (!usage.memory) usage.memory = memory;
  if (!usage.pids) usage.pids = threads;
  return true;
}

}  // namespace

std::optional<ProcessUse> parse_process(std::string_view stat) {
  constexpr std::size_t user = 11, system = 12, waited_user = 13, waited_system = 14, threads = 17, resident = 21;
  constexpr std::uint64_t tick = 10'000, page = 4096;  // microseconds of USER_HZ; the ABI's on x86-64
  const std::size_t name_end = stat.rfind(") ");       // a name may hold blanks and parentheses
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> fields = split(trim(stat.substr(name_end + 2)), ' ');
  if (fields.size() <= resident) return std::nullopt;
  const auto field = [&](std::size_t index) { return parse_number(fields[index]).value_or(0); };
  const std::uint64_t ticks = field(user) + field(system) + field(waited_user) + field(waited_system);
  return ProcessUse{.cpu = microseconds(ticks * tick), .memory = field(resident) * page, .threads = field(threads)};
}

std::optional<double> parse_cpu_limit(std::string_view cpu_max) {
  const std::vector<std::string> words = split(trim(cpu_max), ' ');
  if (words.size() != 2) return std::nullopt;
  const auto quota = parse_number(words[0]), period = parse_number(words[1]);
  if (!quota || !period || *period == 0) return std::nullopt;  // "max"
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

Result<std::optional<Usage>> read_usage(supervise::Found sandbox) {
  Usage usage;
  std::optional<sys::Fd> directory;
  if (!sandbox.record.cgroup.empty()) directory = TRY(sys::open_if_exists(sandbox.record.cgroup, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (directory) {
    const Result<> read = read_group(*directory, usage);
    if (!read && read.error().code != ENODEV) return std::unexpected<Error>(read.error());
  }
  const bool found = read_processes(sandbox, usage.counted, directory.has_value());
  usage.sandbox = std::move(sandbox);
  return found ? std::optional(std::move(usage)) : std::nullopt;
}

Result<std::vector<Usage>> read_usages(const std::string& sandboxes, const std::vector<std::string>& names) {
  std::vector<supervise::Found> wanted;
  if (names.empty()) wanted = TRY(supervise::find_sandboxes(sandboxes));
  for (const std::string& name : names) {
    auto found = TRY(supervise::find_sandbox(sandboxes, name));
    if (!found || !found->alive) return fail_hint("'sbx ps' lists those that run", "no sandbox '", name, "' runs");
    wanted.push_back(*std::move(found));
  }
  std::vector<Usage> out;
  for (supervise::Found& each : wanted) {
    if (!each.alive) continue;
    auto usage = TRY(read_usage(std::move(each)));
    if (usage) out.push_back(*std::move(usage));
  }
  return out;
}

}  // namespace cli
