// The decision itself: whom a rule holds for, in which order they are asked, and what no rule but a plain one opens.
#include "net/policy.h"

#include <algorithm>

namespace net {

namespace {

constexpr std::size_t room_for_host = 1024, room_for_ranges = 64;

bool is_named(const Rule& rule) { return rule.what == What::name || rule.what == What::suffix; }

bool accepts(const Rule& rule, std::string_view name) {
  return rule.what == What::name ? name == rule.name : rule.what == What::suffix && is_below(name, rule.name);
}

bool all_ports(const Rule& rule) {
  return rule.protocol == Protocol::any && rule.first_port == 0 && rule.last_port == 65535;
}

// A CIDR that is as wide as a whole registry names nothing in it: 0.0.0.0/0 is no wish for 127.0.0.1, nor is
// 64:ff9b::/96 one for 64:ff9b::127.0.0.1.
bool is_narrow(const Prefix& prefix, bool embeds) { return prefix.bits >= (prefix.is_v4() || embeds ? 96 + 8 : 7); }

}  // namespace

Policy::Policy(const Config& config, const HostNetwork& host)
    : otherwise_(config.otherwise), addressing_(config.addressing), host_ports_(config.host_ports) {
  for (std::size_t level = 0; level < config.levels.size(); ++level)
    for (const Rule& rule : config.levels[level]) rules_.push_back({rule, static_cast<std::uint16_t>(level)});
  counters_.resize(rules_.size() + static_cast<std::size_t>(Builtin::count_));
  host_.reserve(std::max(room_for_host, host.addresses.size()));
  host_ranges_.reserve(std::max(room_for_ranges, host.ranges.size()));
  static_cast<void>(set_host(host));  // what was reserved for fits
}

bool Policy::set_host(const HostNetwork& host) {
  if (host.addresses.size() > host_.capacity() || host.ranges.size() > host_ranges_.capacity()) return false;
  host_.assign(host.addresses.begin(), host.addresses.end());
  std::ranges::sort(host_);
  host_ranges_.assign(host.ranges.begin(), host.ranges.end());
  return true;
}

bool Policy::is_host(const Address& address) const {
  return std::ranges::binary_search(host_, address) ||
         std::ranges::any_of(host_ranges_, [&](const Prefix& range) { return range.contains(address); });
}

bool Policy::is_own(const Address& address) const {
  return address == addressing_.gateway4 || address == addressing_.gateway6 || address == addressing_.host4 ||
         address == addressing_.host6;
}

Policy::Target Policy::make_target(Protocol protocol, const Address& address, std::uint16_t port,
                                   Milliseconds now) const {
  Target out{protocol, address, embedded_v4(address).value_or(address), port, reach_of(address), false, now, {}};
  out.host = out.reach == Reach::loopback || out.reach == Reach::unspecified || is_host(address) || is_host(out.inner);
  return out;
}

// Does what the rule says of an address hold? A rule that allows opens special places only when it names them.
bool Policy::holds_for(const Rule& rule, const Target& target) const {
  const bool denies = rule.verdict == Verdict::deny;
  const bool shut = target.host || target.reach == Reach::metadata || target.reach == Reach::link_local;
  const bool open = denies || !shut;
  switch (rule.what) {
    case What::any: return open;
    case What::internet: return target.reach == Reach::global && open;
    case What::lan: return open && (target.reach == Reach::private_use || target.reach == Reach::link_local);
    case What::host: return target.host;
    case What::metadata: return target.reach == Reach::metadata;
    case What::prefix:
      if (denies) return rule.prefix.contains(target.address) || rule.prefix.contains(target.inner);
      return rule.prefix.contains(target.address) && (!shut || is_narrow(rule.prefix, target.inner != target.address));
    case What::name:
    case What::suffix: return false;
  }
  return false;
}

Policy::Match Policy::match(const Rule& rule, const Target& target) const {
  if (rule.protocol != Protocol::any && rule.protocol != target.protocol) return {};
  if (target.protocol != Protocol::icmp && (target.port < rule.first_port || target.port > rule.last_port)) return {};
  // "name:443" says nothing of ping.
  if (target.protocol == Protocol::icmp && rule.first_port != 0) return {};
  if (!is_named(rule)) return {holds_for(rule, target), false, {}};
  // Whoever answers for the name must not choose ports there: rules about addresses open those, each with its own.
  if (rule.verdict == Verdict::allow && !is_public(target)) return {};
  if (rule.tls && target.protocol != Protocol::tcp) return {};
  const auto name = pins_.find(target.address, target.now, [&](std::string_view pinned) {
    return accepts(rule, pinned) && (!rule.tls || !target.hello || *target.hello == pinned);
  });
  if (!name) return {};
  return {true, rule.tls && !target.hello, *name};
}

Decision Policy::decide(Protocol protocol, const Address& address, std::uint16_t port, Milliseconds now) const {
  return decide(make_target(protocol, address, port, now));
}

Decision Policy::decide_tls(const Address& address, std::uint16_t port, std::string_view name, Milliseconds now) const {
  Target target = make_target(Protocol::tcp, address, port, now);
  target.hello = name;
  return decide(target);
}

// Level by level; in one of them the first rule that denies, else the first that allows, of which one that asks for
// no ClientHello is as good and costs nothing.
Decision Policy::decide(const Target& target) const {
  if (is_own(target.address)) return decide_own(target);
  if (target.reach == Reach::multicast || target.reach == Reach::broadcast)
    return builtin(Verdict::deny, Builtin::multicast);
  for (std::size_t first = 0; first < rules_.size();) {
    std::optional<Decision> found;
    std::size_t i = first;
    for (; i < rules_.size() && rules_[i].level == rules_[first].level; ++i) {
      const Rule& rule = rules_[i].rule;
      const bool denies = rule.verdict == Verdict::deny;
      if (found && !found->allowed()) continue;
      if (found && !denies && !found->tls) continue;
      const Match got = match(rule, target);
      if (!got.holds || (found && !denies && got.tls)) continue;
      found = Decision{rule.verdict, static_cast<std::uint16_t>(i), got.tls, got.name};
    }
    if (found) {
      if (found->name.empty()) found->name = name_of(target);
      return *found;
    }
    first = i;
  }
  return unmatched(target);
}

// The engine's own addresses: what it serves itself does not come here but for the ports that lead to the host.
Decision Policy::decide_own(const Target& target) const {
  const bool host = target.address == addressing_.host4 || target.address == addressing_.host6;
  if (!host) return builtin(Verdict::deny, Builtin::gateway);
  const bool listed = std::ranges::find(host_ports_, target.port) != host_ports_.end();
  return builtin(listed && target.protocol == Protocol::tcp ? Verdict::allow : Verdict::deny, Builtin::host_port);
}

Decision Policy::builtin(Verdict verdict, Builtin which) const {
  return {verdict, builtin_rule(which), false, {}};
}

Decision Policy::unmatched(const Target& target) const {
  Decision out = builtin(otherwise_, Builtin::otherwise);
  if (target.host) out = builtin(Verdict::deny, Builtin::host);
  else if (target.reach == Reach::metadata) out = builtin(Verdict::deny, Builtin::metadata);
  else if (target.reach == Reach::link_local) out = builtin(Verdict::deny, Builtin::link_local);
  out.name = name_of(target);
  return out;
}

std::string_view Policy::name_of(const Target& target) const {
  return pins_.find(target.address, target.now, [](std::string_view) { return true; }).value_or("");
}

bool Policy::is_public(const Target& target) { return target.reach == Reach::global && !target.host; }

// What a name may lead to: the internet, and what some rule about addresses allows anyway.
bool Policy::may_be_pinned(const Target& target) const {
  if (target.reach == Reach::multicast || target.reach == Reach::broadcast || is_own(target.address)) return false;
  if (is_public(target)) return true;
  const auto allows = [&](const Placed& placed) {
    return placed.rule.verdict == Verdict::allow && holds_for(placed.rule, target);
  };
  return std::ranges::any_of(rules_, allows) || unmatched(target).allowed();
}

Decision Policy::pin(std::string_view name, const Address& address, std::uint32_t ttl_seconds, Milliseconds now) {
  if (!may_be_pinned(make_target(Protocol::any, address, 0, now))) return builtin(Verdict::deny, Builtin::rebinding);
  pins_.add(name, address, ttl_seconds, now);
  return builtin(Verdict::allow, Builtin::otherwise);
}

// Rules for single ports deny nothing here: the name still has other ports.
Decision Policy::decide_name(std::string_view name) const {
  for (std::size_t first = 0; first < rules_.size();) {
    std::optional<Decision> found;
    std::size_t i = first;
    for (; i < rules_.size() && rules_[i].level == rules_[first].level; ++i) {
      const Rule& rule = rules_[i].rule;
      const bool denies = rule.verdict == Verdict::deny;
      const bool wide = rule.what == What::any || (!denies && (rule.what == What::internet || rule.what == What::lan));
      if (found && (!found->allowed() || !denies)) continue;
      if ((!wide && !accepts(rule, name)) || (denies && !all_ports(rule))) continue;
      found = Decision{rule.verdict, static_cast<std::uint16_t>(i), false, {}};
    }
    if (found) return *found;
    first = i;
  }
  return builtin(otherwise_, Builtin::otherwise);
}

// The text of a reverse query is free to choose: under an allow-list it may only be about what is reachable.
Decision Policy::decide_reverse(const Address& address, Milliseconds now) const {
  const Target target = make_target(Protocol::any, address, 0, now);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Rule& rule = rules_[i].rule;
    const bool pinned = is_named(rule) && pins_.find(address, now, [&](auto name) { return accepts(rule, name); });
    if (rule.verdict == Verdict::allow && (pinned || holds_for(rule, target)))
      return {Verdict::allow, static_cast<std::uint16_t>(i), false, {}};
  }
  Decision out = unmatched(target);
  if (!out.allowed()) out.rule = builtin(Verdict::deny, Builtin::dns).rule;
  return out;
}

