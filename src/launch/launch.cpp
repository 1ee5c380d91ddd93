// From a Plan to a running sandbox, seen from outside. Single-threaded, so the child may allocate.
#include "launch/launch.h"

#include "base/path.h"
#include "launch/admit.h"
#include "launch/attend.h"
#include "launch/cgroup.h"
#include "launch/descriptors.h"
#include "launch/engine.h"
#include "launch/enter.h"
#include "launch/filters.h"
#include "launch/idmap.h"
#include "launch/join.h"
#include "launch/overlays.h"
#include "supervise/handshake.h"
#include "sys/file.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/socket.h"
#include "sys/terminal.h"
#include "sys/user.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

// What a user or a service manager sends; the payload gets it.
constexpr std::array passed_signals{SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCONT, SIGTSTP, SIGWINCH};

// Init enters its cgroup namespace by itself where it is born in a group: the namespace's root is the group of the
// caller then, and clone3 would take the launcher's.
std::uint64_t clone_flags(const plan::Plan& plan, bool in_cgroup) {
  std::uint64_t flags = 0;
  for (const plan::Namespace kind : plan.namespaces) {
    if (plan.shares(kind)) continue;
    switch (kind) {
      case plan::Namespace::user: flags |= CLONE_NEWUSER; break;
      case plan::Namespace::mount: flags |= CLONE_NEWNS; break;
      case plan::Namespace::pid: flags |= CLONE_NEWPID; break;
      case plan::Namespace::net: flags |= CLONE_NEWNET; break;
      case plan::Namespace::ipc: flags |= CLONE_NEWIPC; break;
      case plan::Namespace::uts: flags |= CLONE_NEWUTS; break;
      case plan::Namespace::cgroup: flags |= in_cgroup ? 0 : CLONE_NEWCGROUP; break;
      case plan::Namespace::time:  // entered by init itself: clone3 would put init in it, with the old offsets
      case plan::Namespace::count_: break;
    }
  }
  return flags;
}

// Where the caller may not make it, nor may the payload; unless it is closed by a mode that its owner can change.
Result<> prepare_directory(const std::string& directory) {
  Result<> made = sys::make_directories(directory, 0700);
  if (made || made.error().code == EROFS) return {};
  if (made.error().code != EACCES) return made;
  for (std::string at = path::parent(directory); at != "/"; at = path::parent(at)) {
    const auto found = sys::stat_path(at);
    if (!found || !*found) continue;  // not there, or behind a closed one
    if ((*found)->uid != sys::caller_uid()) return {};
    return fail_hint(text("chmod u+wx ", printable(at)), "sbx cannot make its own directory ", printable(directory), ", and what runs inside could: ", printable(at), " is closed");
  }
  return {};
}

Result<Prepared> prepare(const plan::Plan& plan) {
  Prepared prepared;
  if (plan.seccomp.enabled) prepared.filter = TRY(load_filter(plan.seccomp));
  for (const std::string& name : plan.privileges.capabilities)
    prepared.capabilities.push_back(TRY(sys::capability_number(name)));
  prepared.file_mask = sys::set_file_mask(077);
  sys::set_file_mask(prepared.file_mask);
  for (const std::string& directory : plan.prepare) TRY(prepare_directory(directory));
  TRY(prepare_layers(plan));
  return prepared;
}

Error explain_clone(Error error, const supervise::Cgroup& cgroup) {
  if (cgroup.exists() && error.code == EACCES)
    error.hint = text("no process may be moved from sbx's own control group to ", printable(cgroup.path), "; start sbx below what they share");
  else if (error.code == EPERM || error.code == EACCES || error.code == ENOSPC || error.code == EINVAL ||
      error.code == ENOSYS || error.code == EUSERS)
    error.hint = "this machine does not let you make user namespaces; sbx doctor says why";
  return error;
}

Result<> take_ready(const sys::Fd& channel) {
  std::optional<Message> message = TRY(supervise::receive(channel));
  if (!message) return fail("init ended before its id maps were written");
  if (message->kind == MessageKind::failed) return std::unexpected<Error>(std::move(message->error));
  if (message->kind != MessageKind::namespaces_ready) return fail("unexpected message from init");
  return {};
}

