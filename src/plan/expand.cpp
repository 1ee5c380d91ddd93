// Expansion of path items. Nothing is looked up: Host has the answers.
#include "plan/expand.h"

#include "base/path.h"

#include <array>

namespace plan {

namespace {

// Below the home: what a "project" there would hand over.
constexpr std::array<std::string_view, 12> secret_places{
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config/gcloud", ".password-store",
    ".local/share/keyrings", ".mozilla", ".cache/sbx", ".local/share/sbx"};
constexpr std::array<std::string_view, 7> system_places{"/etc", "/proc", "/sys", "/dev", "/boot", "/run/secrets", "/usr"};

std::string environment_value(const Host& host, std::string_view name) {
  for (const auto& [key, value] : host.environment)
    if (key == name) return value;
  return {};
}

std::unexpected<Error> no_project(const Host& host, std::string_view why) {
  return fail_hint("name the directory to work in with --rw DIR, or go to a project first", "project ",
                   printable(host.project), ": ", why);
}

Result<std::string> variable(std::string_view name, const Host& host) {
  if (name == "~" || name == "$HOME") {
    if (host.home.empty()) return fail_hint("set HOME to an absolute path", "home directory is not known");
    return host.home;
  }
  if (name == "$PROJECT") return project_directory(host);
  if (name == "$PWD") {
    if (host.cwd.empty()) return fail_hint("go to a directory that exists", "working directory was deleted");
    return host.cwd;
  }
  const std::string runtime = environment_value(host, "XDG_RUNTIME_DIR");
  if (name == "$XDG_RUNTIME_DIR" && runtime.starts_with('/')) return runtime;
  if (name == "$XDG_RUNTIME_DIR") return fail("XDG_RUNTIME_DIR is not set to an absolute path");
  return fail_hint("known: ~, $HOME, $PWD, $PROJECT, $XDG_RUNTIME_DIR; write a name with a dollar as ./$NAME",
                   "unknown variable ", printable(name));
}

}  // namespace

Result<std::string> project_directory(const Host& host) {
  if (host.cwd.empty()) return fail_hint("go to a directory that exists", "working directory was deleted");
  const std::string& project = host.project;
  if (project == "/") return no_project(host, "is the whole file system");
  for (const std::string& home : {host.home, host.real_home}) {
    if (home.empty()) continue;
    if (project == home) return no_project(host, "is your home");
    if (path::is_below(home, project)) return no_project(host, "holds your home");
    for (const std::string_view place : secret_places)
      if (const std::string secret = path::join(home, place);
          path::is_at_or_below(project, secret) || path::is_below(secret, project))
        return no_project(host, "is a place of secrets");
  }
  for (const std::string_view place : system_places)
    if (path::is_at_or_below(project, place) && !path::is_at_or_below(project, "/usr/src"))
      return no_project(host, "belongs to the system");
  return project;
}

Result<std::string> expand_path(const std::string& path, const Host& host) {
  if (path.empty()) return fail("path is empty");
  if (path[0] == '~' || path[0] == '$') {
    const std::size_t slash = path.find('/');
    const std::string head = TRY(variable(path.substr(0, slash), host));
    return slash == std::string::npos ? head : path::join(head, path.substr(slash + 1));
  }
  if (path[0] == '/') return path;
  if (host.cwd.empty()) return fail_hint("go to a directory that exists", "working directory was deleted");
  return path::join(host.cwd, path);
}

Result<std::string> parse_inside(const profile::Item& item, const std::string& path, const Host& host) {
  const bool anchored = path.starts_with('/') || path.starts_with('~') || path.starts_with('$');
  if (!anchored)
    return fail_hint("write the path inside from the root: /DIR", "'", printable(item.value), "': ", printable(path), " is relative");
  const std::string expanded = TRY(expand_path(path, host));
  return path::normalise(expanded);
}

Result<PathItem> parse_path_item(const profile::Item& item, const Host& host) {
  PathItem out;
  std::string written = item.value;
  out.optional = written.ends_with('?') && written.size() > 1;
  if (out.optional) written.pop_back();
  const std::vector<std::string> parts = TRY(path::split_colons(written));
  out.exact = parts[0].starts_with("$PROJECT") || parts[0].starts_with("$PWD");
  if (parts.size() > 2) return fail_hint("write OUTSIDE or OUTSIDE:INSIDE", "'", printable(item.value), "' has too many colons");
  out.outside = TRY(expand_path(parts[0], host));
  if (parts.size() == 2) out.inside = TRY(parse_inside(item, parts[1], host));
  else out.inside = path::normalise(out.outside);
  return out;
}

}  // namespace plan
