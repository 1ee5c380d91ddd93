// The steps of init, in the only order that works: ids before mounts (a mount belongs to whoever makes it),
// undumpable before the first thing a neighbour could read, everything from the host's /proc before the pivot.
#include "launch/enter.h"

#include "launch/attend.h"
#include "launch/command.h"
#include "launch/idmap.h"
#include "launch/mounts.h"
#include "launch/network.h"
#include "supervise/handshake.h"
#include "supervise/init.h"
#include "sys/failpoint.h"
#include "sys/file.h"
#include "sys/isolate.h"
#include "sys/mount.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/socket.h"
#include "sys/terminal.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

Message make_message(MessageKind kind) { return {.kind = kind, .number = 0, .text = {}, .error = {}, .attached = {}}; }

Result<> check_launcher_lives(const sys::Fd& channel) {
  if (TRY(sys::wait_for_event(channel.get(), 0, std::chrono::milliseconds(0)))) return fail("the launcher is gone");  // POLLHUP is always told
  return {};
}

Result<> write_maps(const plan::Plan& plan, const sys::Fd& channel, const sys::Fd& proc) {
  const plan::Identity& identity = plan.identity;
  if (identity.writer == plan::MapWriter::joined) return {};
  // /proc/PID belongs to root while the process is undumpable, and the maps could not be written (proc(5)).
  TRY(sys::set_dumpable(true));
  if (plan.cgroup.oom_score_adj != 0) TRY(raise_oom_score(plan.cgroup.oom_score_adj, proc));
  if (identity.writer == plan::MapWriter::init) return write_own_maps(identity, proc);
  TRY(supervise::send(channel, make_message(MessageKind::namespaces_ready)));
  return supervise::receive_answer(channel, MessageKind::identity_ready);
}

Result<> take_identity(const plan::Plan& plan, const sys::Fd& channel, const sys::Fd& proc) {
  const plan::Identity& identity = plan.identity;
  TRY(write_maps(plan, channel, proc));
  if (identity.drop_groups) TRY(sys::clear_groups());
  if (identity.switch_ids) TRY(sys::set_ids(identity.uid, identity.gid));
  TRY(sys::set_dumpable(false));
  // After the ids: changing them clears it (PR_SET_PDEATHSIG(2const)).
  TRY(sys::set_parent_death_signal(SIGKILL));
  return check_launcher_lives(channel);
}

std::string timens_line(const char* clock, std::chrono::milliseconds offset) {
  std::int64_t seconds = offset.count() / 1000, rest = offset.count() % 1000;
  if (rest < 0) seconds -= 1, rest += 1000;
  return text(clock, " ", seconds, " ", rest * 1'000'000, "\n");
}

// The caller goes there, too, and not only its children (time_namespaces(7)): before 6.3 a child in another time
// namespace cannot share its parent's memory, and the payload begins so.
Result<> set_time_offsets(const plan::TimeOffsets& time, const sys::Fd& proc) {
  TRY(sys::enter_new_time_namespace());
  const std::string lines = timens_line("monotonic", time.monotonic) + timens_line("boottime", time.boottime);
  // /proc/self is root's while we are undumpable (proc(5)); nothing else is in the sandbox yet.
  TRY(sys::set_dumpable(true));
  const sys::Fd file = TRY(sys::open_at(proc, "self/timens_offsets", O_WRONLY));
  TRY(sys::write_all(file.get(), "/proc/self/timens_offsets", lines));
  const sys::Fd space = TRY(sys::open_at(proc, "self/ns/time_for_children", O_RDONLY));
  TRY(sys::enter_namespace(space, "time"));
  return sys::set_dumpable(false);
}

// The first of two locks on nested user namespaces; the other is in the seccomp filter.
Result<> forbid_nested_userns(const sys::Fd& limit) {
  return sys::write_all(limit.get(), "/proc/sys/user/max_user_namespaces", "0");
}

// Through the host's /dev and /proc, which the new root has not.
Result<> enter_network(const plan::Plan& plan, const sys::Fd& proc, const sys::Fd& engine) {
  if (!engine.valid()) return plan.network.mode == plan::NetworkMode::none ? start_loopback() : Result<>{};
  sys::Fd tap = TRY(make_network(plan.network));
  TRY(adjust_network(plan.identity, proc));
  return give_tap(engine, std::move(tap));
}

