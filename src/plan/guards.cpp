// Guards are decided by what exists: a path that is not there can be neither pinned nor covered, and the plan
// says so in a note.
#include "plan/guards.h"

#include "base/path.h"
#include "plan/expand.h"
#include "plan/overlays.h"

#include <algorithm>
#include <array>

namespace plan {

namespace {

// The deepest mount that an inside path lies on.
enum class Pins { count, skip };
const MountStep* covering(const std::vector<MountStep>& steps, const std::string& inside, Pins pins = Pins::count) {
  const MountStep* best = nullptr;
  for (const MountStep& step : steps) {
    if (pins == Pins::skip && std::holds_alternative<Pin>(step)) continue;
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
  if (const Overlay* overlay = std::get_if<Overlay>(step)) return map(overlay->outside, overlay->inside);
  if (const Layered* layered = std::get_if<Layered>(step)) return map(layered->outside, layered->inside);
  return std::nullopt;
}

bool is_present(const Host& host, const std::string& outside) {
  return std::ranges::find(host.present, outside) != host.present.end();
}

void pin_once(std::vector<MountStep>& steps, const Pin& wanted) {
  for (const MountStep& step : steps) {
    const Pin* pin = std::get_if<Pin>(&step);
    if (pin != nullptr && pin->inside == wanted.inside && (pin->read_only || !wanted.read_only)) return;
  }
  steps.push_back(wanted);
}

// "PATH[?]": with the question mark it may be missing.
struct Guarded {
  std::string inside;
  bool optional = false;
};

// Neither the payload nor, unnoticed, the host can rename a directory between the bind and what is guarded in it.
void pin_parents(std::vector<MountStep>& steps, const std::string& inside, const std::string& top, bool watch) {
  std::vector<std::string> parents;
  for (std::string at = path::parent(inside); path::is_below(at, top); at = path::parent(at)) parents.push_back(at);
  for (auto at = parents.rbegin(); at != parents.rend(); ++at) pin_once(steps, {.inside = *at, .watch = watch});
}

// Read-only, and every directory between it and the bind a mount point: none can be renamed away.
void add_protection(FileSystem& out, const Host& host, const std::string& inside) {
  const MountStep* cover = covering(out.steps, inside);
  const Bind* bind = cover == nullptr ? nullptr : std::get_if<Bind>(cover);
  const Pin* pin = cover == nullptr ? nullptr : std::get_if<Pin>(cover);
  // What the host renames below an overlay does not move what is mounted in it: there is nothing to watch.
  const MountStep* shown = covering(out.steps, inside, Pins::skip);
  const bool overlaid = shown != nullptr && std::holds_alternative<Overlay>(*shown);
  if ((bind == nullptr || bind->read_only) && pin == nullptr && !overlaid) return;
  const std::string top = inside_of(*cover);
  const std::optional<std::string> outside = seen_outside(out.steps, inside);
  if (!outside || !is_present(host, *outside)) {
    out.notes.push_back(text("not protected, because it does not exist: ", printable(inside)));
    return;
  }
  pin_parents(out.steps, inside, top, !overlaid);
  pin_once(out.steps, {.inside = inside, .read_only = true, .watch = !overlaid});
}

// By name, whatever comes to be there. False: nothing layered lies there.
bool add_whiteout(FileSystem& out, const std::string& inside) {
  const MountStep* found = covering(out.steps, inside, Pins::skip);
  if (found == nullptr || !path::is_below(inside, inside_of(*found))) return false;
  MountStep* shown = out.steps.data() + (found - out.steps.data());
  Overlay* overlay = std::get_if<Overlay>(shown);
  Layered* layered = std::get_if<Layered>(shown);
  if (overlay == nullptr && layered == nullptr) return false;
  std::vector<std::string>& hidden = overlay != nullptr ? overlay->hidden : layered->hidden;
  const std::string& top = inside_of(*shown);
  const std::string name = inside.substr(top == "/" ? 1 : top.size() + 1);
  // A whiteout and something below it cannot both be made.
  if (std::ranges::any_of(hidden, [&](const std::string& each) { return path::is_at_or_below(name, each); })) return true;
  if (layered != nullptr) std::erase_if(layered->files, [&](const File& file) { return path::is_at_or_below(file.inside, name); });
  std::erase_if(hidden, [&](const std::string& each) { return path::is_below(each, name); });
  hidden.push_back(name);
  return true;
}

Result<> add_cover(FileSystem& out, const Host& host, const Guarded& guarded) {
  const std::string& inside = guarded.inside;
  if (add_whiteout(out, inside)) return {};
  const std::optional<std::string> outside = seen_outside(out.steps, inside);
  if (!outside) return {};  // on a tmpfs of our own: there is nothing of the host's to hide
  if (!is_present(host, *outside)) {
    if (!guarded.optional)
      return fail_hint("check the name, or end it with ? where it may be missing", "hide ", printable(inside), ": No such file or directory");
    out.notes.push_back(text("not hidden, because it does not exist: ", printable(inside)));
    return {};
  }
  const std::string top = inside_of(*covering(out.steps, inside));
  pin_parents(out.steps, inside, top, true);
  out.steps.push_back(Mask{.inside = inside, .watch = true});
  return {};
}

// Two names may mean one directory: only without symbolic links can they be compared.
std::string resolved(const Host& host, const std::string& outside) {
  const auto found = std::ranges::find(host.resolved, outside, &std::pair<std::string, std::string>::first);
  return found == host.resolved.end() ? path::normalise(outside) : found->second;
}

std::vector<std::string> own_directories(const Host& host) {
  std::vector<std::string> out;
  for (const std::string& place : own_places(host))
    if (std::string directory = resolved(host, place); std::ranges::find(out, directory) == out.end()) out.push_back(std::move(directory));
  return out;
}

bool is_behind_link(const Host& host, const std::string& directory) {
  return std::ranges::none_of(own_places(host), [&](const std::string& place) { return path::normalise(place) == directory; });
}

// The path inside where a mount shows this of the host's, unless another lies over it.
std::optional<std::string> shown_by(const FileSystem& out, const Host& host, const MountStep& step, const std::string& real) {
  const std::string* source = source_of(step);
  if (source == nullptr) return std::nullopt;
  const std::string top = resolved(host, *source);
  if (!path::is_at_or_below(real, top)) return std::nullopt;
  const std::string below = real.substr(top == "/" ? 0 : top.size());
  std::string inside = path::normalise(inside_of(step) + "/" + below);
  if (seen_outside(out.steps, inside) != path::normalise(*source + "/" + below)) return std::nullopt;
  return inside;
}

// A kept home is sbx's own to show.
bool is_writable_by_request(const MountStep& step, const FileSystem& out) {
  const Bind* bind = std::get_if<Bind>(&step);
  if (bind == nullptr) return std::holds_alternative<Overlay>(step);
  return !bind->read_only && std::ranges::find(out.prepare, bind->outside) == out.prepare.end();
}

bool is_writable(const MountStep& step) {
  const Bind* bind = std::get_if<Bind>(&step);
  return bind != nullptr ? !bind->read_only : std::holds_alternative<Overlay>(step);
}

// Nothing can be mounted on a symbolic link: where the payload could replace one, it would say what sbx finds there.
Result<> refuse_writable_links(const FileSystem& out, const Host& host) {
  for (const std::string& link : host.links)
    for (const MountStep& step : out.steps)
      if (std::holds_alternative<Bind>(step) && is_writable_by_request(step, out) && shown_by(out, host, step, link))
        return fail_hint("show only what is needed of it, or make it copy-on-write: --overlay", printable(*source_of(step)),
                         " cannot be shown writable: the symbolic link ", printable(link), " in it leads to sbx's own directory");
  return {};
}

// Whatever may lie over the directory itself: none on the way to it can be renamed.
void pin_way(std::vector<MountStep>& steps, const std::string& source, const std::string& top, const std::string& below, bool watch) {
  for (std::size_t end = below.find('/', 1); end != std::string::npos; end = below.find('/', end + 1)) {
    const std::string at = path::normalise(top + "/" + below.substr(0, end));
    if (seen_outside(steps, at) == path::normalise(source + "/" + below.substr(0, end)))
      pin_once(steps, {.inside = at, .watch = watch, .optional = true});
  }
}

// What a commit leaves alone.
void keep_own_from_commits(FileSystem& out, const Host& host) {
  std::vector<std::string> own = own_directories(host);
  own.insert(own.end(), host.links.begin(), host.links.end());
  for (MountStep& step : out.steps)
    if (Overlay* overlay = std::get_if<Overlay>(&step)) {
      const std::string top = resolved(host, overlay->outside);
      for (const std::string& each : own)
        if (path::is_below(each, top)) overlay->own.push_back(each.substr(top == "/" ? 1 : top.size() + 1));
    }
}

// Profiles, compiled filters and kept homes steer later launches: never within reach, by whatever bind. One that
// is not there yet is made first, lest the payload make it.
Result<> hide_own_directories(FileSystem& out, const Host& host) {
  TRY(refuse_writable_links(out, host));
  keep_own_from_commits(out, host);
  struct Way { std::string source, top, below; bool watch; };
  std::vector<Way> ways;
  std::vector<Mask> masks;
  std::vector<std::string> missing;
  for (const std::string& directory : own_directories(host))
    for (const MountStep& step : out.steps) {
      const std::string* source = source_of(step);
      if (source == nullptr) continue;
      const std::string real = resolved(host, *source);
      if (path::is_at_or_below(real, directory) && is_writable_by_request(step, out))
        return fail_hint("name another directory; sbx --home keep:NAME keeps a home there by itself", printable(*source),
                         " cannot be shown writable: it lies in ", printable(directory), ", which is sbx's own");
      if (!path::is_at_or_below(directory, real)) continue;
      const Bind* bind = std::get_if<Bind>(&step);
      if (is_writable(step)) ways.push_back({*source, inside_of(step), directory.substr(real == "/" ? 0 : real.size()), bind != nullptr});
      const bool present = is_present(host, directory);
      if (!present && is_writable(step)) missing.push_back(directory);
      const auto inside = shown_by(out, host, step, directory);
      if (!inside || (!present && !is_writable(step))) continue;
      // Where the caller may not make it, nor may the payload: then there is nothing to cover. Nor is there where a
      // link has led another mount over it, as the empty home of a linked HOME.
      masks.push_back({.inside = *inside, .watch = bind != nullptr, .optional = !present || is_behind_link(host, directory)});
    }
  std::ranges::move(missing, std::back_inserter(out.prepare));
  for (const Way& way : ways) pin_way(out.steps, way.source, way.top, way.below, way.watch);
  std::ranges::move(masks, std::back_inserter(out.steps));
  return {};
}

Result<std::vector<Guarded>> guarded_paths(const profile::List& items, const Host& host) {
  std::vector<Guarded> out;
  for (const profile::Item& item : items) {
    const bool optional = item.value.size() > 1 && item.value.ends_with('?');
    const std::string path = item.value.substr(0, item.value.size() - (optional ? 1 : 0));
    out.push_back({TRY(parse_inside(item, path, host)), optional});
  }
  return out;
}

// Only where that is asked for: the host may then bring back into sight what was hidden, and undo what was protected.
void stop_watching(FileSystem& out) {
  for (MountStep& step : out.steps) {
    if (Pin* pin = std::get_if<Pin>(&step)) pin->watch = false;
    if (Mask* mask = std::get_if<Mask>(&step)) mask->watch = false;
  }
  out.notes.emplace_back("hidden and protected paths are not watched: the host may replace them");
}

}  // namespace

std::vector<std::string> own_places(const Host& host) {
  struct Place { std::string_view variable, below_home; };
  constexpr std::array<Place, 4> places{{{"XDG_CONFIG_HOME", ".config"}, {"XDG_CACHE_HOME", ".cache"},
                                         {"XDG_STATE_HOME", ".local/state"}, {"XDG_DATA_HOME", ".local/share"}}};
  std::vector<std::string> out;
  for (const Place& place : places) {
    std::string base = host.home.empty() ? std::string{} : path::join(host.home, place.below_home);
    for (const auto& [key, value] : host.environment)
      if (key == place.variable && value.starts_with('/')) base = value;
    if (!base.empty()) out.push_back(base + "/sbx");
  }
  return out;
}

std::optional<std::string> seen_outside(const std::vector<MountStep>& steps, const std::string& inside) {
  const MountStep* cover = nullptr;
  for (const MountStep& step : steps)  // pins show what is below them
    if (!std::holds_alternative<Pin>(step) && !std::holds_alternative<Symlink>(step) && !std::holds_alternative<Directory>(step) &&
        path::is_at_or_below(inside, inside_of(step)) &&
        (cover == nullptr || inside_of(step).size() >= inside_of(*cover).size()))
      cover = &step;
  return outside_of(cover, inside);
}

Result<std::vector<std::string>> paths_to_resolve(const profile::Profile& profile, const Host& host) {
  std::vector<std::string> paths = TRY(overlaid_directories(profile, host));
  for (const profile::Item& item : profile.read_write) paths.push_back(TRY(parse_path_item(item, host)).outside);
  for (const profile::Item& item : profile.read_only) {
    std::string outside = TRY(parse_path_item(item, host)).outside;
    if (outside != "/usr" && outside != "/opt") paths.push_back(std::move(outside));  // what every profile shows costs nothing
  }
  const std::string root = profile.root ? profile.root->value : "empty";
  if (root == "host") paths.emplace_back("/");
  else if (root != "empty") paths.push_back(TRY(expand_path(root.ends_with(":ro") ? root.substr(0, root.size() - 3) : root, host)));
  if (profile.home && (profile.home->value == "host" || profile.home->value == "ro")) paths.push_back(host.home);
  if (!paths.empty()) std::ranges::move(own_places(host), std::back_inserter(paths));
  return paths;
}

Result<std::vector<std::string>> paths_to_probe(const profile::Profile& profile, const Host& host) {
  std::vector<std::string> paths = own_directories(host);
  if (host.git_is_file) paths.push_back(path::join(host.project, ".git"));
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
    TRY(collect(profile.tmp_overlay, false));
    TRY(collect(profile.overlay, false));
  }
  if (host.git_is_file) paths.push_back(path::join(host.project, ".git"));
  for (const profile::List* items : {&profile.protect, &profile.hide}) {
    const std::vector<Guarded> guarded = TRY(guarded_paths(*items, host));
    for (const auto& [inside, optional] : guarded) {
      paths.push_back(inside);
      if (const auto outside = seen_outside(binds.steps, inside)) paths.push_back(*outside);
    }
  }
  return paths;
}

Result<> add_guards(FileSystem& out, const profile::Profile& profile, const Host& host) {
  std::vector<Guarded> protect = TRY(guarded_paths(profile.protect, host));
  // A .git file names the repository: rewritten, it would bring hooks of the payload's own to the host.
  if (host.git_is_file && !protect.empty()) protect.push_back({path::join(host.project, ".git"), false});
  std::ranges::sort(protect, {}, &Guarded::inside);
  for (const Guarded& each : protect) add_protection(out, host, each.inside);
  const std::vector<Guarded> hide = TRY(guarded_paths(profile.hide, host));
  for (const Guarded& each : hide) TRY(add_cover(out, host, each));
  TRY(hide_own_directories(out, host));
  if (std::ranges::any_of(profile.allow_degraded, [](const profile::Item& item) { return item.value == "hide"; })) stop_watching(out);
  return {};
}

}  // namespace plan
