// The attendant enters everything by descriptors that init opened before anybody else was inside; no name that the
// sandbox could have changed since, and no process number, leads anywhere. It keeps outside the pid namespace itself,
// and the command's process, which is inside, stays undumpable and without a descriptor of ours until its exec.
#include "launch/attend.h"

#include "launch/descriptors.h"
#include "launch/command.h"
#include "launch/starter.h"
#include "supervise/attendant.h"
#include "supervise/exec_request.h"
#include "supervise/handshake.h"
#include "sys/failpoint.h"
#include "sys/file.h"
#include "sys/isolate.h"
#include "sys/privilege.h"
#include "sys/terminal.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

// As the links in /proc/PID/ns are called (namespaces(7)). Init itself may be outside of the pid namespace.
std::string_view link_of(plan::Namespace kind) {
  if (kind == plan::Namespace::mount) return "mnt";
  return kind == plan::Namespace::pid ? "pid_for_children" : plan::namespace_names[kind];
}

void set_variable(std::vector<std::string>& environment, const std::string& variable) {
  const std::string name = variable.substr(0, variable.find('=') + 1);
  std::erase_if(environment, [&](const std::string& each) { return each.starts_with(name); });
  environment.push_back(variable);
}

plan::Command command_of(const plan::Plan& plan, supervise::ExecRequest request) {
  plan::Command command = plan.command;
  command.argv = std::move(request.argv);
  command.terminal = request.terminal, command.terminal_for_all = request.terminal_for_all;
  if (!request.workdir.empty()) {
    command.workdir = std::move(request.workdir);
    set_variable(command.environment, "PWD=" + command.workdir);
  }
  for (const std::string& variable : request.environment) set_variable(command.environment, variable);
  for (const std::string& variable : command.environment)
    if (variable.starts_with("PATH=")) command.search_path = variable.substr(5);
  return command;
}

// The launcher's own descriptors end here: of them only those that lead inside, and init's end, are kept.
Result<> take_descriptors(supervise::ReceivedExec& exec, const supervise::Sandbox& sandbox, const sys::Fd& client) {
  for (int number = 0; number < 3; ++number) TRY(sys::duplicate_onto(exec.standard[static_cast<std::size_t>(number)], number));
  exec.standard = {};
  std::vector<int> kept{0, 1, 2, exec.begun.get(), client.get(), sandbox.init.pidfd.get()};
  for (const sys::Fd& entrance : sandbox.entrances) kept.push_back(entrance.get());
  TRY(sys::close_all_except(kept));
  return check_descriptors();
}

Result<> enter_namespaces(const plan::Plan& plan, const std::vector<sys::Fd>& entrances) {
  for (std::size_t i = 0; i < plan.namespaces.size(); ++i) {  // the user namespace comes first: it gives the right to the others
    TRY(sys::enter_namespace(entrances[i], plan::namespace_names[plan.namespaces[i]]));
    // New capabilities may make dumpable what was not, as fs.suid_dumpable says (proc_sys_fs(5)).
    if (i == 0) TRY(sys::set_dumpable(false));
  }
  if (plan.identity.drop_groups) TRY(sys::clear_groups());
  if (plan.identity.switch_ids) TRY(sys::set_ids(plan.identity.uid, plan.identity.gid));
  TRY(sys::set_dumpable(false));
  return sys::set_parent_death_signal(SIGKILL);  // cleared by the change of ids
}

Result<sys::Fd> take_terminal(const sys::Fd& devpts, const sys::Fd& client, const sys::Fd& init) {
  sys::Pty pty = TRY(sys::open_pty(devpts));
  Message message{.kind = MessageKind::terminal, .number = ::getpid(), .text = {}, .error = {}, .attached = std::move(pty.master)};
  TRY(supervise::send(client, message));
  std::array<sys::Watch, 2> watches{{{client.get(), POLLIN}, {init.get(), POLLIN}}};
  TRY(sys::wait_for_events(watches, std::chrono::milliseconds(-1)));
  if (watches[1].happened != 0) return fail("the sandbox has ended");
  TRY(supervise::receive_answer(client, MessageKind::terminal_ready));
  TRY(sys::make_controlling_terminal(pty.slave));
  return std::move(pty.slave);
}

[[noreturn]] void report_and_exit(const sys::Fd& client, Error error) {
  const int status = error.status;
  Message message{.kind = MessageKind::failed, .number = 0, .text = {}, .error = std::move(error), .attached = {}};
  const Result<> sent = supervise::send(client, message);  // else the client is gone
  sys::exit_now(sent ? status : exit_status::setup_failed);
}