void Policy::keep(std::uint16_t rule, const Address& address, Milliseconds now) {
  if (rule >= rules_.size() || !is_named(rules_[rule].rule)) return;
  pins_.keep(address, now, [&](std::string_view name) { return accepts(rules_[rule].rule, name); });
}

std::string_view Policy::text(std::uint16_t rule) const {
  if (rule < rules_.size()) return rules_[rule].rule.text;
  return builtin_names[static_cast<Builtin>(rule - rules_.size())];
}

std::string Policy::explain(Protocol protocol, const Address& address, std::uint16_t port, Milliseconds now) const {
  const Decision made = decide(protocol, address, port, now);
  std::string out = ::text(protocol_names[protocol], " to ");
  out += protocol == Protocol::icmp ? to_text(address) : to_text(Endpoint{address, port});
  if (!made.name.empty()) out += ::text(" (", made.name, ")");
  out += made.allowed() ? " is allowed" : " is denied";
  if (made.tls) out += " if the ClientHello has the same name";
  if (made.rule < rules_.size()) {
    const Placed& placed = rules_[made.rule];
    out += ::text(": rule '", text(made.rule), "' of level ", placed.level + 1);
    return out + (made.allowed() ? " allows it" : " denies it");
  }
  switch (static_cast<Builtin>(made.rule - rules_.size())) {
    case Builtin::host: return out + ": it is the host itself, and no rule names it (@host, or its address)";
    case Builtin::metadata: return out + ": it is a metadata service, and no rule names it (@metadata, or its address)";
    case Builtin::link_local: return out + ": it is link-local, and no rule names it by address";
    case Builtin::multicast: return out + ": multicast and broadcast are not forwarded";
    case Builtin::gateway: return out + ": it is the gateway, which serves DNS only";
    case Builtin::host_port: return out + (made.allowed() ? ": it is a host port" : ": it is none of the host ports");
    default: return out + (rules_.empty() ? ": there is no rule" : ": no rule matches");
  }
}

}  // namespace net
