// Names are done one after the other; what fails for one does not keep the others from it.
#include "cli/sandboxes.h"

#include "base/nearest.h"
#include "base/units.h"
#include "cli/json.h"
#include "cli/kept.h"
#include "cli/report.h"
#include "cli/settings.h"
#include "launch/cgroup.h"
#include "launch/delegation.h"
#include "launch/probe.h"
#include "plan/cgroup.h"
#include "supervise/control.h"
#include "supervise/state.h"
#include "sys/file.h"
#include "sys/process.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>

namespace cli {

namespace {

using supervise::Found;
using supervise::Request;
using supervise::RequestKind;

Result<std::string> place() {
  return supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
}

int finish(const Result<>& done) { return done ? 0 : print_error(done.error()); }

template <class Act>
int for_each_name(const Options& options, const Act& act) {
  int status = 0;
  for (const std::string& name : options.operands)
    if (const int failed = finish(act(name)); failed != 0) status = failed;
  return status;
}

std::unexpected<Error> fail_unknown(const std::string& name) {
  return fail_hint("'sbx ps --all' lists the names", "no sandbox is named '", name, "'");
}

Result<Found> find(const std::string& name) {
  const std::string sandboxes = TRY(place());
  std::optional<Found> found = TRY(supervise::find_sandbox(sandboxes, name));
  if (!found) return fail_unknown(name);
  return *std::move(found);
}

Result<sys::Fd> ask(const std::string& name, const Request& request) {
  const std::string sandboxes = TRY(place());
  sys::Fd connection = TRY(supervise::connect_to(sandboxes, name));
  auto reply = supervise::ask(connection, request);
  if (!reply) return fail_hint(reply.error().hint, "sandbox '", name, "': ", reply.error().message);
  return connection;
}

// The launcher's end closes it, after the name has become free.
Result<> wait_for_end(const sys::Fd& connection) {
  while (!TRY(sys::wait_for_event(connection.get(), 0, std::chrono::milliseconds(-1)))) {}  // POLLHUP is always told
  return {};
}

// Of one that runs. It may end just before it is asked to, by itself or by somebody else: that is as good.
Result<> stop_and_wait(const std::string& name, const Request& request) {
  auto connection = ask(name, request);
  if (connection) return wait_for_end(*connection);
  const std::string sandboxes = TRY(place());
  constexpr int most_looks = 200;
  for (int looks = 0; looks < most_looks; ++looks) {
    const auto found = TRY(supervise::find_sandbox(sandboxes, name));
    if (!found || !found->alive) return {};
    TRY(sys::wait_for_events({}, std::chrono::milliseconds(5)));
  }
  return std::unexpected<Error>(std::move(connection).error());
}

std::string state_of(const Found& found) {
  const supervise::Record& record = found.record;
  return text(supervise::status_names[record.status], record.status == supervise::Status::ended ? text(" ", record.code) : "");
}

std::string describe_found(const std::vector<Found>& all) {
  std::vector<std::array<std::string, 4>> rows{{"NAME", "STATUS", "AGE", "COMMAND"}};
  const std::int64_t now = sys::unix_now_microseconds();
  for (const Found& found : all)
    rows.push_back({found.name, state_of(found), found.record.started == 0 ? "-" : describe_age(now - found.record.started),
                    printable(join(found.record.command, " "))});
  std::array<std::size_t, 3> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) out += padded(row[i], widths[i] + 2);
    out += row.back() + "\n";
  }
  return out;
}

}  // namespace

std::string describe_age(std::int64_t microseconds) {
  const std::int64_t seconds = std::max<std::int64_t>(microseconds, 0) / 1'000'000;
  if (seconds < 60) return text(seconds, "s");
  if (seconds < 3600) return text(seconds / 60, "m");
  if (seconds < 86400) return text(seconds / 3600, "h");
  return text(seconds / 86400, "d");
}

Result<int> parse_signal(std::string_view word) {
  if (const auto number = parse_number(word, static_cast<std::uint64_t>(SIGRTMAX)); number && *number > 0) return static_cast<int>(*number);
  std::string wanted;
  for (const char c : word) wanted += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (!wanted.starts_with("SIG")) wanted.insert(0, "SIG");
  std::vector<std::string> known;
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    known.push_back(sys::signal_name(signal));
    if (known.back() == wanted) return signal;
  }
  return fail_hint(nearest_hint(wanted, known), "'", printable(word), "' is not a signal");
}

