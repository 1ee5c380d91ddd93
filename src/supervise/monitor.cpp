// The launcher's loop while the sandbox runs: init's messages, the user's signals, the terminal, the clock, requests.
#include "supervise/monitor.h"

#include "supervise/exec_request.h"
#include "sys/failpoint.h"
#include "sys/socket.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/wait.h>

namespace supervise {

Result<> Monitor::tell(MessageKind kind, int number) {
  return sys::unless_gone(send(sandbox.channel, Message{.kind = kind, .number = number, .text = {}, .error = {}, .attached = {}}));
}

// Only where a shell or the terminal's user can wake us: the payload must not stop a script that runs sbx.
Result<> Monitor::stop_and_resume() {
  const bool is_job = asked_to_stop || (terminal && terminal->is_users());
  asked_to_stop = false;
  left_stopped = !is_job;
  if (!is_job) return {};
  if (terminal) TRY(terminal->release());
  TRY(sys::stop_own_group(SIGTSTP));
  if (terminal) TRY(terminal->reclaim());
  return tell(MessageKind::resume, 0);
}

namespace {

Result<> take_end(Outcome& outcome, const Message& message) {
  const int status = message.number;
  if (!message.text.empty() && message.text.size() != sizeof outcome.usage) return fail("damaged message from init");
  if (!message.text.empty()) std::memcpy(&outcome.usage, message.text.data(), sizeof outcome.usage);
  outcome.reason = WIFSIGNALED(status) ? Reason::signaled : Reason::exited;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return {};
}

}  // namespace

Result<> Monitor::take_running(Message message) {
  sandbox.running = true;
  sandbox.entrances = std::move(message.further);
  if (message.attached.valid()) sandbox.entrances.insert(sandbox.entrances.begin(), std::move(message.attached));
  if (message.number != 0 && !sandbox.entrances.empty()) {
    sys::Fd hosts = std::move(sandbox.entrances.back());
    sandbox.entrances.pop_back();
    TRY(give_hosts(std::move(hosts)));
  }
  TRY(lose_first());
  if (sandbox.state == nullptr) return {};
  sandbox.state->record.status = Status::running, sandbox.state->record.init = sandbox.init.pid;
  TRY(sandbox.state->write_record());
  return sandbox.tell_running ? sandbox.tell_running() : Result<>{};
}

Result<> Monitor::take(Message message) {
  switch (message.kind) {
    case MessageKind::terminal:
      terminal = TRY(Terminal::take(std::move(message.attached), sandbox.terminal, message.number != 0 ? message.number : sandbox.init.pid));
      return tell(MessageKind::terminal_ready, 0);
    case MessageKind::running:
      return take_running(std::move(message));
    case MessageKind::stopped:
      return stop_and_resume();
    case MessageKind::ended:
      if (!has_ended) TRY(take_end(outcome, message));
      has_ended = true;
      return {};
    case MessageKind::mask_lost:
      has_ended = true;
      outcome.reason = Reason::mask;
      outcome.error = Error{0, text("mask on ", printable(message.text), " was lost: the host replaced what it covered"),
                            "start again; --allow-degraded hide goes on without the mask"};
      return {};
    case MessageKind::failed:
      has_ended = true;
      outcome.reason = Reason::setup;
      if (!outcome.error) outcome.error = std::move(message.error);
      return {};
    default:
      return fail("unexpected message from init");
  }
}

Result<> Monitor::pass_signals() {
  while (const int signal = TRY(sys::read_signal(sandbox.signals))) {
    if (signal == SIGTSTP) asked_to_stop = true;
    if (signal == SIGWINCH && terminal) TRY(terminal->follow_window_size());
    else if (signal != SIGCONT) TRY(tell(MessageKind::signal, signal));
    // It takes its end only when it runs; and our SIGCONT is otherwise our own, after `fg`.
    if (is_paused() && (signal == SIGTERM || signal == SIGHUP)) TRY(set_paused(false));
    if (!left_stopped || (signal != SIGTERM && signal != SIGHUP && signal != SIGCONT)) continue;
    left_stopped = false;
    TRY(tell(MessageKind::signal, SIGCONT));
  }
  return {};
}

// A kill of the payload is no end of its own, so the reason stays. Who asks again may only shorten the wait.
Result<> Monitor::end_payload(milliseconds kill_after) {
  const std::chrono::nanoseconds last = sys::monotonic_now() + kill_after;
  deadline = stopping && deadline ? std::min(*deadline, last) : last;
  stopping = true;
  TRY(tell(MessageKind::signal, SIGTERM));
  TRY(tell(MessageKind::signal, SIGCONT));  // a stopped payload takes its TERM only now
  return is_paused() ? set_paused(false) : Result<>{};
}

Result<> Monitor::check_clock() {
  if (!deadline || sys::monotonic_now() < *deadline) return {};
  if (!stopping) {
    ending = Reason::timeout;
    return end_payload(sandbox.kill_after);
  }
  deadline.reset();
  // Whose namespace it is not, is not ended with init, which is to wait for the payload.
  return sandbox.shares_processes && sandbox.running ? tell(MessageKind::signal, SIGKILL) : sys::send_signal(sandbox.init.pidfd, SIGKILL);
}

// Before it was ready, init waits for it in vain. After that the payload would run on without what holds it to its
// rules, and with connections that answer no more.
Result<> Monitor::lose_engine() {
  engine_end = text("the network engine ", TRY(sandbox.engine.describe_end()));
  if (sandbox.engine.ready && stopping) return {};
  if (sandbox.engine.ready) {
    ending = Reason::engine;
    return end_payload(sandbox.kill_after);
  }
  has_ended = true;
  outcome.reason = Reason::setup;
  outcome.error = sandbox.engine.failure ? *sandbox.engine.failure : Error{0, engine_end, "sbx doctor tries it by itself"};
  return sys::send_signal(sandbox.init.pidfd, SIGKILL);
}

Result<> Monitor::take_engine_messages() {
  TRY(sandbox.engine.take_message());
  return sandbox.engine.ended ? lose_engine() : Result<>{};
}

// A sandbox whose host cannot be watched goes on with what was known at its start.
void Monitor::follow_host(bool changed) {
  const bool due = !following_tried && sandbox.engine.ready && sys::monotonic_now() - sandbox.started >= settle_time;
  if (sandbox.engine.ended || (!due && !changed)) return;
  following_tried = true;
  if (due) follower.emplace();
  const Result<> done = due ? follower->begin(sandbox.engine) : follower->follow(sandbox.engine);
  if (done) return;
  follower.reset();
  outcome.notes.push_back(text("changes of the host's network were not followed: ", done.error().message));
}

milliseconds Monitor::wait_at_most() const {
  milliseconds most = terminal ? terminal->next_look() : milliseconds(-1);
  const auto until = [&](std::chrono::nanoseconds moment) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(moment - sys::monotonic_now()), milliseconds(0));
    most = most.count() < 0 ? left : std::min(most, left);
  };
  if (deadline) until(*deadline);
  if (sandbox.engine.ready && !sandbox.engine.ended && !following_tried) until(sandbox.started + settle_time);
  return most;
}

