// A pod: sandboxes with files, processes and confinement of their own that share one network (--join).
//
// Only who is privileged in the user namespace that owns a network may enter it (setns(2)). So that user namespace is
// shared too, and with it the ids; whatever asks for other ids, or for another network, contradicts --join and is
// refused. What the namespace allows to be made inside of it (max_user_namespaces) is its first sandbox's to say.
// The processes, the mounts and the control groups are each one's own. Where the pid namespace is shared too, its first
// process, which ends all others with it, is the first sandbox's; so what a member leaves is ended by its control group,
// and init stays outside, as an attendant does (supervise/attendant.h), where no fellow can name it.
#include "plan/join.h"

#include "plan/identity.h"
#include "plan/network.h"
#include "profile/values.h"

#include <algorithm>

namespace plan {

namespace {

std::string setting(const profile::Profile& profile) { return text("--join ", printable(profile.join->value)); }

// As with --net none: what the command line asks for is refused; what a profile has stands aside where the command line
// has chosen whose network it is.
Result<> check_network_asked(const profile::Profile& profile, std::vector<std::string>& notes) {
  std::vector<NetworkRule> asked = network_rules(profile);
  const profile::Scalar& mode = profile.net_mode;
  if (mode && (mode->value != "none" || is_from_command_line(*mode))) asked.insert(asked.begin(), {"--net", &*mode});
  if (asked.empty()) return {};
  const bool chosen = is_from_command_line(*profile.join);
  for (const auto& [option, item] : asked)
    if (is_from_command_line(*item) || !chosen)
      return fail_hint("ask for networks, rules and ports where that sandbox is started", setting(profile), " and ", option, " ",
                       printable(item->value), " exclude each other: the network is that of the joined one");
  notes.push_back(text("the profile's network settings hold nothing: the network is that of ", printable(profile.join->value)));
  return {};
}

std::string words_for(const Identity& identity) {
  std::string out = text(identity.uid, ":", identity.gid);
  for (const IdMap& map : identity.uids) out += text(", ", map.inside, " = ", map.outside, map.count == 1 ? "" : text(" and ", map.count - 1, " more"));
  return out;
}

Result<> check_identity(const profile::Profile& profile, const Host& host, const Joined& joined) {
  if (!profile.user && !profile.userns) return {};
  const Identity asked = TRY(make_identity(profile, host));
  const Identity& there = joined.identity;
  if (asked.uid == there.uid && asked.gid == there.gid && asked.uids == there.uids && asked.gids == there.gids) return {};
  const std::string option = profile.user ? text("--user ", printable(profile.user->value)) : text("--userns ", profile.userns->value);
  return fail_hint("leave it out, or start the sandbox that is joined with the same", setting(profile), " and ", option,
                   " contradict each other: they share ids, and there the command is ", words_for(there), " (inside = outside)");
}

Result<> check_joined(const Plan& plan, const profile::Profile& profile, const Joined& joined, const profile::Join& asked) {
  if (plan.named && plan.name == asked.name) return fail_hint("take another --name", "a sandbox cannot join itself");
  if (!joined.joins.empty())
    return fail_hint(text("join that one: --join ", joined.joins), "sandbox '", asked.name, "' shares the network of '", joined.joins, "' itself");
  if (joined.mode == NetworkMode::host)
    return fail_hint("--net host is the same network", "sandbox '", asked.name, "' has no network to share: it uses the host's");
  if (asked.uts && profile.hostname && profile.hostname->value != joined.hostname)
    return fail_hint("leave out one of them", setting(profile), " and --hostname ", printable(profile.hostname->value),
                     " contradict each other: the host name there is ", joined.hostname);
  return {};
}

}  // namespace

bool wants_join(const profile::Profile& profile) { return profile.join.has_value(); }

Result<> make_join(Plan& plan, const profile::Profile& profile, const Host& host, std::vector<std::string>& notes) {
  if (!host.joined) return fail("the sandbox to join was not asked");
  const Joined& joined = *host.joined;
  const profile::Join asked = TRY(profile::parse_join(profile.join->value));
  TRY(check_network_asked(profile, notes));
  TRY(check_joined(plan, profile, joined, asked));
  TRY(check_identity(profile, host, joined));
  plan.identity = joined.identity, plan.identity.writer = MapWriter::joined;
  plan.network.mode = NetworkMode::joined, plan.network.joined_mode = joined.mode;
  plan.network.config.addressing = joined.addressing, plan.network.ipv6 = joined.ipv6;
  plan.join = Join{.name = asked.name, .sandboxes = joined.sandboxes, .instance = joined.instance, .shared = {Namespace::user}};
  if (asked.pid) plan.join->shared.push_back(Namespace::pid);
  plan.join->shared.push_back(Namespace::net);
  if (asked.ipc) plan.join->shared.push_back(Namespace::ipc);
  if (asked.uts) plan.join->shared.push_back(Namespace::uts), plan.hostname = joined.hostname;
  return {};
}

// The limit belongs to the user namespace, so to all in it: who joins neither opens nor closes it.
Result<> check_join(Plan& plan, const Host& host) {
  if (!plan.join || host.joined->nested_userns == plan.privileges.nested_userns) return {};
  if (plan.privileges.nested_userns)
    return fail_hint("start that one with --nested-userns too", "--join ", plan.join->name,
                     " and --nested-userns exclude each other: the user namespace is shared, and is closed to others in it");
  if (!plan.seccomp.enabled)
    return fail_hint("leave the filter on, or add --nested-userns", "--join ", plan.join->name,
                     " without a filter of system calls leaves nested user namespaces open, as they are there");
  plan.notes.push_back(text("nested user namespaces are closed by the filter of system calls alone: those of ", plan.join->name, " are open"));
  return {};
}

std::vector<std::string> names_among_fellows(const Plan& plan) {
  std::vector<std::string> names;
  if (plan.named) names.push_back(plan.name);
  if (!plan.shares(Namespace::uts) && plan.hostname != plan.name) names.push_back(plan.hostname);
  return names;
}

}  // namespace plan
