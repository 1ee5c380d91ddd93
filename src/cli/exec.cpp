// The client's side: it asks the sandbox's launcher for an attendant and hands it what the command is to have; from
// then on the terminal, signals and the end go through the same monitor as those of a sandbox of one's own.
#include "cli/exec.h"

#include "cli/report.h"
#include "launch/descriptors.h"
#include "launch/launch.h"
#include "supervise/exec_request.h"
#include "supervise/sandbox.h"
#include "supervise/state.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <algorithm>
#include <cstdlib>

namespace cli {

namespace {

std::string own_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : text(name, "=", value);
}

// On a terminal of its own the command meets the client's kind of terminal; what is asked for comes after that.
Result<supervise::ExecRequest> request_of(const Options& options, const std::array<bool, 3>& terminal) {
  supervise::ExecRequest request{.argv = options.command, .environment = {}, .workdir = {}};
  request.terminal = std::ranges::find(terminal, true) != terminal.end();
  std::vector<std::string> variables;
  for (const Setting& setting : options.settings) {
    if (setting.key == "sandbox.workdir") request.workdir = setting.value;
    else if (setting.key == "environment.pass") variables.push_back(own_variable(setting.value));
    else if (setting.key == "environment.set") variables.push_back(setting.value);
    else if (setting.key == "sandbox.terminal") request.terminal = request.terminal_for_all = setting.value == "on";
  }
  if (!request.workdir.empty() && !request.workdir.starts_with('/'))
    return fail_hint("write the full path, as it is inside", "working directory ", printable(request.workdir), " does not begin with /");
  if (request.terminal) request.environment.push_back(own_variable("TERM"));
  request.environment.insert(request.environment.end(), variables.begin(), variables.end());
  std::erase(request.environment, std::string());
  return request;
}

Result<int> run_in(const Options& options) {
  TRY(launch::check_descriptors());
  supervise::Sandbox sandbox;
  for (std::size_t number = 0; number < 3; ++number) sandbox.terminal[number] = sys::is_terminal(static_cast<int>(number));
  const supervise::ExecRequest asked = TRY(request_of(options, sandbox.terminal));
  if (asked.terminal_for_all) sandbox.terminal.fill(true);
  const std::string places = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
  sandbox.channel = TRY(supervise::connect_to(places, options.operands[0]));
  sandbox.begun = TRY(sys::make_flag());
  sandbox.signals = TRY(launch::take_signals());
  supervise::Request request = TRY(supervise::pack(asked, sandbox.begun));
  TRY(supervise::hand_over(sandbox.channel, request));
  request.attached.clear();
  sandbox.started = sys::monotonic_now();
  const supervise::Outcome outcome = TRY(supervise::wait(sandbox));
  if (outcome.error) return std::unexpected<Error>(*outcome.error);
  return supervise::exit_status_of(outcome);
}

}  // namespace

int exec(const Options& options) {
  const Result<int> status = run_in(options);
  sys::exit_now(status ? *status : print_error(status.error()));  // nothing is left that is not the kernel's to take back
}

}  // namespace cli
