// One launch. The report is written however it ends, so the failure of any stage passes through here.
#include "cli/run.h"

#include "base/path.h"
#include "cli/env_file.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/settings.h"
#include "launch/launch.h"
#include "launch/probe.h"
#include "plan/describe.h"
#include "plan/make.h"
#include "supervise/sandbox.h"
#include "sys/process.h"

#include <cstdlib>

namespace cli {

namespace {

std::chrono::microseconds microseconds_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

Active active_of(const plan::Plan& plan) {
  Active active;
  for (const plan::Namespace kind : plan.namespaces) active.namespaces.emplace_back(plan::namespace_names[kind]);
  if (plan.seccomp.enabled) active.seccomp = plan.seccomp.name;
  active.capabilities = plan.privileges.capabilities;
  active.network = plan::network_mode_names[plan.network.mode];
  active.landlock = plan.landlock.abi;
  active.nested_userns = plan.privileges.nested_userns;
  for (const plan::MountStep& step : plan.mounts)
    if (std::holds_alternative<plan::Layered>(step)) active.overlay = "kernel";
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

void add_outcome(RunReport& report, const supervise::Outcome& outcome, const plan::Plan& plan) {
  report.reason = outcome.reason;
  report.code = supervise::exit_status_of(outcome);
  report.signal = outcome.signal;
  if (outcome.error) report.error = outcome.error->message;
  if (outcome.reason == supervise::Reason::setup) return;
  report.wall = outcome.wall;
  report.cpu_user = microseconds_of(outcome.usage.ru_utime);
  report.cpu_system = microseconds_of(outcome.usage.ru_stime);
  report.peak_bytes = static_cast<std::uint64_t>(outcome.usage.ru_maxrss) * 1024;  // KiB (getrusage(2))
  report.active = active_of(plan);
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
  profile::Profile profile;    // what was asked
  Host host;                   // what this machine allows
  plan::Plan plan;             // what will be done
  supervise::Sandbox sandbox;  // done
};

// Each from the ones before it.
Result<int> run_stages(const Options& options, RunReport& report, Stages& stages) {
  auto& [profile, host, plan, sandbox] = stages;
  profile = TRY(requested_profile(options));
  report.profiles = profile.chain;
  host = TRY(launch::probe_host(profile));
  plan = TRY(plan::make(profile, host, options.command));
  add_plan(report, plan);
  if (options.dry_run != DryRun::none) return print_plan(plan, options.dry_run);
  if (!options.quiet)
    for (const std::string& feature : plan.degraded) print_note(text("without ", feature, ", as allowed"));
  if (options.verbose)
    for (const std::string& note : plan.notes) print_note(note);
  sandbox = TRY(launch::start(plan));
  // On a terminal of its own the command may be drawing: what was denied is said afterwards.
  const bool at_once = !options.quiet && !plan.command.terminal;
  if (at_once) sandbox.engine.tell_blocked = [](const supervise::Blocked& each) { print_note(describe_blocked(each)); };
  const supervise::Outcome outcome = TRY(supervise::wait(sandbox));
  if (!options.quiet) print_notes(outcome, !at_once);
  add_outcome(report, outcome, plan);
  if (outcome.error) return std::unexpected<Error>(*outcome.error);
  return report.code;
}

int run_and_report(const Options& options, Stages& stages) {
  RunReport report;
  report.command = options.command;
  report.started = std::chrono::system_clock::now();
  if (options.report)
    if (Result<> possible = check_report_target(*options.report); !possible) return print_error(possible.error());
  Result<int> status = run_stages(options, report, stages);
  if (!status) {
    if (report.reason != supervise::Reason::mask && report.reason != supervise::Reason::engine) report.reason = supervise::Reason::setup;
    report.code = status.error().status;
    report.error = status.error().message;
    print_error(status.error());
  }
  if (options.dry_run != DryRun::none) return report.code == 0 && status ? *status : report.code;
  if (options.stats) print_stats(report);
  if (options.report)
    if (Result<> written = write_report(report, *options.report); !written) return print_error(written.error());
  return report.code;
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
  // The kernel takes it all back at once; destructors would take it apart string by string.
  sys::exit_now(run_and_report(options, stages));
}

}  // namespace cli
