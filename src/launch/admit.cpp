// What is handed out are the descriptors that init opened before anybody else was inside, and of them only those of the
// kinds that can be shared: never the mounts. Who gets them is a process of the same user outside of any sandbox
// (supervise/requests.cpp asks), which could start one of its own just as well.
#include "launch/admit.h"

#include "launch/joined.h"
#include "plan/join.h"
#include "plan/network.h"
#include "sys/process.h"

#include <algorithm>
#include <array>

namespace launch {

namespace {

constexpr std::array shareable{plan::Namespace::user, plan::Namespace::pid, plan::Namespace::net, plan::Namespace::ipc, plan::Namespace::uts};

std::string instance_of(const supervise::Sandbox& sandbox) { return text(sandbox.state->record.started); }

Joined describe(const plan::Plan& plan, const supervise::Sandbox& sandbox) {
  Joined joined;
  joined.instance = instance_of(sandbox), joined.identity = plan.identity, joined.hostname = plan.hostname;
  joined.nested_userns = plan.privileges.nested_userns;
  joined.mode = plan.network.mode, joined.addressing = plan.network.config.addressing, joined.ipv6 = plan.network.ipv6;
  joined.names = sandbox.pod.names();
  if (plan.join) joined.joins = plan.join->name;
  return joined;
}

}  // namespace

int kinds_to_bits(const std::vector<plan::Namespace>& kinds) {
  int bits = 0;
  for (const plan::Namespace kind : kinds) bits |= 1 << static_cast<int>(kind);
  return bits;
}

Admit admit_with(const plan::Plan& plan) {
  return [&plan](supervise::Sandbox& sandbox, const supervise::Request& request) -> Result<supervise::Reply> {
    supervise::Reply reply;
    if (request.number == 0) {
      reply.words.push_back(encode(describe(plan, sandbox)));
      return reply;
    }
    if (plan.join || request.words.empty() || request.words[0] != instance_of(sandbox)) return fail_hint("try again", "it is another one by now");
    const bool of_processes = (request.number >> static_cast<int>(plan::Namespace::pid) & 1) != 0;
    if (request.attached.size() != (of_processes ? 1 : 0)) return fail("damaged request to join");
    for (std::size_t i = 0; i < plan.namespaces.size(); ++i) {
      const plan::Namespace kind = plan.namespaces[i];
      const bool wanted = (request.number >> static_cast<int>(kind) & 1) != 0;
      if (wanted && std::ranges::find(shareable, kind) != shareable.end()) reply.attached.push_back(TRY(sys::duplicate(sandbox.entrances[i].get())));
    }
    return reply;
  };
}

supervise::Pod make_pod(const plan::Plan& plan) {
  supervise::Pod pod;
  pod.self.hostname = plan.hostname, pod.self.names = plan::names_among_fellows(plan);
  pod.hosts_text = [&plan](const std::string& hostname, const std::vector<std::string>& fellows) {
    return plan::hosts_text(plan.network, hostname, fellows);
  };
  return pod;
}

}  // namespace launch