int ps(const Options& options) {
  const auto list = [&]() -> Result<> {
    const std::string sandboxes = TRY(place());
    std::vector<Found> all = TRY(supervise::find_sandboxes(sandboxes));
    if (!options.all) std::erase_if(all, [](const Found& found) { return !found.alive; });
    const int status = print_output(options.json ? sandboxes_json(all) : describe_found(all));
    return status == 0 ? Result<>{} : fail("the list could not be printed");
  };
  return finish(list());
}

int inspect(const Options& options) {
  const auto show = [&]() -> Result<std::string> {
    const std::string sandboxes = TRY(place());
    const Found found = TRY(find(options.operands[0]));
    const sys::Fd directory = TRY(supervise::open_state(sandboxes, found.name));
    const auto report = TRY(sys::open_at_if_exists(directory, "report.json", O_RDONLY | O_NOFOLLOW, "report.json"));
    return sandbox_json(found, report ? TRY(sys::read_fd(*report, "report.json", 64 << 20)) : std::string());
  };
  const auto shown = show();
  return shown ? print_output(*shown) : print_error(shown.error());
}

int stop(const Options& options) {
  const auto end = [&](const std::string& name) -> Result<> {
    Request request{.kind = RequestKind::stop, .number = -1, .words = {}, .attached = {}};
    for (const Setting& setting : options.settings) {
      const auto after = TRY(parse_duration(setting.value));
      request.number = static_cast<int>(std::min<std::int64_t>(after.count(), INT32_MAX));
    }
    if (!TRY(find(name)).alive) TRY(ask(name, request));  // the error says that it has ended
    return stop_and_wait(name, request);
  };
  return for_each_name(options, end);
}

int kill(const Options& options) {
  const auto send = [&](const std::string& name) -> Result<> {
    const int signal = options.signal.empty() ? SIGKILL : TRY(parse_signal(options.signal));
    TRY(ask(name, {.kind = RequestKind::signal, .number = signal, .words = {}, .attached = {}}));
    return {};
  };
  return for_each_name(options, send);
}

int pause_or_resume(const Options& options) {
  const RequestKind kind = options.verb == Verb::pause ? RequestKind::pause : RequestKind::resume;
  const auto change = [&](const std::string& name) -> Result<> {
    TRY(ask(name, {.kind = kind, .number = 0, .words = {}, .attached = {}}));
    return {};
  };
  return for_each_name(options, change);
}

// The same texts mean the same files as at the start.
int update(const Options& options) {
  const auto change = [&]() -> Result<> {
    const profile::Profile limits = TRY(make_layer(options.settings));
    const Host host = TRY(launch::probe_host(limits));
    Request request{.kind = RequestKind::update, .number = 0, .words = {}, .attached = {}};
    const std::vector<plan::CgroupSetting> settings = TRY(plan::make_cgroup_settings(limits, host));
    for (const plan::CgroupSetting& setting : settings) {
      const std::string value = TRY(launch::cgroup_value(setting));
      request.words.insert(request.words.end(), {setting.file, value, setting.required ? "required" : "welcome"});
    }
    if (request.words.empty()) return fail_hint("write sbx update NAME --memory 1G, or another limit", "no limit is named");
    // As long as its launcher is connected with us, its scope is nobody else's.
    const sys::Fd connection = TRY(ask(options.operands[0], request));
    const Found found = TRY(find(options.operands[0]));
    return launch::update_scope(found.record.cgroup, settings);
  };
  return finish(change());
}

int rm(const Options& options) {
  const auto remove = [&](const std::string& name) -> Result<> {
    const std::string sandboxes = TRY(place());
    const Found found = TRY(find(name));
    if (found.alive && !options.force) return fail_hint(text("sbx stop ", name, ", or sbx rm --force ", name), "the sandbox '", name, "' runs");
    if (found.alive) TRY(stop_and_wait(name, {.kind = RequestKind::stop, .number = 0, .words = {}, .attached = {}}));
    TRY(drop_kept(name, options.force));
    if (TRY(supervise::remove_state(sandboxes, name))) return {};
    return fail_hint("try again", "the sandbox '", name, "' was started anew");
  };
  return for_each_name(options, remove);
}

}  // namespace cli
