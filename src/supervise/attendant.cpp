// The loop of an attendant.
#include "supervise/attendant.h"

#include "supervise/handshake.h"
#include "sys/file.h"
#include "sys/process.h"

#include <array>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>

namespace supervise {

namespace {

// How long the end of a sandbox may follow that of its processes.
constexpr std::chrono::milliseconds end_time{100};

Message make_message(MessageKind kind, int number) {
  return {.kind = kind, .number = number, .text = {}, .error = {}, .attached = {}};
}

Result<> fail_to(const Attendant& attendant, Error error) {
  Message message = make_message(MessageKind::failed, 0);
  message.error = std::move(error);
  return send(attendant.channel, message);
}

Result<> tell_end(const Attendant& attendant, int status) {
  std::optional<Error> complaint = TRY(attendant.complaints.take());
  if (complaint) return fail_to(attendant, *std::move(complaint));
  // SIGKILL for all in it is also how a sandbox ends, and the client knows what that means.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && TRY(sys::wait_for_event(attendant.sandbox.get(), POLLIN, end_time))) return {};
  return send(attendant.channel, make_message(MessageKind::ended, status));
}

Result<> reap(const Attendant& attendant, bool& ended) {
  while (!ended) {
    const sys::ChildEvent event = TRY(sys::next_child_event());
    if (event.pid == 0) return {};
    if (event.pid != attendant.command || WIFCONTINUED(event.status)) continue;
    ended = !WIFSTOPPED(event.status);
    if (ended) return tell_end(attendant, event.status);
    TRY(send(attendant.channel, make_message(MessageKind::stopped, WSTOPSIG(event.status))));
  }
  return {};
}

Result<> watch_over(const Attendant& attendant, bool& ended) {
  std::array<sys::Watch, 2> watches{{{attendant.channel.get(), POLLIN}, {attendant.signals.get(), POLLIN}}};
  TRY(keep_signalling_only());
  while (!ended) {
    TRY(sys::wait_for_events(watches, std::chrono::milliseconds(-1)));
    if (watches[0].happened != 0 && TRY(obey(attendant.channel, attendant.command))) return {};
    if (watches[1].happened == 0) continue;
    while (TRY(sys::read_signal(attendant.signals)) != 0) {}
    TRY(reap(attendant, ended));
  }
  return {};
}

}  // namespace

Result<> run_attendant(const Attendant& attendant) {
  bool ended = false;
  Result<> done = watch_over(attendant, ended);
  if (ended) return done;
  TRY(sys::send_signal_to(-attendant.command, SIGKILL));
  TRY(sys::send_signal_to(attendant.command, SIGKILL));  // before it leads a group of its own
  TRY(sys::wait_process({.pid = attendant.command, .pidfd = {}}));
  return done;
}

}  // namespace supervise