// One turn of the loop. The channel is read to its end before init's own end counts: it holds the reason.
Result<> Monitor::turn() {
  const bool has_engine = sandbox.engine.exists() && !sandbox.engine.ended;
  std::vector<sys::Watch> watches{{channel_open ? sandbox.channel.get() : -1, POLLIN}, {sandbox.signals.get(), POLLIN},
                                  {has_engine ? sandbox.engine.control.get() : -1, POLLIN},
                                  {follower ? follower->watch().routes.get() : -1, POLLIN},
                                  {follower ? follower->watch().files.get() : -1, POLLIN},
                                  {log() != nullptr ? log()->source().get() : -1, POLLIN}};
  const std::size_t own = watches.size();
  if (sandbox.state != nullptr) watch_clients(watches);
  const std::size_t asked = watches.size();
  watch_pod(watches);
  const std::size_t shared = watches.size();
  const std::vector<sys::Watch> of_terminal = terminal ? terminal->watches() : std::vector<sys::Watch>{};
  watches.insert(watches.end(), of_terminal.begin(), of_terminal.end());
  const milliseconds limit = wait_at_most();
  const bool to_settle = !settled && (limit.count() < 0 || limit > settle_time);
  TRY(sys::wait_for_events(watches, to_settle ? settle_time : limit));
  if (to_settle && std::ranges::all_of(watches, [](const sys::Watch& watch) { return watch.happened == 0; })) {
    settled = true;
    sys::release_idle_memory();
  }
  if (watches[0].happened != 0) {
    std::optional<Message> message = TRY(receive(sandbox.channel));
    if (!message) channel_open = false;
    else TRY(take(std::move(*message)));
  }
  if (watches[1].happened != 0) TRY(pass_signals());
  if (watches[2].happened != 0 && !has_ended) TRY(take_engine_messages());
  if (has_engine) follow_host(watches[3].happened != 0 || watches[4].happened != 0);
  if (watches[5].happened != 0) TRY(log()->copy(sandbox.state->directory));
  const auto pod_watches = std::span<const sys::Watch>(watches).subspan(asked, shared - asked);
  if (asked > own) TRY(serve(std::span(watches).subspan(own, asked - own)));
  TRY(serve_pod(pod_watches));
  if (sandbox.running && !early.empty()) serve_early();  // not sooner: it makes clients that this turn has not watched
  if (watches.size() > shared) TRY(terminal->copy({watches.begin() + static_cast<std::ptrdiff_t>(shared), watches.end()}));
  return check_clock();
}

