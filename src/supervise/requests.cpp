// The monitor's answers to control.h. Whatever a client does, the sandbox goes on: what it sent wrongly is its error,
// and a client that went away is forgotten.
#include "supervise/exec_request.h"
#include "supervise/monitor.h"
#include "sys/file.h"
#include "sys/socket.h"
#include "sys/user.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>

namespace supervise {

namespace {

constexpr std::size_t most_clients = 64;  // more of them wait in the socket's queue

// A sandbox that sees its user's home may reach the socket too, with the user's own id; but not their user namespace.
Result<> check_peer(const sys::Fd& connection, std::optional<std::string>& own) {
  const sys::Peer peer = TRY(sys::peer_of(connection));
  const std::string namespaces = text("/proc/", peer.pid, "/ns/user");
  if (!own) own = TRY(sys::read_link("/proc/self/ns/user"));
  const auto theirs = peer.pid > 0 ? sys::read_link(namespaces) : Result<std::optional<std::string>>(std::nullopt);
  const bool is_user = peer.uid == sys::caller_uid() || peer.uid == 0;
  if (is_user && theirs && *theirs && *theirs == own) return {};
  return fail_hint("ask as the user who started the sandbox, and outside of any", "the sandbox does not answer to this process");
}

Result<> check_signal(int number) {
  if (number > 0 && number <= SIGRTMAX) return {};
  return fail("no signal has the number ", number);
}

// What limits there are, and nothing that says who is in the group or whether it lives.
bool is_limit(std::string_view file) {
  constexpr std::array<std::string_view, 5> controllers{"cpu.", "cpuset.", "io.", "memory.", "pids."};
  return !file.contains('/') && std::ranges::any_of(controllers, [&](std::string_view each) { return file.starts_with(each); });
}

// A command is to run in it.
bool needs_all(const Request& request) { return request.kind == RequestKind::exec || request.kind == RequestKind::join; }

// How it ended is what it told its client.
Result<> forget(sys::Process& attendant) {
  TRY(sys::wait_process(attendant));
  attendant.pidfd.reset();
  return {};
}

}  // namespace

void Monitor::watch_clients(std::vector<sys::Watch>& watches) const {
  const bool has_room = sandbox.state->clients.size() + early.size() < most_clients;
  watches.push_back({has_room ? sandbox.state->control.get() : -1, POLLIN});
  for (const sys::Fd& client : sandbox.state->clients) watches.push_back({client.get(), POLLIN});
  for (const sys::Process& attendant : sandbox.attendants) watches.push_back({attendant.pidfd.get(), POLLIN});
}

Result<> Monitor::serve(std::span<const sys::Watch> happened) {
  std::vector<sys::Fd>& clients = sandbox.state->clients;
  const auto of_attendants = happened.subspan(1 + clients.size());
  for (std::size_t i = 0; i < of_attendants.size(); ++i)
    if (of_attendants[i].happened != 0) TRY(forget(sandbox.attendants[i]));
  std::erase_if(sandbox.attendants, [](const sys::Process& attendant) { return !attendant.pidfd.valid(); });
  for (std::size_t i = 0; i < clients.size(); ++i)
    if (happened[1 + i].happened != 0) TRY(serve_client(clients[i]));
  std::erase_if(clients, [](const sys::Fd& client) { return !client.valid(); });
  if (happened[0].happened == 0) return {};
  std::optional<sys::Fd> connection = TRY(sys::accept_connection(sandbox.state->control));
  if (!connection) return {};
  if (const Result<> allowed = check_peer(*connection, own_namespace); !allowed) {
    // The answer is a courtesy; it may be gone.
    static_cast<void>(send(*connection, Reply{.error = allowed.error(), .words = {}, .attached = {}}).has_value());
    return {};
  }
  // Mostly it has asked by now.
  if (TRY(sys::wait_for_event(connection->get(), POLLIN, milliseconds(0)))) TRY(serve_client(*connection));
  if (connection->valid()) clients.push_back(*std::move(connection));
  return {};
}

// With init the kernel ends the commands that came later too, once attendants have waited for theirs. So an attendant is
// left the time for that, and killed only when it does not come to it.
Result<> Monitor::end_attendants() {
  for (sys::Process& attendant : sandbox.attendants) {
    if (!TRY(sys::wait_for_event(attendant.pidfd.get(), POLLIN, std::chrono::seconds(1)))) TRY(sys::send_signal(attendant.pidfd, SIGKILL));
    TRY(forget(attendant));
  }
  sandbox.attendants.clear();
  return {};
}

Result<> Monitor::serve_client(sys::Fd& client) {
  auto request = receive_request(client);
  if (request && !*request) {
    client.reset();
    return {};
  }
  if (request && needs_all(**request) && !sandbox.running) {
    early.emplace_back(std::move(**request), std::move(client));
    return {};
  }
  Result<Reply> done = request ? answer(**request, client) : Result<Reply>(std::unexpected<Error>(request.error()));
  reply_to(client, std::move(done));
  return {};
}

// What was asked before its command ran.
void Monitor::serve_early() {
  for (auto& [request, client] : std::exchange(early, {})) {
    Result<Reply> done = answer(request, client);
    reply_to(client, std::move(done));
    if (client.valid()) sandbox.state->clients.push_back(std::move(client));
  }
}

// Into a client that is not valid somebody else speaks by now.
void Monitor::reply_to(sys::Fd& client, Result<Reply> done) {
  if (!client.valid()) return;
  Reply reply;
  if (done) reply = *std::move(done);
  else reply.error = std::move(done).error();
  if (!send(client, reply)) client.reset();
}

Result<Reply> Monitor::answer(Request& request, sys::Fd& client) {
  if (needs_all(request) && is_paused()) return fail_hint("let it go on first: sbx resume", "the sandbox is paused");
  switch (request.kind) {
    case RequestKind::stop:
      TRY(end_payload(request.number < 0 ? sandbox.kill_after : milliseconds(request.number)));
      return Reply{};
    case RequestKind::signal:
      TRY(check_signal(request.number));
      if (request.number == SIGKILL && is_paused()) TRY(kill_paused());
      else TRY(tell(MessageKind::signal, request.number));
      return Reply{};
    case RequestKind::exec:
      if (is_over()) return std::unexpected(ended_before_command());
      if (sandbox.attend) return sandbox.attend(sandbox, request, client);
      break;
    case RequestKind::pause:
    case RequestKind::resume:
      TRY(set_paused(request.kind == RequestKind::pause));
      return Reply{};
    case RequestKind::update:
      TRY(update(request.words));
      return Reply{};
    case RequestKind::join:
      return admit(request, client);
    case RequestKind::hosts:
    case RequestKind::count_:
      break;
  }
  return fail("the sandbox does not take such requests");
}

Result<> Monitor::set_paused(bool paused) {
  if (!sandbox.running) return fail_hint("try again", "it is not yet running");
  if (!sandbox.cgroup.exists())
    return fail_hint("it was started where no control group is delegated; sbx doctor says what helps", "it has no control group to be frozen in");
  if (paused == is_paused()) return fail(paused ? "it is already paused" : "it is not paused");
  TRY(sandbox.cgroup.freeze(paused));
  sandbox.state->record.status = paused ? Status::paused : Status::running;
  return sandbox.state->write_record();
}

// Init, who passes on signals, is frozen too, and so are attendants, without whom its namespace does not end: they are
// to wait for their commands. So it ends frozen as it is, which takes all in it along, and what goes on is the rest.
Result<> Monitor::kill_paused() {
  if (sandbox.shares_processes) {  // init waits for the payload, whatever ends the rest
    TRY(set_paused(false));
    return tell(MessageKind::signal, SIGKILL);
  }
  TRY(sys::send_signal(sandbox.init.pidfd, SIGKILL));
  return set_paused(false);
}

Result<> Monitor::update(const std::vector<std::string>& words) const {
  if (!sandbox.cgroup.exists())
    return fail_hint("it was started where no control group is delegated; sbx doctor says what helps", "it has no control group to be limited in");
  for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
    if (!is_limit(words[i])) return fail("'", printable(words[i]), "' is not a limit");
    auto written = sandbox.cgroup.write(words[i], words[i + 1]);
    if (written) continue;
    const bool missing = written.error().code == ENOENT;
    if (missing && words[i + 2] == "welcome") continue;
    if (missing) return fail_hint("sbx doctor prints what delegates its controller", "its control group has no ", printable(words[i]));
    return written;
  }
  return {};
}

}  // namespace supervise