// --dry-run. Names pass through printable(), so that a path cannot forge a line.
#include "plan/describe.h"

#include "base/units.h"
#include "plan/cgroup.h"
#include "plan/network.h"
#include "plan/overlays.h"

#include <algorithm>
#include <utility>

namespace plan {

namespace {

std::string size_words(std::uint64_t size) { return size == 0 ? "shared 25% of memory" : text("size ", describe_size(size)); }

struct DescribeStep {
  Line operator()(const Tmpfs& step) const {
    if (step.in_root) return {"make", "directory", step.inside, text("in the root's tmpfs, mode ", octal(step.mode))};
    return {"mount", "tmpfs", step.inside, text(size_words(step.size), ", mode ", octal(step.mode), step.read_only ? ", read-only" : "")};
  }
  Line operator()(const Directory& step) const { return {"make", "directory", step.inside, text("mode ", octal(step.mode))}; }
  Line operator()(const Symlink& step) const { return {"make", "symlink", step.inside, text("to ", step.to)}; }
  Line operator()(const File& step) const { return {"make", "file", step.inside, text(step.content.size(), " bytes, mode ", octal(step.mode))}; }
  Line operator()(const LiveFile& step) const { return {"mount", "file", step.inside, text(step.content.size(), " bytes, and the names of those who join")}; }
  Line operator()(const Cover& step) const {
    return {"mount", "file", step.inside, text("own, ", step.content.size(), " bytes", step.optional ? ", where it exists" : "")};
  }
  Line operator()(const Copy& step) const { return {"make", "copy", step.inside, text("of ", step.outside, ", mode ", octal(step.mode))}; }
  Line operator()(const Bind& step) const {
    return {"mount", "bind", step.inside, text("from ", step.outside, step.read_only ? ", read-only" : ", read-write",
                                               step.optional ? ", where it exists" : "")};
  }
  Line operator()(const Layered& step) const {
    std::string detail = text("of ", step.outside, ", read-only");
    if (!step.files.empty()) detail += ", own";
    for (const File& file : step.files) detail += " " + file.inside;
    if (!step.hidden.empty()) detail += ", without " + join(step.hidden, " ");
    return {"mount", "overlay", step.inside, detail};
  }
  Line operator()(const Overlay& step) const {
    std::string detail = text("of ", step.outside, step.kept ? ", changes kept in " : ", changes thrown away", step.kept ? step.layers : "");
    if (step.engine == OverlayEngine::fuse) detail += ", by fuse-overlayfs";
    if (!step.hidden.empty()) detail += ", without " + join(step.hidden, " ");
    return {"mount", "overlay", step.inside, detail};
  }
  Line operator()(const Proc& step) const { return {"mount", "proc", step.inside, {}}; }
  Line operator()(const Sysfs& step) const { return {"mount", "sysfs", step.inside, "read-only"}; }
  Line operator()(const Devpts& step) const { return {"mount", "devpts", step.inside, "own instance"}; }
  Line operator()(const CgroupMount& step) const { return {"mount", "cgroup2", step.inside, "read-only, where there is a group"}; }
  Line operator()(const Pin& step) const { return {"mount", "pin", step.inside, text(step.read_only ? "read-only" : "cannot be moved", step.watch ? ", watched" : "")}; }
  Line operator()(const Mask& step) const { return {"mount", "mask", step.inside, text(step.watch ? "empty, watched" : "empty", step.optional ? ", where it can be made" : "")}; }
};

std::string describe_maps(const std::vector<IdMap>& maps) {
  std::string out;
  for (const IdMap& map : maps) {
    if (!out.empty()) out += ", ";
    out += map.count == 1 ? text(map.inside, " = ", map.outside)
                          : text(map.inside, "-", map.inside + map.count - 1, " = ", map.outside, "-", map.outside + map.count - 1);
  }
  return out;
}

void describe_identity(const Plan& plan, std::vector<Line>& lines) {
  const Identity& identity = plan.identity;
  lines.push_back({"identity", "user", text(identity.uid), text("inside = outside: ", describe_maps(identity.uids), "; maps by ", map_writer_names[identity.writer])});
  lines.push_back({"identity", "group", text(identity.gid), text("inside = outside: ", describe_maps(identity.gids), identity.drop_groups ? "; other groups dropped" : "")});
  std::vector<std::string> own, shared;
  for (const Namespace kind : plan.namespaces) (plan.shares(kind) ? shared : own).emplace_back(namespace_names[kind]);
  lines.push_back({"namespaces", "new", join(own, " "), {}});
  if (plan.join) lines.push_back({"namespaces", "shared", join(shared, " "), text("with ", plan.join->name)});
  if (plan.has(Namespace::time))
    lines.push_back({"namespaces", "time", "offsets", text("boottime ", describe_duration(plan.time.boottime), ", monotonic ", describe_duration(plan.time.monotonic))});
  lines.push_back({"hostname", plan.shares(Namespace::uts) ? "shared" : "set", plan.hostname, {}});
}

void describe_rules(const net::Config& config, std::vector<Line>& lines) {
  constexpr std::string_view origins[] = {"by the command line", "by the profile"};
  for (std::size_t level = 0; level < config.levels.size(); ++level)
    for (const net::Rule& rule : config.levels[level])
      lines.push_back({"network", rule.verdict == net::Verdict::allow ? "allow" : "deny", rule.text, std::string(origins[std::min<std::size_t>(level, 1)])});
  lines.push_back({"network", config.otherwise == net::Verdict::allow ? "allow" : "deny", "other",
                   "what no rule names; @host and @metadata only by name"});
}

std::string describe_ports(std::uint16_t first, std::uint16_t count) {
  return count == 1 ? text(first) : text(first, "-", first + count - 1);
}

void describe_own_network(const Network& network, std::vector<Line>& lines) {
  const net::Config& config = network.config;
  const net::Addressing& own = config.addressing;
  const auto both = [&](const net::Address& v4, const net::Address& v6) {
    return network.ipv6 ? text(net::to_text(v4), " ", net::to_text(v6)) : net::to_text(v4);
  };
  lines.push_back({"network", "user", both(own.guest4, own.guest6), text("mtu ", own.mtu, own.ipv6 ? "" : ", no IPv6 route", ", by an engine outside")});
  lines.push_back({"network", "gateway", both(own.gateway4, own.gateway6), "name server too"});
  for (const net::Address& server : config.dns) lines.push_back({"network", "resolver", net::to_text(server), "instead of the host's"});
  describe_rules(config, lines);
  for (const net::Publish& each : config.publish)
    lines.push_back({"network", "publish", text(net::to_text(each.address), " ", describe_ports(each.outside, each.count)),
                     text("to ", net::protocol_names[each.protocol], " ", describe_ports(each.inside, each.count))});
  for (const std::uint16_t port : config.host_ports)
    lines.push_back({"network", "host port", text(port), text("at ", host_name_inside, ", ", both(own.host4, own.host6))});
  if (!config.pcap.empty()) lines.push_back({"network", "capture", config.pcap, "every frame"});
}

void describe_joined_network(const Plan& plan, std::vector<Line>& lines) {
  const net::Addressing& there = plan.network.config.addressing;
  const std::string addresses = plan.network.ipv6 ? text(net::to_text(there.guest4), " ", net::to_text(there.guest6)) : net::to_text(there.guest4);
  lines.push_back({"network", "joined", plan.join->name, plan.network.has_device() ? text(addresses, ", by its engine and its rules") : "loopback only"});
}

void describe_network(const Plan& plan, std::vector<Line>& lines) {
  const Network& network = plan.network;
  switch (network.mode) {
    case NetworkMode::none: return lines.push_back({"network", "none", {}, "own namespace, loopback only"});
    case NetworkMode::host: return lines.push_back({"network", "host", {}, "the host's namespace, with its loopback"});
    case NetworkMode::user: return describe_own_network(network, lines);
    case NetworkMode::joined: return describe_joined_network(plan, lines);
    case NetworkMode::count_: break;
  }
  std::unreachable();
}

void describe_cgroup(const Cgroup& cgroup, std::vector<Line>& lines) {
  if (cgroup.need == CgroupNeed::none) return;
  const bool required = cgroup.need == CgroupNeed::required;
  lines.push_back({"cgroup", required ? "required" : "welcome", cgroup.parent.empty() ? "delegated" : cgroup.parent,
                   join(controllers_of(cgroup.settings), " ") + (cgroup.may_be_missing ? "; what is missing is a note" : "")});
  for (const CgroupSetting& each : cgroup.settings)
    lines.push_back({"limit", "cgroup", each.file, text(each.device, each.device.empty() ? "" : " ", each.value, each.required ? "" : ", where the kernel has it")});
  if (cgroup.oom_score_adj != 0) lines.push_back({"limit", "oom", "score", text("adjusted by ", cgroup.oom_score_adj)});
}

void describe_confinement(const Plan& plan, std::vector<Line>& lines) {
  describe_cgroup(plan.cgroup, lines);
  for (const Limit& limit : plan.limits) {
    const auto words = [](std::uint64_t value) { return value == UINT64_MAX ? std::string("unlimited") : text(value); };
    lines.push_back({"limit", "rlimit", limit.name, text(words(limit.soft), ", hard ", words(limit.hard))});
  }
  const Privileges& held = plan.privileges;
  lines.push_back({"privileges", "no_new_privs", "on", {}});
  lines.push_back({"privileges", "capabilities", held.capabilities.empty() ? "none" : join(held.capabilities, " "), {}});
  lines.push_back({"privileges", "nested user namespaces", held.nested_userns ? "allowed" : "none", {}});
  if (plan.landlock.abi == 0) lines.push_back({"landlock", "off", {}, {}});
  else if (plan.landlock.read_only.empty())
    lines.push_back({"landlock", text("abi ", plan.landlock.abi), "scopes", "abstract sockets and signals stay inside; no rules for files"});
  else lines.push_back({"landlock", text("abi ", plan.landlock.abi), "/ read-only", text("read-write ", join(plan.landlock.read_write, " "))});
  const auto count = [&](SyscallAction action) {
    return std::ranges::count(plan.seccomp.rules, action, &SyscallRule::action);
  };
  if (!plan.seccomp.enabled) lines.push_back({"seccomp", "off", {}, {}});
  else
    lines.push_back({"seccomp", plan.seccomp.name, text(plan.seccomp.rules.size(), " rules"),
                     text(count(SyscallAction::allow), " allow, ", count(SyscallAction::deny), " deny, ", count(SyscallAction::log),
                          " log, ", count(SyscallAction::kill), " kill")});
}

}  // namespace

std::vector<Line> describe(const Plan& plan) {
  std::vector<Line> lines;
  for (const std::string& made : plan.prepare) lines.push_back({"prepare", "directory", made, "on the host, mode 0700"});
  describe_identity(plan, lines);
  for (const MountStep& step : plan.mounts) lines.push_back(std::visit(DescribeStep{}, step));
  describe_network(plan, lines);
  describe_confinement(plan, lines);
  for (const std::string& variable : plan.command.environment) {
    const std::size_t equals = variable.find('=');
    lines.push_back({"environment", "set", variable.substr(0, equals), variable.substr(equals + 1)});
  }
  if (plan.timeout.count() > 0) lines.push_back({"timeout", "after", describe_duration(plan.timeout), text("KILL ", describe_duration(plan.kill_after), " later")});
  if (keeps_changes(plan.mounts)) lines.push_back({"changes", std::string(on_exit_names[plan.on_exit]), "at the end", {}});
  if (plan.command.terminal) lines.push_back({"terminal", "own", "pty", {}});
  lines.push_back({"command", "run", join(plan.command.argv, " "), text("in ", plan.command.workdir)});
  for (const std::string& feature : plan.degraded) lines.push_back({"degraded", "without", feature, "allowed by --allow-degraded"});
  for (const std::string& note : plan.notes) lines.push_back({"note", {}, note, {}});
  return lines;
}

std::string describe_text(const Plan& plan) {
  const std::vector<Line> lines = describe(plan);
  std::size_t object_width = 0;
  for (const Line& line : lines)
    if (line.topic == "mount" || line.topic == "make") object_width = std::max(object_width, std::min<std::size_t>(printable(line.object).size(), 40));
  std::string out;
  const auto column = [&](const std::string& word, std::size_t width) {
    out += word;
    out.append(word.size() < width ? width - word.size() : 0, ' ');
    out += ' ';
  };
  for (const Line& line : lines) {
    column(line.topic, 11);
    if (!line.kind.empty()) column(line.kind, 9);
    if (!line.object.empty()) column(printable(line.object), line.detail.empty() ? 0 : object_width);
    out += printable(line.detail);
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  return out;
}

}  // namespace plan
