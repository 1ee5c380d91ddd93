// Both sides' turns in the monitor.
#include "supervise/pod.h"

#include "supervise/monitor.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>

namespace supervise {

namespace {

constexpr std::size_t most_host_name = 64;  // of Linux (uname(2))
constexpr std::size_t most_names = 2;       // --name and --hostname

// Not those of an unnamed one twice.
void add_names(std::vector<std::string>& out, const Member& member) {
  for (const std::string& name : member.names)
    if (std::ranges::find(out, name) == out.end()) out.push_back(name);
}

}  // namespace

std::vector<std::string> Pod::names() const {
  std::vector<std::string> out;
  add_names(out, self);
  for (const Member& member : members) add_names(out, member);
  return out;
}

Result<> Pod::tell_names() const {
  const auto tell = [&](const Member& member) -> Result<> {
    if (!member.hosts.valid()) return {};
    std::vector<std::string> fellows = names();
    std::erase_if(fellows, [&](const std::string& name) { return name == member.hostname || std::ranges::find(member.names, name) != member.names.end(); });
    return sys::rewrite_file(member.hosts, "/etc/hosts inside", hosts_text(member.hostname, fellows));
  };
  Result<> first_failure = tell(self);
  for (const Member& member : members)
    if (Result<> told = tell(member); !told && first_failure) first_failure = std::move(told);
  return first_failure;
}

Result<> Member::end_group() const {
  Result<> ended = sys::write_all(kill.get(), "cgroup.kill", "1");
  return !ended && ended.error().code == ENODEV ? Result<>{} : ended;
}

Result<Member> decode_member(const std::vector<std::string>& words) {
  if (words.size() < 2 || words.size() > 2 + most_names) return fail("damaged request to join");
  for (std::size_t i = 1; i < words.size(); ++i)
    if (!is_plain_name(words[i], most_host_name)) return fail("'", printable(words[i]), "' is not the name of a sandbox or host");
  return Member{.connection = {}, .hostname = words[1], .names = {words.begin() + 2, words.end()}, .hosts = {}};
}

// The reply goes out here, because what follows on the connection is a member's.
Result<Reply> Monitor::admit(Request& request, sys::Fd& client) {
  if (stopping || is_over()) return fail("the sandbox is ending");
  if (!sandbox.admit) return fail("the sandbox cannot be joined");
  Reply reply = TRY(sandbox.admit(sandbox, request));
  if (request.number == 0) return reply;
  Member member = TRY(decode_member(request.words));
  if (sandbox.pod.members.size() >= most_members) return fail("so many have joined already: ", most_members);
  TRY(send(client, reply));
  if (!request.attached.empty()) member.kill = std::move(request.attached.front());
  member.connection = std::move(client);
  sandbox.pod.members.push_back(std::move(member));
  tell_names();
  return Reply{};
}

// Who shares the network can use it without names, too.
void Monitor::tell_names() {
  const Result<> told = sandbox.pod.tell_names();
  if (!told && names_are_told) outcome.notes.push_back(text("the names of those who share the network are not up to date: ", told.error().message));
  names_are_told = told.has_value();
}

// In the order in which they are watched.
void Monitor::watch_pod(std::vector<sys::Watch>& watches) const {
  watches.push_back({sandbox.pod.first.get(), POLLIN});
  for (const Member& member : sandbox.pod.members) watches.push_back({member.connection.get(), POLLIN});
}

Result<> Monitor::serve_pod(std::span<const sys::Watch> happened) {
  std::vector<Member>& members = sandbox.pod.members;
  for (std::size_t i = 1; i < happened.size(); ++i)
    if (happened[i].happened != 0) serve_member(members[i - 1]);
  for (const Member& member : members)
    if (!member.connection.valid() && member.kill.valid()) end_left_by(member);
  if (std::erase_if(members, [](const Member& member) { return !member.connection.valid(); }) > 0) tell_names();
  return happened[0].happened != 0 ? hear_first() : Result<>{};
}

// Whatever is wrong with a member, the sandbox goes on.
void Monitor::serve_member(Member& member) {
  auto request = receive_request(member.connection);
  if (!request || !*request) return member.connection.reset();
  Reply reply;
  if ((*request)->kind == RequestKind::hosts && (*request)->attached.size() == 1) {
    member.hosts = std::move((*request)->attached.front());
    tell_names();
  } else {
    reply.error = Error{0, "unexpected request from a sandbox that has joined", {}};
  }
  if (!send(member.connection, reply)) member.connection.reset();
}

// Its launcher may have been killed before it could.
void Monitor::end_left_by(const Member& member) {
  if (const Result<> ended = member.end_group(); !ended)
    outcome.notes.push_back(text("what one that joined has left was not ended: ", ended.error().message));
}

Result<> Monitor::give_hosts(sys::Fd hosts) {
  sandbox.pod.self.hosts = std::move(hosts);
  if (!sandbox.pod.first.valid()) return {};
  Request request{.kind = RequestKind::hosts, .number = 0, .words = {}, .attached = {}};
  request.attached.push_back(std::move(sandbox.pod.self.hosts));
  return hand_over(sandbox.pod.first, request);
}

Result<> Monitor::hear_first() {
  auto reply = receive_reply(sandbox.pod.first);
  if (reply && *reply) {
    if ((*reply)->error) outcome.notes.push_back(text("the names of those who share the network are not known inside: ", (*reply)->error->message));
    return {};
  }
  if (!reply) return std::unexpected<Error>(std::move(reply).error());
  sandbox.pod.first.reset();
  return has_ended ? Result<>{} : lose_first();
}

// What is ending already needs no other reason. Init may have started the command and not said so yet: then this is
// asked again when it does.
Result<> Monitor::lose_first() {
  if (!sandbox.running || stopping || sandbox.pod.first_name.empty() || sandbox.pod.first.valid()) return {};
  ending = Reason::joined;
  return end_payload(sandbox.kill_after);
}

}  // namespace supervise