Result<> attend_steps(const plan::Plan& plan, const Prepared& prepared, supervise::Sandbox& sandbox, supervise::Request& request,
                      const sys::Fd& client) {
  TRY(sys::set_parent_death_signal(SIGKILL));
  TRY(sys::set_process_name("sbx:exec"));
  if (TRY(sys::wait_for_event(client.get(), 0, std::chrono::milliseconds(0)))) return fail("the client is gone");
  supervise::ReceivedExec exec = TRY(supervise::unpack(request));
  TRY(take_descriptors(exec, sandbox, client));
  const plan::Command command = command_of(plan, std::move(exec.request));
  TRY(enter_namespaces(plan, sandbox.entrances));
  TRY(sys::new_session());
  sys::Fd terminal;
  if (command.terminal) terminal = TRY(take_terminal(sandbox.entrances.back(), client, sandbox.init.pidfd));
  sandbox.entrances.clear();
  sys::Fd signals = TRY(sys::block_signals(std::array{SIGCHLD}));
  TRY(sys::raise_flag(exec.begun));
  exec.begun.reset();
  // The command's end is to be waited for by us: until then init cannot end (pid_namespaces(7)).
  TRY(sys::set_parent_death_signal(0));
  StartedCommand started = TRY(start_command(plan, prepared, command, client, terminal));
  terminal.reset();
  sys::failpoint_role("attendant-running");
  return supervise::run_attendant({.command = started.pid, .channel = client, .signals = std::move(signals),
                                   .sandbox = std::move(sandbox.init.pidfd), .complaints = std::move(started.complaints)});
}

[[noreturn]] void attend(const plan::Plan& plan, const Prepared& prepared, supervise::Sandbox& sandbox, supervise::Request& request,
                         sys::Fd client) {
  sys::failpoint_role("attendant");
  const Result<> done = attend_steps(plan, prepared, sandbox, request, client);
  if (done) sys::exit_now(0);
  // No process is made any more in a pid namespace whose first is on its way out (pid_namespaces(7)).
  const std::chrono::milliseconds patience(done.error().code == ENOMEM ? 100 : 0);
  const auto ended = sys::wait_for_event(sandbox.init.pidfd.get(), POLLIN, patience);
  report_and_exit(client, ended && *ended ? supervise::ended_before_command() : done.error());
}

}  // namespace

Result<StartedCommand> start_command(const plan::Plan& plan, const Prepared& prepared, const plan::Command& command,
                                     const sys::Fd& channel, const sys::Fd& terminal) {
  auto [complaints, to_complain] = TRY(sys::make_pipe("the command"));
  const sys::Fd starter = TRY(make_starter(to_complain));
  const sys::Process started = TRY(sys::clone_process(0, "start the command"));
  if (started.is_child()) {
    sys::failpoint_role("command");
    complaints.reset();
    const Joining joining{starter, to_complain};
    report_and_exit(channel, run_payload(plan, command, prepared, terminal, &joining));
  }
  // It does so too: whoever comes first, a signal for the group finds it.
  if (Result<> led = sys::lead_own_group(started.pid); !led) {
    TRY(sys::send_signal(started.pidfd, SIGKILL));
    TRY(sys::wait_process(started));
    return std::unexpected<Error>(std::move(led).error());
  }
  return StartedCommand{.pid = started.pid, .complaints = {std::move(complaints), [&command](int code) {
    return explain_exec(command, sys::exec_error(code, command.argv[0]));
  }}};
}

Result<std::vector<sys::Fd>> open_entrances(const plan::Plan& plan, const sys::Fd& proc) {
  std::vector<sys::Fd> entrances;
  for (const plan::Namespace kind : plan.namespaces)
    entrances.push_back(TRY(sys::open_at(proc, text("self/ns/", link_of(kind)), O_RDONLY)));
  entrances.push_back(TRY(sys::open_file("/dev/pts", O_RDONLY | O_DIRECTORY)));
  return entrances;
}

Attend attend_with(const plan::Plan& plan, Prepared prepared) {
  return [&plan, prepared = std::move(prepared)](supervise::Sandbox& sandbox, supervise::Request& request,
                                                 sys::Fd& client) -> Result<supervise::Reply> {
    if (sandbox.entrances.size() != plan.namespaces.size() + 1) return fail("init did not hand out the way into its namespaces");
    sys::Process made = TRY(sys::clone_process(0, "the attendant", sandbox.cgroup.entrance()));
    if (made.is_child()) attend(plan, prepared, sandbox, request, std::move(client));
    sandbox.attendants.push_back(std::move(made));
    client.reset();
    return supervise::Reply{};
  };
}

}  // namespace launch