Result<> Monitor::run() {
  if (sandbox.timeout.count() > 0) deadline = sandbox.started + sandbox.timeout;
  while (!is_over()) TRY(turn());
  return {};
}

// What is counted is known only now. The engine then ends by itself: its namespaces take longer to go than the rest.
Result<> Monitor::take_network() {
  if (!sandbox.engine.exists()) return {};
  TRY(finish_engine(sandbox.engine));
  if (outcome.reason != Reason::setup) outcome.network = std::move(sandbox.engine.use);
  return {};
}

// A dead payload whose parent is gone before it waited for it would keep the other sandbox's namespace: init goes first.
Result<> Monitor::end_among_others() {
  sandbox.channel.reset();
  TRY(sys::wait_for_event(sandbox.init.pidfd.get(), POLLIN, std::chrono::seconds(1)));
  return sandbox.cgroup.end_all();
}

// The channel has ended, or the loop failed.
Result<> Monitor::finish(Result<> ran) {
  if (!sandbox.init.pidfd.valid()) {  // it is an attendant's, which ends its command when we are gone
    if (!ran || has_ended) return ran;
    outcome.reason = Reason::setup;
    if (TRY(sys::wait_for_event(sandbox.begun.get(), POLLIN, milliseconds(0))))  // else nobody took the request, or not to its end
      outcome.error = Error{0, "the sandbox ended, and the command with it", {}, exit_status::signal_base + SIGKILL};
    else outcome.error = ended_before_command();
    return {};
  }
  if (sandbox.shares_processes) TRY(end_among_others());
  // Whatever went wrong in the loop, the sandbox does not outlive it.
  if (!ran) TRY(sys::send_signal(sandbox.init.pidfd, SIGKILL));
  TRY(end_attendants());
  if (ran && has_ended && outcome.reason != Reason::setup && outcome.reason != Reason::mask) return {};
  const sys::Ended ended = TRY(sys::wait_process(sandbox.init));
  if (!ran) return ran;
  if (!has_ended && !ended.signaled) return fail("init ended without a word, with status ", ended.number);
  if (!has_ended) outcome.reason = Reason::signaled, outcome.signal = ended.number;
  return {};
}

