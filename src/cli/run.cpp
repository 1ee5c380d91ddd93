// One launch. The report is written however it ends, so the failure of any stage passes through here.
#include "cli/run.h"

#include "base/path.h"
#include "cli/detach.h"
#include "cli/env_file.h"
#include "cli/json.h"
#include "cli/kept_after.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/settings.h"
#include "launch/launch.h"
#include "launch/overlays.h"
#include "launch/probe.h"
#include "plan/describe.h"
#include "plan/identity.h"
#include "plan/make.h"
#include "plan/overlays.h"
#include "supervise/changes.h"
#include "supervise/sandbox.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/process.h"

#include <algorithm>
#include <cstdlib>

namespace cli {

namespace {

std::chrono::microseconds microseconds_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

Active active_of(const plan::Plan& plan, supervise::CgroupKind cgroup) {
  Active active;
  active.cgroup = supervise::cgroup_kind_names[cgroup];
  for (const plan::Namespace kind : plan.namespaces) active.namespaces.emplace_back(plan::namespace_names[kind]);
  if (plan.seccomp.enabled) active.seccomp = plan.seccomp.name;
  active.capabilities = plan.privileges.capabilities;
  active.network = plan::network_mode_names[plan.network.mode];
  if (plan.join) active.joined = plan.join->name;
  active.landlock = plan.landlock.abi;
  active.nested_userns = plan.privileges.nested_userns;
  for (const plan::MountStep& step : plan.mounts)
    if (const auto* overlay = std::get_if<plan::Overlay>(&step); overlay != nullptr && overlay->engine == plan::OverlayEngine::fuse) active.overlay = "fuse";
    else if (active.overlay.empty() && (overlay != nullptr || std::holds_alternative<plan::Layered>(step))) active.overlay = "kernel";
  return active;
}

std::string_view word_of(net::Verdict verdict) { return verdict == net::Verdict::allow ? "allow" : "deny"; }

// The engine counts by the rule's text; the plan knows what it says and who wrote it.
RuleLine line_of(const net::Config& config, const supervise::RuleUse& use) {
  RuleLine line{.use = use, .verdict = {}, .origin = {}};
  if (use.rule == "default") line.verdict = word_of(config.otherwise);
  for (std::size_t level = config.levels.size(); level-- > 0;)
    for (const net::Rule& rule : config.levels[level])
      if (rule.text == use.rule) line.verdict = word_of(rule.verdict), line.origin = level == 0 ? "command line" : "profile";
  return line;
}

NetworkReport network_of(const plan::Plan& plan, const supervise::Outcome& outcome) {
  NetworkReport report{.mode = std::string(plan::network_mode_names[plan.network.mode]), .use = outcome.network, .rules = {}};
  if (outcome.network)
    for (const supervise::RuleUse& use : outcome.network->rules) report.rules.push_back(line_of(plan.network.config, use));
  return report;
}

void add_plan(RunReport& report, const plan::Plan& plan) {
  report.name = plan.name;
  report.workdir = plan.command.workdir;
  report.degraded = plan.degraded;
}

// What the group counted includes what nobody waited for.
void add_usage(RunReport& report, const supervise::CgroupUsage& usage) {
  report.cgroup = usage;
  report.cpu_user = usage.cpu_user, report.cpu_system = usage.cpu_system;
  if (usage.memory_peak) report.peak_bytes = usage.memory_peak;
}

void add_outcome(RunReport& report, const supervise::Outcome& outcome, const plan::Plan& plan, const supervise::Cgroup& cgroup) {
  report.reason = outcome.reason;
  report.code = supervise::exit_status_of(outcome);
  report.signal = outcome.signal;
  if (outcome.error) report.error = outcome.error->message;
  if (outcome.reason == supervise::Reason::setup) return;
  report.wall = outcome.wall;
  report.cpu_user = microseconds_of(outcome.usage.ru_utime);
  report.cpu_system = microseconds_of(outcome.usage.ru_stime);
  report.peak_bytes = static_cast<std::uint64_t>(outcome.usage.ru_maxrss) * 1024;  // KiB (getrusage(2))
  if (outcome.cgroup) add_usage(report, *outcome.cgroup);
  report.active = active_of(plan, cgroup.kind);
  report.degraded.insert(report.degraded.end(), cgroup.missing.begin(), cgroup.missing.end());
  report.network = network_of(plan, outcome);
}

void print_notes(const supervise::Outcome& outcome, bool with_blocked) {
  for (const std::string& note : outcome.notes) print_note(note);
  if (!outcome.network) return;
  if (with_blocked)
    for (const supervise::Blocked& each : outcome.network->blocked) print_note(describe_blocked(each));
  if (outcome.network->not_listed > 0) print_note(text("network: ", outcome.network->not_listed, " more denials are not listed"));
}

Result<int> print_plan(const plan::Plan& plan, DryRun form) {
  return print_output(form == DryRun::json ? plan_json(plan) : plan::describe_text(plan));
}

// What a launch is made of, in the order it comes to be.
struct Stages {
  Detached detached;           // of -d
  profile::Profile profile;    // what was asked
  Host host;                   // what this machine allows
  plan::Plan plan;             // what will be done
  supervise::State state;      // of a named one
  supervise::Sandbox sandbox;  // done
  bool named_by_sbx = false;   // nobody will ask for the name, unless changes are kept under it
};

// A name nobody has thought of: 32 random bits.
std::string random_name() {
  constexpr std::string_view letters = "0123456789abcdef";
  std::string name = "sbx-";
  std::uint64_t bits = sys::random_number();
  for (int i = 0; i < 8; ++i, bits >>= 4) name += letters[bits & 15];
  return name;
}

// The name and the files of the state, before anything else is made.
Result<> prepare_state(const Options& options, const RunReport& report, Stages& stages) {
  const plan::Plan& plan = stages.plan;
  if (!plan.named) return {};
  if (options.detach && plan.command.terminal)
    return fail_hint("leave out -t or -d; -T where the profile asks for a terminal", "a detached sandbox has no terminal");
  if (options.detach && plan.on_exit == plan::OnExit::ask)
    return fail_hint("write --on-exit keep, commit or discard", "--on-exit ask: nobody can ask you about a detached sandbox");
  const auto started = std::chrono::duration_cast<std::chrono::microseconds>(report.started.time_since_epoch());
  supervise::Record record{.command = options.command, .profiles = report.profiles, .workdir = plan.command.workdir,
                           .joined = plan.join ? plan.join->name : "", .cgroup = {}, .started = started.count(), .detached = options.detach, .reason = {}};
  const std::string place = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
  stages.state = TRY(supervise::take_name(place, plan.name, std::move(record)));
  if (!options.detach) return {};
  stages.state.log = TRY(supervise::Log::open(stages.state.directory, std::move(stages.detached.output)));
  return {};
}

Result<> start_sandbox(const Options& options, Stages& stages) {
  const bool named = stages.state.exists();
  stages.sandbox = TRY(launch::start(stages.plan, named ? &stages.state : nullptr));
  // Written when the command runs.
  const sys::Fd& group = stages.sandbox.cgroup.directory;
  if (group.valid()) stages.state.record.cgroup = TRY(sys::read_link(text("/proc/self/fd/", group.get()))).value_or("");
  if (!options.detach) return {};
  TRY(let_go_of_output(*stages.state.log));
  stages.sandbox.tell_running = [&stages] { return tell_running(stages.detached, stages.plan.name); };
  return {};
}

// Each from the ones before it.
Result<int> run_stages(const Options& options, RunReport& report, Stages& stages) {
  auto& [detached, profile, host, plan, state, sandbox, named_by_sbx] = stages;
  profile = TRY(requested_profile(options));
  if (options.detach && !profile.name) profile.name = profile::Item{random_name(), {"command line"}};
  report.profiles = profile.chain;
  host = TRY(launch::probe_host(profile));
  if (!profile.name && plan::needs_state(profile, host)) {
    profile.name = profile::Item{random_name(), {"sbx"}};
    named_by_sbx = true;
  }
  plan = TRY(plan::make(profile, host, options.command));
  add_plan(report, plan);
  if (options.dry_run != DryRun::none) return print_plan(plan, options.dry_run);
  if (!options.quiet)
    for (const std::string& feature : plan.degraded) print_note(text("without ", feature, ", as allowed"));
  if (options.verbose)
    for (const std::string& note : plan.notes) print_note(note);
  TRY(prepare_state(options, report, stages));
  TRY(start_sandbox(options, stages));
  if (!options.quiet)
    for (const std::string& note : sandbox.cgroup.notes) print_note(note);
  // On a terminal of its own the command may be drawing: what was denied is said afterwards.
  const bool at_once = !options.quiet && !plan.command.terminal;
  if (at_once) sandbox.engine.tell_blocked = [](const supervise::Blocked& each) { print_note(describe_blocked(each)); };
  const supervise::Outcome outcome = TRY(supervise::wait(sandbox));
  if (!options.quiet) print_notes(outcome, !at_once);
  add_outcome(report, outcome, plan, sandbox.cgroup);
  if (outcome.error) return std::unexpected<Error>(*outcome.error);
  return report.code;
}

// What is thrown away may belong to subordinate ids.
Result<> remove_thrown(const Stages& stages) {
  if (!plan::maps_other_ids(stages.plan.identity, stages.host.uid, stages.host.gid)) return {};
  const auto thrown = [](const plan::MountStep& step) {
    const auto* overlay = std::get_if<plan::Overlay>(&step);
    return overlay != nullptr && !overlay->kept && !overlay->layers.empty();
  };
  if (std::ranges::none_of(stages.plan.mounts, thrown)) return {};
  profile::Profile as_root;
  as_root.user = profile::Item{"root", {"sbx"}};
  const plan::Identity identity = TRY(plan::make_identity(as_root, stages.host));
  return launch::remove_with_range(identity, path::join(stages.state.place, "thrown"));
}

// What cannot be counted (its directory is gone) is kept all the same.
void tell_of_changes(const Options& options, const std::string& name, const Result<store::Counts>& counts, plan::OnExit on_exit,
                     bool named_by_sbx) {
  if (options.quiet || (counts && on_exit != plan::OnExit::keep) || (counts && counts->total() == 0 && !named_by_sbx)) return;
  if (!counts) print_note(counts.error().message);
  print_note(text(counts ? describe_counts(*counts) : "the changes", counts ? ", kept as '" : " are kept as '", name, "': 'sbx diff ", name,
                  "' shows them, 'sbx commit ", name, "' makes them yours"));
}

// False: there is nothing anybody will ask the name for.
Result<bool> look_at_changes(const Options& options, RunReport& report, const Stages& stages) {
  const supervise::State& state = stages.state;
  if (stages.named_by_sbx) TRY(supervise::forget_unchanged(state.directory, state.place));
  if (!TRY(supervise::keeps_changes(state.directory, state.place))) return !stages.named_by_sbx;
  const auto counts = count_changes(state);
  if (counts) report.changes = *counts;
  tell_of_changes(options, stages.plan.name, counts, stages.plan.on_exit, stages.named_by_sbx);
  return true;
}

// What did not come to run leaves nothing.
Result<> end_state(const Options& options, RunReport& report, Stages& stages) {
  if (!stages.state.exists()) return {};
  TRY(remove_thrown(stages));
  if (!stages.sandbox.running) return supervise::drop_state(stages.state);
  if (!TRY(look_at_changes(options, report, stages))) return supervise::drop_state(stages.state);
  stages.state.record.code = report.code;
  stages.state.record.reason = supervise::reason_names[report.reason];
  return supervise::end_state(stages.state, report_json(report));
}

// Of a name that nobody has asked for.
Result<> forget_if_nothing_is_left(const Stages& stages) {
  const supervise::State& state = stages.state;
  if (!stages.named_by_sbx || TRY(supervise::keeps_changes(state.directory, state.place))) return {};
  TRY(supervise::remove_state(std::string(path::parent(state.place)), stages.plan.name));
  return {};
}

// What ended by itself is finished; what was ended is not.
int finish_changes(const RunReport& report, const Stages& stages) {
  using enum plan::OnExit;
  const plan::OnExit on_exit = stages.plan.on_exit;
  if (on_exit == keep || !report.changes || report.changes->total() == 0) return report.code;
  if (on_exit == commit && report.reason != supervise::Reason::exited) {
    print_note(text("the command did not end by itself: its changes are kept, not committed"));
    return report.code;
  }
  const int code = act_on_exit(on_exit, stages.plan.name, *report.changes, report.code);
  const Result<> forgotten = forget_if_nothing_is_left(stages);
  return forgotten ? code : print_error(forgotten.error());
}

int run_and_report(const Options& options, Stages& stages) {
  RunReport report;
  report.command = options.command;
  report.started = std::chrono::system_clock::now();
  Result<int> status = run_stages(options, report, stages);
  if (!status) {
    using enum supervise::Reason;
    if (report.reason != mask && report.reason != engine && report.reason != joined) report.reason = setup;
    report.code = status.error().status;
    report.error = status.error().message;
    // Where the caller's standard error cannot be had back, nobody can be told anything.
    static_cast<void>(show_errors(stages.detached).has_value());
    print_error(status.error());
  }
  if (options.dry_run != DryRun::none) return report.code == 0 && status ? *status : report.code;
  if (options.stats) print_stats(report);
  if (Result<> ended = end_state(options, report, stages); !ended) report.code = print_error(ended.error());
  if (options.report)
    if (Result<> written = write_report(report, *options.report); !written) return print_error(written.error());
  return finish_changes(report, stages);
}

// The launcher of -d: its caller waits for a word in every case.
int run_detached(const Options& options, Stages& stages) {
  const auto status = detach(stages.detached);
  if (!status) return print_error(status.error());
  if (*status) return **status;
  const int code = run_and_report(options, stages);
  if (const Result<> told = tell_status(stages.detached, code); !told) return told.error().status;
  return code;
}

}  // namespace

Result<profile::Profile> requested_profile(const Options& options) {
  profile::Profile layer = TRY(make_layer(options.settings));
  TRY(add_env_files(layer, options.env_files));
  if (options.clear_env) layer.env_pass.insert(layer.env_pass.begin(), profile::Item{"!*", {"command line"}});
  return load_profile(options.profiles, std::move(layer), profile_places(std::getenv("XDG_CONFIG_HOME"), std::getenv("HOME")));
}

int run(const Options& options) {
  Stages stages;
  if (options.report)
    if (Result<> possible = check_report_target(*options.report); !possible) return print_error(possible.error());
  // The kernel takes it all back at once; destructors would take it apart string by string.
  const bool detached = options.detach && options.dry_run == DryRun::none;
  sys::exit_now(detached ? run_detached(options, stages) : run_and_report(options, stages));
}

}  // namespace cli