// Init waits for its ids, or has failed before that.
Result<> give_identity(const plan::Identity& identity, supervise::Sandbox& sandbox) {
  TRY(take_ready(sandbox.channel));
  TRY(write_maps_of(identity, sandbox.init.pid));
  auto sent = supervise::send(sandbox.channel, Message{.kind = MessageKind::identity_ready, .number = 0, .text = {}, .error = {}, .attached = {}});
  if (!sent && sent.error().code == EPIPE) return take_ready(sandbox.channel);  // init is gone, and has said why
  return sent;
}

}  // namespace

Result<sys::Fd> take_signals() { return sys::block_signals(passed_signals); }

namespace {

Result<> start_steps(const plan::Plan& plan, supervise::Sandbox& sandbox) {
  TRY(check_descriptors());
  if (plan.named) sandbox.pod = make_pod(plan);
  // Before the first fork: whoever is made later stands where the launcher does.
  sandbox.cgroup = TRY(start_cgroup(plan.cgroup, plan.name));
  std::vector<sys::Fd> shared;  // asked for while ^C still ends the wait
  if (plan.join) shared = TRY(join_pod(plan, sandbox.pod, sandbox.cgroup));
  sandbox.shares_processes = plan.shares(plan::Namespace::pid);
  sandbox.signals = TRY(take_signals());
  sys::Fd engine;  // init's way to it
  if (plan.network.mode == plan::NetworkMode::user) {
    StartedEngine made = TRY(start_engine(plan.network));
    sandbox.engine = std::move(made.engine), engine = std::move(made.inside);
  }
  Prepared prepared = TRY(prepare(plan));
  sandbox.started = sys::monotonic_now();
  sandbox.timeout = plan.timeout, sandbox.kill_after = plan.kill_after;
  for (const int number : {0, 1, 2})
    sandbox.terminal[static_cast<std::size_t>(number)] = plan.command.terminal_for_all || sys::is_terminal(number);
  auto [ours, theirs] = TRY(sys::make_message_pair());
  sandbox.channel = std::move(ours);
  TRY(sys::set_dumpable(false));
  const bool in_cgroup = sandbox.cgroup.exists();
  const std::uint64_t flags = clone_flags(plan, in_cgroup);
  auto made = plan.join ? clone_inside(plan, shared, flags, sandbox.cgroup.entrance())
                        : sys::clone_process(flags, "new namespaces", sandbox.cgroup.entrance());
  if (!made) return std::unexpected<Error>(explain_clone(std::move(made).error(), sandbox.cgroup));
  sandbox.init = std::move(*made);
  if (sandbox.init.is_child()) {
    if (sandbox.state != nullptr) *sandbox.state = {};
    Luggage luggage{.channel = std::move(theirs), .engine = std::move(engine), .processes = {}, .first = {}};
    if (sandbox.shares_processes) luggage.processes = take_shared(plan, shared, plan::Namespace::pid), luggage.first = std::move(sandbox.pod.first);
    sandbox = {}, shared.clear();
    enter(plan, prepared, std::move(luggage), in_cgroup);
  }
  theirs.reset(), engine.reset();
  if (plan.named) sandbox.attend = attend_with(plan, std::move(prepared)), sandbox.admit = admit_with(plan);
  if (plan.identity.writer == plan::MapWriter::init || plan.identity.writer == plan::MapWriter::joined) return {};
  if (Result<> given = give_identity(plan.identity, sandbox); !given) {
    sandbox.channel.reset();
    TRY(sys::send_signal(sandbox.init.pidfd, SIGKILL));
    TRY(sys::wait_process(sandbox.init));
    return std::unexpected<Error>(std::move(given).error());
  }
  return {};
}

}  // namespace

Result<supervise::Sandbox> start(const plan::Plan& plan, supervise::State* state) {
  supervise::Sandbox sandbox;
  sandbox.state = state;
  Result<> done = start_steps(plan, sandbox);
  if (done) return sandbox;
  static_cast<void>(sandbox.cgroup.remove().has_value());  // what went wrong first is said; the next launch there sweeps
  return std::unexpected<Error>(std::move(done).error());
}

}  // namespace launch