// By a child, which is in the pid namespace that we have entered for our children: a procfs shows its maker's. Whoever
// is inside may stop it, so there is an end to the wait.
Result<sys::Fd> make_proc_inside(const sys::Fd& channel) {
  constexpr std::chrono::milliseconds patience{5000};
  auto [ours, theirs] = TRY(sys::make_message_pair());
  const sys::Process child = TRY(sys::clone_process(0, "a process that mounts proc"));
  if (child.is_child()) {
    sys::failpoint_role("proc");
    auto made = make_proc();
    Message message = make_message(made ? MessageKind::namespaces_ready : MessageKind::failed);
    if (made) message.attached = *std::move(made);
    else message.error = std::move(made).error();
    const Result<> sent = supervise::send(theirs, message);  // else init is gone
    sys::exit_now(sent ? 0 : exit_status::setup_failed);
  }
  theirs.reset();
  std::array<sys::Watch, 2> watches{{{ours.get(), POLLIN}, {channel.get(), 0}}};
  TRY(sys::wait_for_events(watches, patience));
  TRY(sys::send_signal(child.pidfd, SIGKILL));
  TRY(sys::wait_process(child));
  constexpr const char* way_out = "somebody inside stops or kills what comes; share the rest: --join NAME:ipc,uts";
  if (watches[0].happened == 0) return fail_hint(way_out, "what mounts /proc was held up in the pid namespace that is joined");
  std::optional<Message> message = TRY(supervise::receive(ours));
  if (!message) return fail_hint(way_out, "what mounts /proc was killed in the pid namespace that is joined");
  if (message->kind == MessageKind::failed) return std::unexpected<Error>(std::move(message->error));
  if (!message->attached.valid()) return fail("unexpected message from the process that mounts proc");
  return std::move(message->attached);
}

// The /etc/hosts that is written while the sandbox runs.
Result<sys::Fd> take_root(const plan::Plan& plan, const sys::Fd& proc, std::vector<Layers> layers, bool in_cgroup, supervise::Init& init) {
  sys::Fd shared_proc;
  if (plan.shares(plan::Namespace::pid)) shared_proc = TRY(make_proc_inside(init.channel));
  BuiltRoot built = TRY(build_root(plan.mounts, std::move(layers), std::move(shared_proc), in_cgroup));
  if (!plan.privileges.nested_userns && !plan.shares(plan::Namespace::user)) TRY(forbid_nested_userns(built.userns_limit));
  TRY(sys::pivot_to(built.root));
  init.masks = std::move(built.watched);
  init.moves = std::move(built.moves), init.move_numbers = std::move(built.move_numbers);
  // Through the host's /proc, held since before the pivot; opened now, because it shows what its opener's root shows.
  if (!init.masks.empty()) init.mountinfo = TRY(sys::open_at(proc, "self/mountinfo", O_RDONLY));
  return std::move(built.live);
}

// The slave side, after the launcher has the master and has set the size.
Result<sys::Fd> take_terminal(const sys::Fd& channel) {
  const sys::Fd devpts = TRY(sys::open_file("/dev/pts", O_RDONLY | O_DIRECTORY));
  sys::Pty pty = TRY(sys::open_pty(devpts));
  Message message = make_message(MessageKind::terminal);
  message.attached = std::move(pty.master);
  TRY(supervise::send(channel, message));
  TRY(supervise::receive_answer(channel, MessageKind::terminal_ready));
  TRY(sys::make_controlling_terminal(pty.slave));
  return std::move(pty.slave);
}

[[noreturn]] void report_and_exit(const sys::Fd& channel, Error error) {
  Message message = make_message(MessageKind::failed);
  const int status = error.status;
  message.error = std::move(error);
  // When even this fails the launcher is gone, and so is whoever could read it.
  const Result<> sent = supervise::send(channel, message);
  sys::exit_now(sent ? status : exit_status::setup_failed);
}

struct Payload {
  const plan::Plan& plan;
  const Prepared& prepared;
  const sys::Fd& channel;
  const sys::Fd& terminal;
};

void start_payload(void* argument) {
  sys::failpoint_role("payload");
  const auto* payload = static_cast<Payload*>(argument);
  report_and_exit(payload->channel, run_payload(payload->plan, payload->plan.command, payload->prepared, payload->terminal));
}

