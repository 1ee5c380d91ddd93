// The launcher itself never enters: it would be in reach of whoever has power over that user namespace, and could not
// act on its control group or answer as the user any more. So it forks a process that enters by the descriptors it was
// given (no number and no name leads anywhere), and that makes init as the launcher's own child (CLONE_PARENT), with
// mounts and a pid namespace of its own, and ends.
// Both are undumpable from before they enter, and who is inside already cannot name them, being in another pid
// namespace, also where the command comes to be in theirs. Their memory belongs to the user namespace outside in which
// sbx was started (ptrace(2), PTRACE_MODE), so that even the rights of root inside would open nothing of it.
#include "launch/join.h"

#include "launch/admit.h"
#include "launch/enter.h"
#include "launch/joined.h"
#include "plan/join.h"
#include "profile/values.h"
#include "supervise/control.h"
#include "supervise/handshake.h"
#include "supervise/state.h"
#include "sys/failpoint.h"
#include "sys/file.h"
#include "sys/isolate.h"
#include "sys/socket.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

const char* value_of(const Host& host, std::string_view name) {
  const auto found = std::ranges::find(host.environment, name, [](const auto& each) { return std::string_view(each.first); });
  return found == host.environment.end() ? nullptr : found->second.c_str();
}

std::unexpected<Error> explain(Error error, const std::string& name) {
  error.message = text("join sandbox '", name, "': ", error.message);
  return std::unexpected<Error>(std::move(error));
}

Result<sys::Process> enter_and_clone(const plan::Plan& plan, const std::vector<sys::Fd>& shared, std::uint64_t flags, const sys::Fd& cgroup) {
  TRY(sys::set_parent_death_signal(SIGKILL));
  TRY(sys::set_process_name("sbx:join"));
  if (plan.cgroup.oom_score_adj != 0) {  // for init, which may not become dumpable inside
    TRY(sys::set_dumpable(true));
    const sys::Fd proc = TRY(sys::open_file("/proc", O_PATH | O_DIRECTORY));
    TRY(raise_oom_score(plan.cgroup.oom_score_adj, proc));
    TRY(sys::set_dumpable(false));
  }
  for (std::size_t i = 0; i < shared.size(); ++i) {
    if (plan.join->shared[i] == plan::Namespace::pid) continue;  // init itself stays outside
    TRY(sys::enter_namespace(shared[i], plan::namespace_names[plan.join->shared[i]]));
    // New capabilities may make dumpable what was not, as fs.suid_dumpable says (proc_sys_fs(5)).
    if (i == 0) TRY(sys::set_dumpable(false));
  }
  return sys::clone_process(flags | CLONE_PARENT, "new namespaces", cgroup);
}

[[noreturn]] void tell_and_exit(const sys::Fd& channel, Result<sys::Process> made) {
  Message message{.kind = MessageKind::failed, .number = 0, .text = {}, .error = {}, .attached = {}};
  if (made) message.kind = MessageKind::namespaces_ready, message.number = made->pid, message.attached = std::move(made->pidfd);
  else message.error = std::move(made).error();
  const Result<> sent = supervise::send(channel, message);  // else the launcher is gone, and init ends by that
  sys::exit_now(sent ? 0 : exit_status::setup_failed);
}

// Since Linux 5.14.
Result<sys::Fd> open_kill(const supervise::Cgroup& cgroup) {
  auto file = sys::open_at(cgroup.directory, "cgroup.kill", O_WRONLY);
  if (!file && file.error().code == ENOENT)
    return fail_hint("share the rest: --join NAME:ipc,uts", "processes can be shared from Linux 5.14 on: the control group ", printable(cgroup.path), " has no cgroup.kill");
  return file;
}

}  // namespace

Result<> probe_joined(Host& host, const profile::Profile& profile) {
  if (!plan::wants_join(profile)) return {};
  const profile::Join asked = TRY(profile::parse_join(profile.join->value));
  const std::string sandboxes = TRY(supervise::sandboxes_directory(value_of(host, "XDG_STATE_HOME"), value_of(host, "HOME")));
  const sys::Fd connection = TRY(supervise::connect_to(sandboxes, asked.name));
  auto reply = supervise::ask(connection, {.kind = supervise::RequestKind::join, .number = 0, .words = {}, .attached = {}});
  if (!reply) return explain(std::move(reply).error(), asked.name);
  if (reply->words.size() != 1) return fail("damaged description of sandbox '", asked.name, "'");
  host.joined = TRY(decode_joined(reply->words[0]));
  host.joined->sandboxes = sandboxes;
  return {};
}

Result<std::vector<sys::Fd>> join_pod(const plan::Plan& plan, supervise::Pod& pod, const supervise::Cgroup& cgroup) {
  const plan::Join& join = *plan.join;
  pod.first_name = join.name;
  pod.first = TRY(supervise::connect_to(join.sandboxes, join.name));
  supervise::Request request{.kind = supervise::RequestKind::join, .number = kinds_to_bits(join.shared),
                             .words = {join.instance, plan.hostname}, .attached = {}};
  for (std::string& name : plan::names_among_fellows(plan)) request.words.push_back(std::move(name));
  if (plan.shares(plan::Namespace::pid)) request.attached.push_back(TRY(open_kill(cgroup)));
  auto reply = supervise::ask(pod.first, request);
  if (!reply) return explain(std::move(reply).error(), join.name);
  if (reply->attached.size() != join.shared.size()) return fail("sandbox '", join.name, "' has not what is to be shared with it");
  return std::move(reply->attached);
}

sys::Fd take_shared(const plan::Plan& plan, std::vector<sys::Fd>& shared, plan::Namespace kind) {
  const auto at = std::ranges::find(plan.join->shared, kind);
  return std::move(shared[static_cast<std::size_t>(at - plan.join->shared.begin())]);
}

Result<sys::Process> clone_inside(const plan::Plan& plan, const std::vector<sys::Fd>& shared, std::uint64_t flags, const sys::Fd& cgroup) {
  auto [ours, theirs] = TRY(sys::make_message_pair());
  const sys::Process helper = TRY(sys::clone_process(0, "the process that joins"));
  if (helper.is_child()) {
    sys::failpoint_role("join");
    ours.reset();
    auto made = enter_and_clone(plan, shared, flags, cgroup);
    if (made && made->is_child()) return made;
    tell_and_exit(theirs, std::move(made));
  }
  theirs.reset();
  auto message = supervise::receive(ours);
  TRY(sys::wait_process(helper));
  if (!message) return std::unexpected<Error>(std::move(message).error());
  if (!*message) return fail("the process that joins ended without a word");
  if ((*message)->kind == MessageKind::failed) return explain(std::move((*message)->error), plan.join->name);
  if ((*message)->kind != MessageKind::namespaces_ready || !(*message)->attached.valid()) return fail("unexpected message from the process that joins");
  return sys::Process{(*message)->number, std::move((*message)->attached)};
}

}  // namespace launch
