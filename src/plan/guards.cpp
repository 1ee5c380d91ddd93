// Guards are decided by what exists: a path that is not there can be neither pinned nor covered, and the plan
// says so in a note.
#include "plan/guards.h"

#include "base/path.h"
#include "plan/expand.h"

#include <algorithm>
#include <array>

namespace plan {

namespace {

// The deepest mount that an inside path lies on.
const MountStep* covering(const std::vector<MountStep>& steps, const std::string& inside) {
  const MountStep* best = nullptr;
  for (const MountStep& step : steps) {
    if (std::holds_alternative<Symlink>(step) || std::holds_alternative<Directory>(step)) continue;
    if (!path::is_at_or_below(inside, inside_of(step))) continue;
    if (best == nullptr || inside_of(step).size() >= inside_of(*best).size()) best = &step;
  }
  return best;
}

// The host path behind an inside path, when a bind (or the layered /etc) shows it.
std::optional<std::string> outside_of(const MountStep* step, const std::string& inside) {
  if (step == nullptr) return std::nullopt;
  const auto map = [&](const std::string& outside, const std::string& at) {
    return path::normalise(outside + "/" + inside.substr(at == "/" ? 0 : at.size()));
  };
  if (const Bind* bind = std::get_if<Bind>(step)) return map(bind->outside, bind->inside);
  if (const Layered* layered = std::get_if<Layered>(step)) return map(layered->outside, layered->inside);
  return std::nullopt;
}

bool is_present(const Host& host, const std::string& outside) {
  return std::ranges::find(host.present, outside) != host.present.end();
}

void pin_once(std::vector<MountStep>& steps, const std::string& inside, bool read_only) {
  for (const MountStep& step : steps) {
    const Pin* pin = std::get_if<Pin>(&step);
    if (pin != nullptr && pin->inside == inside && (pin->read_only || !read_only)) return;
  }
  steps.push_back(Pin{.inside = inside, .read_only = read_only, .watch = read_only});
}

// Read-only, and every directory between it and the bind a mount point: none can be renamed away.
void add_protection(FileSystem& out, const Host& host, const std::string& inside) {
  const MountStep* cover = covering(out.steps, inside);
  const Bind* bind = cover == nullptr ? nullptr : std::get_if<Bind>(cover);
  const Pin* pin = cover == nullptr ? nullptr : std::get_if<Pin>(cover);
  if ((bind == nullptr || bind->read_only) && pin == nullptr) return;
  const std::string top = inside_of(*cover);
  const std::optional<std::string> outside = seen_outside(out.steps, inside);
  if (!outside || !is_present(host, *outside)) {
    out.notes.push_back(text("not protected, because it does not exist: ", printable(inside)));
    return;
  }
  std::vector<std::string> parents;
  for (std::string at = path::parent(inside); path::is_below(at, top); at = path::parent(at)) parents.push_back(at);
  for (auto at = parents.rbegin(); at != parents.rend(); ++at) pin_once(out.steps, *at, false);
  pin_once(out.steps, inside, true);
}

void add_cover(FileSystem& out, const Host& host, const std::string& inside) {
  for (MountStep& step : out.steps) {
    Layered* layered = std::get_if<Layered>(&step);
    if (layered == nullptr || !path::is_below(inside, layered->inside)) continue;
    layered->hidden.push_back(inside.substr(layered->inside.size() + 1));
    return;
  }
  const std::optional<std::string> outside = seen_outside(out.steps, inside);
  if (!outside) return;  // on a tmpfs of our own: there is nothing of the host's to hide
  if (is_present(host, *outside)) out.steps.push_back(Mask{.inside = inside, .watch = true});
  else out.notes.push_back(text("not hidden, because it does not exist: ", printable(inside)));
}

std::vector<std::string> own_directories(const Host& host) {
  struct Place { std::string_view variable, below_home; };
  constexpr std::array<Place, 4> places{{{"XDG_CONFIG_HOME", ".config"}, {"XDG_CACHE_HOME", ".cache"},
                                         {"XDG_STATE_HOME", ".local/state"}, {"XDG_DATA_HOME", ".local/share"}}};
  std::vector<std::string> out;
  for (const Place& place : places) {
    std::string base = host.home.empty() ? std::string{} : path::join(host.home, place.below_home);
    for (const auto& [key, value] : host.environment)
      if (key == place.variable && value.starts_with('/')) base = value;
    if (!base.empty()) out.push_back(path::normalise(base + "/sbx"));
  }
  return out;
}

// Profiles, compiled filters and kept homes steer later launches: never within reach.
void hide_own_directories(FileSystem& out, const Host& host) {
  const std::vector<MountStep> binds = out.steps;
  for (const std::string& directory : own_directories(host))
    if (const auto inside = seen_inside(binds, directory); inside && is_present(host, directory) && seen_outside(binds, *inside) == directory)
      out.steps.push_back(Mask{.inside = *inside, .watch = true});
}

Result<std::vector<std::string>> guarded_paths(const profile::List& items, const Host& host) {
  std::vector<std::string> out;
  for (const profile::Item& item : items) out.push_back(TRY(parse_inside(item, item.value, host)));
  return out;
}

}  // namespace

std::optional<std::string> seen_outside(const std::vector<MountStep>& steps, const std::string& inside) {
  const MountStep* cover = nullptr;
  for (const MountStep& step : steps)  // pins show what is below them
    if (!std::holds_alternative<Pin>(step) && !std::holds_alternative<Symlink>(step) && !std::holds_alternative<Directory>(step) &&
        path::is_at_or_below(inside, inside_of(step)) &&
        (cover == nullptr || inside_of(step).size() >= inside_of(*cover).size()))
      cover = &step;
  return outside_of(cover, inside);
}

Result<std::vector<std::string>> paths_to_probe(const profile::Profile& profile, const Host& host) {
  std::vector<std::string> paths = own_directories(host);
  FileSystem binds;
  Identity identity;
  identity.uid = host.uid;
  const auto collect = [&](const profile::List& items, bool read_only) -> Result<> {
    for (const profile::Item& item : items) {
      const PathItem bind = TRY(parse_path_item(item, host));
      binds.steps.push_back(Bind{.outside = bind.outside, .inside = bind.inside, .read_only = read_only});
    }
    return {};
  };
  if (!profile.protect.empty() || !profile.hide.empty()) {
    TRY(collect(profile.read_only, true));
    TRY(collect(profile.read_write, false));
  }
  for (const profile::List* items : {&profile.protect, &profile.hide}) {
    const std::vector<std::string> guarded = TRY(guarded_paths(*items, host));
    for (const std::string& inside : guarded) {
      paths.push_back(inside);
      if (const auto outside = seen_outside(binds.steps, inside)) paths.push_back(*outside);
    }
  }
  return paths;
}

Result<> add_guards(FileSystem& out, const profile::Profile& profile, const Host& host) {
  std::vector<std::string> protect = TRY(guarded_paths(profile.protect, host));
  // A .git file names the repository: rewritten, it would bring hooks of the payload's own to the host.
  if (host.git_is_file && !protect.empty()) protect.push_back(path::join(host.project, ".git"));
  std::ranges::sort(protect);
  for (const std::string& inside : protect) add_protection(out, host, inside);
  const std::vector<std::string> hide = TRY(guarded_paths(profile.hide, host));
  for (const std::string& inside : hide) add_cover(out, host, inside);
  hide_own_directories(out, host);
  return {};
}

}  // namespace plan
