// No process may be in a group whose controllers are handed on (cgroup-v2.rst, "No Internal Process Constraint"), so
// the launcher and whoever else is there moves to a leaf of its own, `supervisor`, beside that of the payload.
#include "launch/cgroup.h"

#include "base/path.h"
#include "base/units.h"
#include "launch/delegation.h"
#include "plan/cgroup.h"
#include "sys/file.h"
#include "sys/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>

namespace launch {

namespace {

using supervise::Cgroup;
using supervise::read_control;

constexpr std::size_t most_bytes = 1 << 20;
constexpr int most_attempts = 200;
constexpr std::string_view leaf_prefix = "sbx-";
// Enabled where they can be had, for what they count.
constexpr std::array<std::string_view, 4> counting{"cpu", "memory", "pids", "io"};

// "PID-STARTTIME" of this process (proc_pid_stat(5), field 22): no other has had both since the machine was started.
Result<std::string> own_mark() {
  const std::string stat = TRY(sys::read_file("/proc/self/stat", most_bytes));
  const std::vector<std::string> fields = split(std::string_view(stat).substr(std::min(stat.rfind(')'), stat.size())), ' ');
  if (fields.size() < 21) return fail("/proc/self/stat is damaged");
  return text(stat.substr(0, stat.find(' ')), "-", fields[20]);
}

Result<> write_control(const sys::Fd& directory, const char* file, std::string_view value) {
  const sys::Fd fd = TRY(sys::open_at(directory, file, O_WRONLY));
  return sys::write_all(fd.get(), file, value);
}

Result<> make_group(const sys::Fd& parent, const std::string& name) {
  Result<> made = sys::make_directory_at(parent, name, 0755, text("control group ", name));
  if (!made && made.error().code == EEXIST) return {};
  return made;
}

// A process that has ended meanwhile is ESRCH.
Result<> move_everybody(const sys::Fd& base) {
  const std::string present = TRY(read_control(base, "cgroup.procs"));
  if (present.empty()) return {};
  TRY(make_group(base, "supervisor"));
  for (const std::string& pid : split(present, '\n')) {
    if (pid.empty() || pid == "0") continue;
    const Result<> moved = write_control(base, "supervisor/cgroup.procs", pid);
    if (!moved && moved.error().code != ESRCH) return moved;
  }
  return {};
}

// A launcher that was killed could not remove its leaf, which is empty: the payload died with it; unless it was frozen
// among another's processes. (One that is not empty yet stays: the kernel refuses.)
Result<> sweep(const sys::Fd& base, const std::string& shown) {
  for (const std::string& name : TRY(sys::list_directory(base, shown))) {
    const std::vector<std::string> parts = split(name, '-');
    if (parts.size() != 3 || !name.starts_with(leaf_prefix) || !parse_number(parts[1]) || !parse_number(parts[2])) continue;
    if (TRY(sys::stat_path("/proc/" + parts[1]))) continue;
    const Result<> ended = write_control(base, path::join(name, "cgroup.kill").c_str(), "1");
    if (!ended && ended.error().code != ENOENT && ended.error().code != ENODEV) return ended;  // before Linux 5.14 there is none
    // One with an inner group is not empty without this; the others have none.
    static_cast<void>(sys::remove_directory_at(base, path::join(name, supervise::inner_cgroup), name).has_value());
    const Result<> removed = sys::remove_directory_at(base, name, name);
    if (!removed && removed.error().code != EBUSY && removed.error().code != ENOENT) return removed;
  }
  return {};
}

bool lists(const std::string& words, std::string_view word) {
  const std::vector<std::string> each = split(trim(words), ' ');
  return std::ranges::find(each, word) != each.end();
}

// A controller that is offered and yet cannot be had: the limit that needs it says why.
using Refused = std::vector<std::pair<std::string, Error>>;

std::vector<std::string> absent_controllers(const std::string& offered, const std::string& enabled, const std::vector<std::string>& needed) {
  std::vector<std::string> wanted;
  const auto want = [&](std::string_view name) {
    if (lists(offered, name) && !lists(enabled, name)) wanted.push_back(text("+", name));
  };
  for (const std::string_view name : counting) want(name);
  for (const std::string& name : needed)
    if (std::ranges::find(counting, name) == counting.end()) want(name);
  return wanted;
}

// All at once, else one by one.
Result<Refused> enable_controllers(const sys::Fd& base, const Base& where, const std::vector<std::string>& needed) {
  const std::string offered = TRY(read_control(base, "cgroup.controllers"));
  const std::string enabled = TRY(read_control(base, "cgroup.subtree_control"));
  const std::vector<std::string> wanted = absent_controllers(offered, enabled, needed);
  if (wanted.empty()) return Refused{};
  Result<> done;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    done = write_control(base, "cgroup.subtree_control", join(wanted, " "));
    if (done || done.error().code != EBUSY || !where.around_us) break;
    // Somebody was forked into it meanwhile.
    TRY(move_everybody(base));
    TRY(sys::wait_for_events({}, std::chrono::milliseconds(1)));
  }
  if (done) return Refused{};
  if (done.error().code == EBUSY)
    return fail_hint("they are to go to a group below it: cgroup.procs there lists them", "processes in control group ",
                     printable(where.path), " keep it from being divided: ", done.error().message);
  Refused refused;
  for (const std::string& each : wanted)
    if (done = write_control(base, "cgroup.subtree_control", each); !done) refused.emplace_back(each.substr(1), std::move(done).error());
  return refused;
}

// A processor that is not there is refused, or left out without a word (cgroup-v2.rst, cpuset.cpus.effective).
Result<> apply_cpuset(const Cgroup& cgroup, const plan::CgroupSetting& setting) {
  const Result<> written = cgroup.write(setting.file, setting.value);
  if (!written && written.error().code != ERANGE && written.error().code != EINVAL) return written;
  const std::string found = TRY(read_control(cgroup.directory, "cpuset.cpus.effective"));
  if (written && trim(found) == setting.value) return {};
  return fail("of the processors ", setting.value, " only ", trim(found), " can be used");
}

// Whose process it is that a controller may not take over, the kernel does not say.
Error explain(Error error, const plan::CgroupSetting& setting, const Refused& refused, const std::string& offered, const std::string& base) {
  if (error.code != ENOENT && error.code != EACCES) return error;
  const std::string controller = setting.file.substr(0, setting.file.find('.'));
  for (const auto& [name, why] : refused)
    if (name == controller)
      return {.code = why.code, .message = text("set ", setting.file, ": controller ", controller, " cannot be enabled in ", printable(base), ": ", why.message),
              .hint = "processes of another user below it keep it from that: cgroup.procs of its groups, supervisor above all, lists them"};
  if (lists(offered, controller)) return error;
  return {.code = error.code, .message = text("set ", setting.file, ": controller ", controller, " is not delegated to ", printable(base)),
          .hint = controllers_hint()};
}

Result<> apply(const plan::CgroupSetting& setting, const Cgroup& cgroup) {
  if (setting.file == "cpuset.cpus") return apply_cpuset(cgroup, setting);
  const std::string value = TRY(cgroup_value(setting));
  return cgroup.write(setting.file, value);
}

// Which number it was, the kernel's words do not say.
Error explain_device(Error error, const plan::CgroupSetting& setting) {
  if (!setting.device.empty() && (error.code == ENODEV || error.code == EINVAL))
    error.hint = text("name a whole device, as ls -l /dev or lsblk shows it: ", printable(setting.device), " is none");
  return error;
}

Result<> apply_all(const plan::Cgroup& wanted, Cgroup& cgroup, const Base& where, const Refused& refused) {
  const std::string offered = TRY(read_control(cgroup.base, "cgroup.controllers"));
  for (const plan::CgroupSetting& setting : wanted.settings) {
    Result<> done = apply(setting, cgroup);
    if (done || !setting.required) continue;
    Error error = explain_device(explain(std::move(done).error(), setting, refused, offered, where.path), setting);
    if (!wanted.may_be_missing) return std::unexpected<Error>(std::move(error));
    cgroup.missing.push_back(setting.file), cgroup.notes.push_back(std::move(error.message));
  }
  return {};
}

// What a group further up allows is less than what was asked for: that is what holds.
void note_tighter_bounds(const plan::Cgroup& wanted, Cgroup& cgroup, const Base& where) {
  for (const plan::CgroupSetting& setting : wanted.settings) {
    if (setting.file != "memory.max" && setting.file != "pids.max") continue;
    const auto asked = parse_number(setting.value);
    std::string directory = where.directory, path = where.path;
    for (; asked && path != "/"; directory = path::parent(directory), path = path::parent(path)) {
      const auto bound = sys::read_file_if_exists(path::join(directory, setting.file), most_bytes);
      const auto number = parse_number(bound && *bound ? trim(**bound) : "");
      if (number && *number < *asked) {
        cgroup.notes.push_back(text(setting.file, " ", setting.value, " is more than control group ", printable(path), " has: ", *number));
        break;
      }
    }
  }
}

// What runs inside is not to make groups that outlive it. Nor to change its own limits: whoever may mount the file system
// there, as the same user, gets a group below the limited one for a root, where the kernel does not see to it.
Result<> close_below(const plan::Cgroup& wanted, const Base& where, Cgroup& cgroup) {
  const bool inner = wanted.may_be_mounted && !where.guarded;
  TRY(cgroup.write("cgroup.max.descendants", inner ? "1" : "0"));
  if (!inner) return {};
  TRY(make_group(cgroup.directory, supervise::inner_cgroup));
  cgroup.inner = TRY(sys::open_at(cgroup.directory, supervise::inner_cgroup, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return {};
}

Result<Cgroup> make_cgroup(const plan::Cgroup& wanted, const std::string& name) {
  const std::string mark = TRY(own_mark());
  const pid_t pid = static_cast<pid_t>(TRY(parse_number(mark.substr(0, mark.find('-')))));
  const Base where = TRY(find_base(wanted, scope_name(name, pid), pid));
  Cgroup cgroup;
  cgroup.kind = where.kind, cgroup.name = text(leaf_prefix, mark), cgroup.path = path::join(where.path, cgroup.name);
  cgroup.base = TRY(sys::open_file(where.directory, O_RDONLY | O_DIRECTORY));
  if (where.around_us) TRY(move_everybody(cgroup.base));
  TRY(sweep(cgroup.base, where.directory));
  const Refused refused = TRY(enable_controllers(cgroup.base, where, plan::controllers_of(wanted.settings)));
  TRY(make_group(cgroup.base, cgroup.name));
  cgroup.directory = TRY(sys::open_at(cgroup.base, cgroup.name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  Result<> done = apply_all(wanted, cgroup, where, refused);
  if (done) done = close_below(wanted, where, cgroup);
  if (done) return note_tighter_bounds(wanted, cgroup, where), std::move(cgroup);
  static_cast<void>(cgroup.remove().has_value());  // what went wrong first is said; the next launch here sweeps
  return std::unexpected<Error>(std::move(done).error());
}

// "8:16" of a partition is refused: limits are the whole device's.
Result<std::string> whole_device(const std::string& number) {
  const std::string about = text("/sys/dev/block/", number);
  if (!TRY(sys::stat_path(about + "/partition"))) return number;
  const std::string disk = TRY(sys::read_file(about + "/../dev", most_bytes));
  return std::string(trim(disk));
}

// Without one processes cannot be shared, whatever else is allowed to be missing.
Error explain_need(Error error) {
  constexpr std::string_view without = "--set resources.on_unavailable=warn goes on without";
  if (const std::size_t at = error.hint.find(without); at != std::string::npos)
    error.hint.replace(at, without.size(), "share the rest: --join NAME:ipc,uts");
  return error;
}

}  // namespace

Result<std::string> cgroup_value(const plan::CgroupSetting& setting) {
  if (setting.device.empty()) return setting.value;
  const bool is_path = setting.device.starts_with('/');
  const std::string number = is_path ? TRY(sys::block_device_of(setting.device)) : setting.device;
  const std::string whole = TRY(whole_device(number));
  return text(whole, " ", setting.value);
}

Result<Cgroup> start_cgroup(const plan::Cgroup& wanted, const std::string& name) {
  if (wanted.need == plan::CgroupNeed::none) return Cgroup{};
  Result<Cgroup> made = make_cgroup(wanted, name);
  if (!made && wanted.ends_processes) return std::unexpected<Error>(explain_need(std::move(made).error()));
  if (made || (wanted.need == plan::CgroupNeed::required && !wanted.may_be_missing)) return made;
  Cgroup none;
  if (wanted.need == plan::CgroupNeed::welcome) return none;
  none.notes.push_back(std::move(made).error().message);
  for (const plan::CgroupSetting& each : wanted.settings)
    if (each.required) none.missing.push_back(each.file);
  return none;
}

}  // namespace launch
