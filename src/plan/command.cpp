// The environment is an allow-list: what a profile passes and sets, and what says where one is.
#include "plan/command.h"

#include "base/limit_names.h"
#include "base/nearest.h"
#include "base/path.h"
#include "base/units.h"
#include "plan/expand.h"
#include "plan/mounts.h"

#include <algorithm>

namespace plan {

namespace {

constexpr std::string_view standard_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

using Variables = std::vector<std::pair<std::string, std::string>>;

void set(Variables& variables, std::string_view name, std::string value) {
  for (auto& [key, old] : variables)
    if (key == name) return void(old = std::move(value));
  variables.emplace_back(name, std::move(value));
}

std::string get(const Variables& variables, std::string_view name) {
  for (const auto& [key, value] : variables)
    if (key == name) return value;
  return {};
}

Variables make_environment(const profile::Profile& profile, const Host& host, const Plan& plan, const std::string& workdir) {
  Variables variables;
  set(variables, "PATH", std::string(standard_path));
  for (const profile::Item& pattern : profile.env_pass)
    for (const auto& [key, value] : host.environment)
      if (matches_pattern(pattern.value, key)) set(variables, key, value);
  const bool is_root = plan.identity.uid == 0;
  const std::string home = home_inside(plan.identity, host);
  set(variables, "HOME", home.empty() ? "/" : home);
  set(variables, "USER", is_root ? "root" : host.user);
  set(variables, "LOGNAME", is_root ? "root" : host.user);
  const bool system_shell = host.shell.starts_with("/usr/") || host.shell.starts_with("/bin/");
  set(variables, "SHELL", system_shell ? host.shell : "/bin/sh");
  set(variables, "PWD", workdir);
  for (const auto& [key, item] : profile.env_set) set(variables, key, item.value);
  set(variables, "container", "sbx");
  set(variables, "SBX_NAME", plan.name);
  return variables;
}

Result<std::uint64_t> parse_limit(std::string_view value) {
  if (value == "unlimited" || value == "-1") return unlimited;
  return parse_size(value);
}

Result<std::string> make_workdir(const profile::Profile& profile, const Host& host, const std::vector<MountStep>& mounts) {
  if (profile.workdir) {
    const std::string inside = TRY(parse_inside(*profile.workdir, profile.workdir->value, host));
    const bool by_place = profile.workdir->value.starts_with('$') || profile.workdir->value.starts_with('~');
    return by_place ? seen_inside(mounts, inside).value_or(inside) : inside;
  }
  if (host.cwd.empty()) return std::string("/");
  return seen_inside(mounts, host.cwd).value_or("/");
}

}  // namespace

Result<Command> make_command(const profile::Profile& profile, const Host& host, const Plan& so_far,
                             std::vector<std::string> argv) {
  if (argv.empty() || argv[0].empty()) return fail_hint("write it after --: sbx -- COMMAND [ARG…]", "command is missing");
  Command command{.argv = std::move(argv), .environment = {}, .workdir = {}, .search_path = {}};
  command.workdir = TRY(make_workdir(profile, host, so_far.mounts));
  const Variables variables = make_environment(profile, host, so_far, command.workdir);
  command.search_path = get(variables, "PATH");
  for (const auto& [key, value] : variables) command.environment.push_back(key + "=" + value);
  const TerminalMode mode = profile.terminal ? TRY(terminal_mode_names.parse(profile.terminal->value, "terminal")) : TerminalMode::automatic;
  command.terminal = mode == TerminalMode::on ||
                     (mode == TerminalMode::automatic && std::ranges::find(host.terminal, true) != host.terminal.end());
  command.terminal_for_all = mode == TerminalMode::on;
  return command;
}

Result<std::vector<Limit>> make_limits(const profile::Profile& profile) {
  std::vector<Limit> limits;
  for (const auto& [name, item] : profile.ulimit) {
    const auto* known = std::ranges::find(limit_names, name, &LimitName::name);
    if (known == limit_names.end()) {
      std::vector<std::string> words;
      for (const LimitName& each : limit_names) words.emplace_back(each.name);
      return fail_hint(nearest_hint(name, words), "unknown limit ", printable(name));
    }
    const std::size_t colon = item.value.find(':');
    Limit limit{.name = name, .resource = known->resource};
    limit.soft = TRY(parse_limit(std::string_view(item.value).substr(0, colon)));
    limit.hard = colon == std::string::npos ? limit.soft : TRY(parse_limit(std::string_view(item.value).substr(colon + 1)));
    if (limit.soft > limit.hard) return fail("limit ", name, ": the soft value is above the hard one");
    std::erase_if(limits, [&](const Limit& each) { return each.resource == limit.resource; });
    limits.push_back(std::move(limit));
  }
  return limits;
}

}  // namespace plan
