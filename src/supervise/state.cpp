// Directories, locks and the races between who starts, who ends and who sweeps.
#include "supervise/state.h"

#include "base/path.h"
#include "supervise/cgroup.h"
#include "supervise/changes.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>

namespace supervise {

namespace {

constexpr const char* lock_name = "lock";
constexpr const char* record_name = "record";
constexpr const char* control_name = "control";
constexpr std::array files{"record", "record.tmp", "report.json", "report.json.tmp", "log", "log.1", control_name, lock_name};
constexpr std::size_t most_record = 4 << 20;  // a command line is at most 2 MiB, and a line end in it counts twice
constexpr std::string_view place_hint = "XDG_STATE_HOME=DIR names another place for the state of named sandboxes";

Result<> check_name(const std::string& name) {
  if (is_plain_name(name, most_sandbox_name)) return {};
  return fail_hint("'sbx ps --all' lists the names", "'", printable(name), "' is not the name of a sandbox");
}

// All but the directory itself; the lock last, when nobody needs it any more.
Result<> remove_files(const sys::Fd& directory, const std::string& place, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) TRY(sys::remove_file_at(directory, files[i], text(place, "/", files[i])));
  return {};
}

Result<> remove_all(const std::string& place, const sys::Fd& directory) {
  TRY(remove_thrown(directory, place));
  TRY(remove_files(directory, place, files.size()));
  const sys::Fd parent = TRY(sys::open_file(path::parent(place), O_PATH | O_DIRECTORY));
  return sys::remove_directory_at(parent, std::string(path::base_name(place)), place);
}

// The lock, of a directory that is still there; an empty one: another process holds it; nullopt: look again.
Result<std::optional<sys::Fd>> try_lock(const sys::Fd& directory, const std::string& place) {
  const std::string name = text(place, "/", lock_name);
  auto lock = sys::open_at(directory, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!lock && lock.error().code == ENOENT) return std::optional<sys::Fd>{};  // the directory was removed
  if (!lock) return std::unexpected<Error>(std::move(lock).error());
  if (!TRY(sys::take_lock(*lock, name))) return std::optional(sys::Fd{});
  if (TRY(sys::stat_fd(lock->get(), name)).links == 0) return std::optional<sys::Fd>{};
  return std::optional(std::move(*lock));
}

std::unexpected<Error> fail_in_use(const std::string& place) {
  const std::string name(path::base_name(place));
  return fail_hint(text("take another --name, or end that one: sbx stop ", name), "the name '", name, "' is in use by a running sandbox");
}

// Who removes what is left of an ended one has its lock for a moment, and soon nothing is left.
constexpr int most_tries = 20;
Result<> wait_a_little() { return sys::wait_for_events({}, std::chrono::milliseconds(5)); }

Result<> lock_name_of(State& state, const std::string& sandboxes, const std::string& name) {
  const sys::Fd all = TRY(sys::open_file(sandboxes, O_PATH | O_DIRECTORY));
  for (int tries = 0; tries < most_tries; ++tries) {
    const auto made = sys::make_directory_at(all, name, 0700, state.place);
    if (!made && made.error().code != EEXIST) return made;
    auto directory = sys::open_at(all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory && directory.error().code == ENOENT) continue;
    if (!directory) return std::unexpected<Error>(std::move(directory).error());
    state.directory = std::move(*directory);
    auto lock = try_lock(state.directory, state.place);
    // Where there is no room for the lock, nobody else can have one either.
    if (!lock && made) static_cast<void>(sys::remove_directory_at(all, name, state.place).has_value());
    if (!lock) return std::unexpected<Error>(std::move(lock).error());
    if (*lock && (*lock)->valid()) {
      state.lock = std::move(**lock);
      return {};
    }
    if (*lock) TRY(wait_a_little());
  }
  return fail_in_use(state.place);
}

Result<> prepare(State& state) {
  state.had_changes = TRY(keeps_changes(state.directory, state.place));
  TRY(check_no_commit_is_open(state.directory, state.place));
  TRY(remove_thrown(state.directory, state.place));
  TRY(remove_files(state.directory, state.place, files.size() - 1));
  state.control = TRY(sys::listen_at(state.directory, control_name, text(state.place, "/", control_name)));
  return state.write_record();
}

bool is_stale(const Found& found) { return !found.alive && found.record.status != Status::ended; }

// A record that cannot be read is one of nobody: it goes with the rest.
Result<std::optional<Found>> look_at(const sys::Fd& all, const std::string& sandboxes, const std::string& name) {
  const std::string place = path::join(sandboxes, name);
  Found found{.name = name, .alive = false, .launcher = 0, .record = {}};
  const std::optional<sys::Fd> lock = TRY(sys::open_at_if_exists(all, text(name, "/", lock_name), O_RDONLY | O_NOFOLLOW, place));
  if (lock) {
    const sys::LockHolder holder = TRY(sys::lock_holder(*lock, place));
    found.alive = holder.held, found.launcher = holder.pid;
  }
  const std::optional<sys::Fd> file = TRY(sys::open_at_if_exists(all, text(name, "/", record_name), O_RDONLY | O_NOFOLLOW, place));
  if (!file && !found.alive) return std::optional<Found>{};
  if (!file) return std::optional(std::move(found));
  auto record = decode_record(TRY(sys::read_fd(*file, place, most_record)));
  if (record) found.record = std::move(*record);
  return std::optional(std::move(found));
}

// No other group ever has the name of a launcher's: it is made of the process id and the time it was started.
Result<> remove_group(const std::string& directory) {
  Cgroup group;
  group.kind = CgroupKind::delegated, group.path = directory, group.name = path::base_name(directory);
  if (!group.name.starts_with("sbx-")) return {};
  std::optional<sys::Fd> found = TRY(sys::open_if_exists(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!found) return {};
  group.directory = *std::move(found);
  group.base = TRY(sys::open_file(path::parent(directory), O_RDONLY | O_DIRECTORY));
  return group.remove();
}

// Its changes are there to be looked at: a sandbox that was killed has ended like any other.
Result<> end_killed(const std::string& sandboxes, const std::string& name, const Found& found) {
  State state;
  state.place = path::join(sandboxes, name);
  state.directory = TRY(open_state(sandboxes, name));
  std::optional<sys::Fd> lock = TRY(try_lock(state.directory, state.place));
  if (!lock || !lock->valid()) return {};
  state.lock = *std::move(lock);
  TRY(remove_thrown(state.directory, state.place));
  state.record = found.record;
  state.record.status = Status::ended, state.record.code = 137, state.record.reason = "killed";
  state.record.ended = sys::unix_now_microseconds();
  TRY(state.write_record());
  return sys::remove_file_at(state.directory, control_name, text(state.place, "/", control_name));
}

// What a killed launcher left. What cannot be removed stays for the next who looks.
void sweep(const std::string& sandboxes, const std::string& name, const std::string& group) {
  if (!group.empty()) static_cast<void>(remove_group(group).has_value());
  static_cast<void>(remove_state(sandboxes, name).has_value());
}

Result<bool> has_changes(const std::string& sandboxes, const std::string& name) {
  const std::string place = path::join(sandboxes, name);
  const auto directory = TRY(sys::open_if_exists(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return directory ? keeps_changes(*directory, place) : Result<bool>(false);
}

Result<std::optional<Found>> look_and_sweep(const sys::Fd& all, const std::string& sandboxes, const std::string& name) {
  std::optional<Found> found = TRY(look_at(all, sandboxes, name));
  if (found && !is_stale(*found)) return found;
  if (TRY(has_changes(sandboxes, name))) {
    if (!found) found = Found{.name = name, .alive = false, .launcher = 0, .record = {}};
    // Where it cannot be written, it is shown as it would be.
    static_cast<void>(end_killed(sandboxes, name, *found).has_value());
    found->record.status = Status::ended, found->record.code = 137, found->record.reason = "killed";
    return found;
  }
  if (found || TRY(sys::stat_path(path::join(sandboxes, name), false))) sweep(sandboxes, name, found ? found->record.cgroup : "");
  return std::optional<Found>{};
}

}  // namespace

Result<std::string> sandboxes_directory(const char* xdg_state_home, const char* home) {
  const std::string_view state = xdg_state_home != nullptr ? xdg_state_home : "";
  if (state.starts_with('/')) return path::join(path::normalise(state), "sbx/sandboxes");  // a relative one counts as unset
  if (home != nullptr && *home == '/') return path::join(path::normalise(home), ".local/state/sbx/sandboxes");
  return fail_hint("set HOME, or XDG_STATE_HOME=DIR", "no place for the state of named sandboxes: HOME is not set");
}

Result<> State::write_record() const {
  return sys::replace_file_at(directory, record_name, encode(record), 0600, text(place, "/", record_name));
}

Result<State> take_name(const std::string& sandboxes, const std::string& name, Record record) {
  TRY(check_name(name));
  State state;
  state.place = path::join(sandboxes, name);
  state.record = std::move(record);
  Result<> taken = sys::make_directories(sandboxes, 0700);
  if (taken) taken = lock_name_of(state, sandboxes, name);
  if (taken && !(taken = prepare(state))) static_cast<void>(drop_state(state).has_value());  // the first error counts
  if (taken) return state;
  Error error = std::move(taken).error();
  if (error.hint.empty()) error.hint = place_hint;
  return std::unexpected<Error>(std::move(error));
}

Result<> end_state(State& state, std::string_view report) {
  const auto end = [&]() -> Result<> {
    TRY(sys::replace_file_at(state.directory, "report.json", report, 0600, text(state.place, "/report.json")));
    state.record.status = Status::ended, state.record.ended = sys::unix_now_microseconds();
    TRY(state.write_record());
    return sys::remove_file_at(state.directory, control_name, text(state.place, "/", control_name));
  };
  Result<> ended = end();
  if (const Result<> removed = remove_thrown(state.directory, state.place); ended && !removed) ended = removed;
  state.control.reset();
  state.lock.reset();
  return ended;
}

Result<> drop_state(State& state) {
  state.control.reset();
  const auto drop = [&]() -> Result<> {
    if (!state.had_changes) TRY(forget_unchanged(state.directory, state.place));
    if (!TRY(keeps_changes(state.directory, state.place))) return remove_all(state.place, state.directory);
    TRY(remove_thrown(state.directory, state.place));
    state.record.status = Status::ended, state.record.code = exit_status::setup_failed, state.record.reason = "setup";
    state.record.ended = sys::unix_now_microseconds();
    TRY(state.write_record());
    return sys::remove_file_at(state.directory, control_name, text(state.place, "/", control_name));
  };
  Result<> dropped = drop();
  state.lock.reset();
  return dropped;
}

Result<std::optional<Found>> find_sandbox(const std::string& sandboxes, const std::string& name) {
  TRY(check_name(name));
  const std::optional<sys::Fd> all = TRY(sys::open_if_exists(sandboxes, O_PATH | O_DIRECTORY));
  if (!all) return std::optional<Found>{};
  return look_and_sweep(*all, sandboxes, name);
}

Result<std::vector<Found>> find_sandboxes(const std::string& sandboxes) {
  std::vector<Found> out;
  const std::optional<sys::Fd> all = TRY(sys::open_if_exists(sandboxes, O_RDONLY | O_DIRECTORY));
  if (!all) return out;
  for (const std::string& name : TRY(sys::list_directory(*all, sandboxes))) {
    if (!is_plain_name(name, most_sandbox_name)) continue;
    std::optional<Found> found = TRY(look_and_sweep(*all, sandboxes, name));
    if (found) out.push_back(*std::move(found));
  }
  return out;
}

Result<sys::Fd> open_state(const std::string& sandboxes, const std::string& name) {
  TRY(check_name(name));
  auto directory = sys::open_file(path::join(sandboxes, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && directory.error().code == ENOENT)
    return fail_hint("'sbx ps --all' lists the names", "no sandbox is named '", name, "'");
  return directory;
}

Result<std::optional<HeldState>> hold_state(const std::string& sandboxes, const std::string& name) {
  HeldState held{.place = path::join(sandboxes, name), .directory = TRY(open_state(sandboxes, name)), .lock = {}};
  std::optional<sys::Fd> lock = TRY(try_lock(held.directory, held.place));
  if (!lock || !lock->valid()) return std::optional<HeldState>{};
  held.lock = *std::move(lock);
  return std::optional(std::move(held));
}

Result<bool> remove_state(const std::string& sandboxes, const std::string& name) {
  const std::string place = path::join(sandboxes, name);
  const sys::Fd directory = TRY(open_state(sandboxes, name));
  const std::optional<sys::Fd> lock = TRY(try_lock(directory, place));
  if (!lock) return true;  // somebody else removed it
  if (!lock->valid()) return false;
  if (TRY(keeps_changes(directory, place)))
    return fail_hint(text("sbx discard ", name, " drops them"), "the sandbox '", name, "' keeps changes");
  TRY(remove_all(place, directory));
  return true;
}

// The socket is asked first: where it answers there is no need of the lock and the record.
Result<sys::Fd> connect_to(const std::string& sandboxes, const std::string& name) {
  const std::string shown = text("the sandbox '", name, "'");
  TRY(check_name(name));
  const auto nobody_listens = [](const Error& error) { return error.code == ENOENT || error.code == ECONNREFUSED; };
  if (const auto place = TRY(sys::open_if_exists(path::join(sandboxes, name), O_PATH | O_DIRECTORY | O_NOFOLLOW))) {
    auto connection = sys::connect_at(*place, control_name, shown);
    if (connection || !nobody_listens(connection.error())) return connection;
  }
  const std::optional<Found> found = TRY(find_sandbox(sandboxes, name));
  if (!found) return fail_hint("'sbx ps --all' lists the names", "no sandbox is named '", name, "'");
  if (!found->alive) return fail_hint(text("sbx inspect ", name, " shows how"), "the sandbox '", name, "' has ended");
  const sys::Fd directory = TRY(open_state(sandboxes, name));
  auto connection = sys::connect_at(directory, control_name, shown);
  if (connection || !nobody_listens(connection.error())) return connection;
  return fail_hint("try again", "the sandbox '", name, "' is starting or ending");
}

}  // namespace supervise