namespace {

// When the first sandbox of a pod ends, the kernel kills all in its pid namespace, and only then does its launcher end.
Result<bool> first_has_ended(const Sandbox& sandbox, const Outcome& outcome) {
  constexpr milliseconds patience{300};
  if (!sandbox.shares_processes || outcome.reason != Reason::signaled || outcome.signal != SIGKILL) return false;
  return sandbox.pod.first.valid() ? sys::wait_for_event(sandbox.pod.first.get(), 0, patience) : Result<bool>(true);
}

Result<Outcome> wait_for_end(Sandbox& sandbox) {
  sys::failpoint_role("monitor");
  Monitor monitor{.sandbox = sandbox, .outcome = {}, .terminal = {}, .deadline = {}, .ending = {}, .engine_end = {}, .follower = {}};
  TRY(monitor.finish(monitor.run()));
  Outcome& outcome = monitor.outcome;
  if (!monitor.ending && TRY(first_has_ended(sandbox, outcome))) monitor.ending = Reason::joined;
  if (monitor.ending && outcome.reason != Reason::setup && outcome.reason != Reason::mask) outcome.reason = *monitor.ending;
  if (outcome.reason == Reason::engine)
    outcome.error = Error{0, monitor.engine_end + ", so the sandbox was ended", "start again; if it happens again, report it with --pcap FILE"};
  if (outcome.reason == Reason::joined)
    outcome.error = Error{0, text("the sandbox '", sandbox.pod.first_name, "' has ended, so this one, which shared its network, was ended"), {}};
  if (monitor.terminal) TRY(monitor.terminal->drain());
  if (monitor.terminal) TRY(monitor.terminal->release());
  TRY(monitor.take_network());
  if (monitor.log() != nullptr) TRY(monitor.log()->drain(sandbox.state->directory));
  if (monitor.log() != nullptr && monitor.log()->lost())
    outcome.notes.push_back(text("some of the output is not in the log: ", monitor.log()->lost()->message));
  outcome.wall = sys::monotonic_now() - sandbox.started;
  return std::move(outcome);
}

// Only a kill can be the kernel's for want of memory, and only its own count says that it was one.
void judge_memory(Outcome& outcome) {
  const bool killed = outcome.reason == Reason::signaled && outcome.signal == SIGKILL;
  if (!killed || !outcome.cgroup || outcome.cgroup->oom_kills.value_or(0) == 0) return;
  outcome.reason = Reason::oom;
  outcome.notes.push_back("killed for want of memory: what --memory or a control group further up allows was used up");
}

// The payload is gone, and with it what it could still use; init is on its way out of the group. A group that cannot be
// removed is no failure of what ran in it.
Result<> end_cgroup(Sandbox& sandbox, Outcome& outcome) {
  outcome.cgroup = TRY(sandbox.cgroup.read_usage());
  judge_memory(outcome);
  if (sandbox.cgroup.kind == CgroupKind::delegated) TRY(sys::wait_for_event(sandbox.init.pidfd.get(), POLLIN, std::chrono::seconds(1)));
  return {};
}

// Members whose launchers live see to theirs; one that was frozen when its launcher was killed holds our namespace.
Result<> end_members(const Sandbox& sandbox) {
  const auto shares = [](const Member& member) { return member.kill.valid(); };
  if (std::ranges::none_of(sandbox.pod.members, shares)) return {};
  if (TRY(sys::wait_for_event(sandbox.init.pidfd.get(), POLLIN, std::chrono::seconds(1)))) return {};
  for (const Member& member : sandbox.pod.members)
    if (shares(member)) TRY(member.end_group());
  return {};
}

}  // namespace

Result<Outcome> wait(Sandbox& sandbox) {
  Result<Outcome> ended = wait_for_end(sandbox);
  if (const Result<> members = end_members(sandbox); !members && ended)
    ended->notes.push_back(text("what one that joined has left was not ended: ", members.error().message));
  if (!sandbox.cgroup.exists()) return ended;
  const Result<> counted = ended ? end_cgroup(sandbox, *ended) : Result<>{};
  const Result<> removed = sandbox.cgroup.remove();
  if (!counted) return std::unexpected<Error>(counted.error());
  if (!removed && ended) ended->notes.push_back(text("the control group is left behind: ", removed.error().message));
  return ended;
}

}  // namespace supervise