// Where its neighbours are others' processes, it starts as what comes later does.
Result<> start(const plan::Plan& plan, const Prepared& prepared, const sys::Fd& terminal, supervise::Init& init) {
  if (plan.shares(plan::Namespace::pid)) {
    StartedCommand started = TRY(start_command(plan, prepared, plan.command, init.channel, terminal));
    init.payload = started.pid, init.complaints = std::move(started.complaints);
    return sys::set_parent_death_signal(0);  // the launcher's end is heard on the channel
  }
  Payload payload{.plan = plan, .prepared = prepared, .channel = init.channel, .terminal = terminal};
  init.payload = TRY(sys::run_until_exec(start_payload, &payload, "start the payload"));
  return {};
}

[[noreturn]] void enter_steps(const plan::Plan& plan, const Prepared& prepared, Luggage luggage, bool in_cgroup) {
  supervise::Init init{.payload = 0, .channel = std::move(luggage.channel), .signals = {}, .mountinfo = {}, .masks = {}, .moves = {},
                       .move_numbers = {}, .complaints = {}};
  sys::Fd engine = std::move(luggage.engine), processes = std::move(luggage.processes);
  const auto steps = [&]() -> Result<> {
    // Nothing of the launcher's is held open in here, such as the standard error of one that detached.
    std::vector<int> kept{0, 1, 2, init.channel.get()};
    for (const sys::Fd* each : {&engine, &processes, &luggage.first})
      if (each->valid()) kept.push_back(each->get());
    TRY(sys::close_all_except(kept));
    sys::set_file_mask(0);
    sys::Fd proc = TRY(sys::open_file("/proc", O_PATH | O_DIRECTORY));
    std::vector<Layers> layers = TRY(open_layers(plan.mounts));
    TRY(take_identity(plan, init.channel, proc));
    if (in_cgroup) TRY(sys::enter_new_namespaces(CLONE_NEWCGROUP, "a cgroup namespace"));
    TRY(sys::set_process_name("sbx:init"));
    TRY(sys::new_session());
    if (!plan.shares(plan::Namespace::uts)) TRY(sys::set_hostname(plan.hostname));
    if (plan.has(plan::Namespace::time)) TRY(set_time_offsets(plan.time, proc));
    if (processes.valid()) TRY(sys::enter_namespace(processes, plan::namespace_names[plan::Namespace::pid]));
    processes.reset();
    TRY(enter_network(plan, proc, engine));
    sys::Fd hosts = TRY(take_root(plan, proc, std::move(layers), in_cgroup, init));
    Message running = make_message(MessageKind::running);
    std::vector<sys::Fd> handed_out;
    if (plan.named) handed_out = TRY(open_entrances(plan, proc));
    running.number = hosts.valid();
    if (hosts.valid()) handed_out.push_back(std::move(hosts));
    proc.reset();
    init.signals = TRY(sys::block_signals(std::array{SIGCHLD}));
    sys::Fd terminal;
    if (plan.command.terminal) terminal = TRY(take_terminal(init.channel));
    if (engine.valid()) TRY(wait_for_engine(engine));
    engine.reset();
    TRY(start(plan, prepared, terminal, init));
    terminal.reset();
    sys::failpoint_role("init-running");
    if (plan.named || plan.join) TRY(supervise::send(init.channel, running, handed_out));
    handed_out.clear();
    return supervise::keep_signalling_only();
  };
  Result<> done = steps();
  if (done) done = supervise::run_init(init);
  // No process is made any more in a pid namespace whose first is gone (pid_namespaces(7)).
  if (!done && done.error().code == ENOMEM && plan.shares(plan::Namespace::pid))
    done = fail("the sandbox '", plan.join->name, "' has ended, and its pid namespace with it");
  const Result<> ended = supervise::end_among_others(init);
  if (done) done = ended;
  if (!done) report_and_exit(init.channel, std::move(done).error());
  sys::exit_now(0);
}

}  // namespace

Result<> raise_oom_score(int adjustment, const sys::Fd& proc) {
  const sys::Fd file = TRY(sys::open_at(proc, "self/oom_score_adj", O_WRONLY));
  return sys::write_all(file.get(), "/proc/self/oom_score_adj", text(adjustment));
}

void enter(const plan::Plan& plan, const Prepared& prepared, Luggage luggage, bool in_cgroup) {
  sys::failpoint_role("init");
  // Whatever happens from here on, leaving ends the pid namespace and all in it (or the payload, where it is shared).
  enter_steps(plan, prepared, std::move(luggage), in_cgroup);
}

}  // namespace launch
