// sbx: run a command in a rootless sandbox. src/README.md is the map of the sources; src/cli/run.cpp is a launch.
#include "cli/chown_back.h"
#include "cli/completion.h"
#include "cli/doctor.h"
#include "cli/exec.h"
#include "cli/help.h"
#include "cli/kept.h"
#include "cli/options.h"
#include "cli/parse.h"
#include "cli/profile.h"
#include "cli/report.h"
#include "cli/run.h"
#include "cli/sandboxes.h"
#include "sys/process.h"

#include <cstdlib>
#include <string_view>

namespace {

int print(const Result<std::string>& output) {
  return output ? cli::print_output(*output) : cli::print_error(output.error());
}

int print_check(const cli::ProfileCheck& check) {
  int status = cli::print_output(check.text);
  for (const Error& error : check.errors) status = cli::print_error(error);
  return status;
}

int dispatch(const cli::Options& options) {
  const cli::ProfilePlaces places = cli::profile_places(std::getenv("XDG_CONFIG_HOME"), std::getenv("HOME"));
  if (options.help) return cli::print_output(cli::help_of(options.verb));
  switch (options.verb) {
    case cli::Verb::run: return cli::run(options);
    case cli::Verb::exec: return cli::exec(options);
    case cli::Verb::ps: return cli::ps(options);
    case cli::Verb::inspect: return cli::inspect(options);
    case cli::Verb::logs: return cli::logs(options);
    case cli::Verb::stats: return cli::stats(options);
    case cli::Verb::top: return cli::top();
    case cli::Verb::stop: return cli::stop(options);
    case cli::Verb::kill: return cli::kill(options);
    case cli::Verb::pause:
    case cli::Verb::resume: return cli::pause_or_resume(options);
    case cli::Verb::update: return cli::update(options);
    case cli::Verb::rm: return cli::rm(options);
    case cli::Verb::diff: return cli::diff(options);
    case cli::Verb::commit: return cli::commit(options);
    case cli::Verb::discard: return cli::discard(options);
    case cli::Verb::profile_list: return print(cli::profile_list(places));
    case cli::Verb::profile_show: return print(cli::profile_show(options.operands, options.origin, places));
    case cli::Verb::profile_check: return print_check(cli::profile_check(options.operands, places));
    case cli::Verb::profile_diff: return print(cli::profile_diff(options.operands[0], options.operands[1], places));
    case cli::Verb::doctor: return cli::doctor(options.json);
    case cli::Verb::completion: return print(cli::completion_script(options.operands[0]));
    case cli::Verb::chown_back: return cli::chown_back(options.operands);
    case cli::Verb::help: return print(cli::help_for(options.operands));
    case cli::Verb::version: return cli::print_output(cli::describe_version());
  }
  return exit_status::setup_failed;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.starts_with('-') || first == "run") sys::populate_memory();  // other verbs touch little of it
  const Result<cli::Options> options = cli::parse({argv + (argc > 0 ? 1 : 0), argv + argc});
  return options ? dispatch(*options) : cli::print_error(options.error());
}
