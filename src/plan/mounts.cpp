// The order of mounts: the root, its first level, then everything else parents first; after that what covers
// or pins something already mounted. One inside path has one mount: the last that asks for it.
#include "plan/mounts.h"

#include "base/path.h"
#include "base/units.h"
#include "plan/expand.h"
#include "plan/guards.h"
#include "plan/overlays.h"
#include "plan/system_mounts.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

namespace plan {

namespace {


// Read-only in a private home: how the shell and the editor look, never a credential.
constexpr std::array<std::string_view, 7> home_files{".bashrc", ".config/git", ".gitconfig", ".inputrc", ".profile",
                                                     ".tmux.conf", ".vimrc"};

// "/a", "/b" come before "/a/x": the first level may hold links that deeper paths go through (/lib -> usr/lib),
// so it is complete before any of them. Below that parents come first; in one directory what is made comes
// before what is mounted, which covers nothing then.
struct Place {
  int level;
  std::string_view directory;
  bool mounted;
  std::string_view inside;
  std::size_t index;
};

Place place_of(const MountStep& step, std::size_t index) {
  const std::string_view inside = inside_of(step), directory = inside.substr(0, std::max<std::size_t>(inside.rfind('/'), 1));
  const bool made = std::holds_alternative<Symlink>(step) || std::holds_alternative<Directory>(step) ||
                    std::holds_alternative<File>(step) || std::holds_alternative<Copy>(step);
  return {.level = inside == "/" ? 0 : directory == "/" ? 1 : 2, .directory = directory, .mounted = !made,
          .inside = inside, .index = index};
}

bool comes_before(const Place& one, const Place& other) {
  if (one.level != other.level) return one.level < other.level;
  if (one.directory != other.directory)
    return std::ranges::lexicographical_compare(one.directory, other.directory, [](char a, char b) {
      return a != b && (a == '/' || (b != '/' && static_cast<unsigned char>(a) < static_cast<unsigned char>(b)));
    });
  return std::tie(one.mounted, one.inside, one.index) < std::tie(other.mounted, other.inside, other.index);
}

std::vector<MountStep> in_order(std::vector<MountStep> steps) {
  std::vector<Place> places;
  places.reserve(steps.size());
  std::unordered_map<std::string_view, std::size_t> last;  // who asked last for an inside path
  for (std::size_t i = 0; i < steps.size(); ++i) {
    places.push_back(place_of(steps[i], i));
    last[places[i].inside] = i;
  }
  std::erase_if(places, [&](const Place& place) { return last[place.inside] != place.index; });
  std::ranges::sort(places, comes_before);
  std::vector<MountStep> kept;
  kept.reserve(places.size());
  for (const Place& place : places) kept.push_back(std::move(steps[place.index]));
  return kept;
}

// Links and directories of our own are for the system's places. Where a bind has taken such a place, it is the
// user's directory, and nothing is made in it.
std::vector<MountStep> without_litter(std::vector<MountStep> steps) {
  const auto makes = [](const MountStep& step) {
    return std::holds_alternative<Symlink>(step) || std::holds_alternative<Directory>(step);
  };
  std::vector<MountStep> kept;
  for (MountStep& step : steps) {
    const MountStep* cover = nullptr;
    for (const MountStep& each : kept)
      if (makes(step) && !makes(each) && path::is_at_or_below(inside_of(step), inside_of(each)) &&
          (cover == nullptr || inside_of(each).size() >= inside_of(*cover).size()))
        cover = &each;
    const bool users = cover != nullptr && (std::holds_alternative<Bind>(*cover) || std::holds_alternative<Overlay>(*cover));
    if (!users) kept.push_back(std::move(step));
  }
  return kept;
}

bool is_mount(const MountStep& step) {
  const auto* tmpfs = std::get_if<Tmpfs>(&step);
  return tmpfs != nullptr ? !tmpfs->in_root : !std::holds_alternative<Symlink>(step) && !std::holds_alternative<Directory>(step) &&
                                                  !std::holds_alternative<File>(step) && !std::holds_alternative<Copy>(step);
}

// `steps` are in order: whatever a tmpfs may lie below comes before it.
void use_root(std::vector<MountStep>& steps) {
  const auto* root = std::get_if<Tmpfs>(&steps.front());
  if (root == nullptr || root->size != 0) return;
  for (std::size_t i = 1; i < steps.size(); ++i) {
    auto* tmpfs = std::get_if<Tmpfs>(&steps[i]);
    if (tmpfs == nullptr || tmpfs->size != 0 || tmpfs->read_only) continue;
    tmpfs->in_root = std::none_of(steps.begin() + 1, steps.begin() + static_cast<std::ptrdiff_t>(i), [&](const MountStep& each) {
      return is_mount(each) && path::is_at_or_below(tmpfs->inside, inside_of(each));
    });
  }
}

Result<> add_root(FileSystem& out, const profile::Profile& profile, const Host& host, const Plan& plan) {
  const std::string root = profile.root ? profile.root->value : "empty";
  const bool empty = root == "empty";
  if (empty) {
    out.steps.push_back(Tmpfs{.inside = "/", .mode = 0755});
    add_root_links(out.steps, host);
    add_etc(out.steps, host, plan, home_inside(plan.identity, host));
  } else if (root == "host") {
    out.steps.push_back(Bind{.outside = "/", .inside = "/", .read_only = true});
    add_etc(out.steps, host, plan, home_inside(plan.identity, host));
  } else {
    const bool read_only = root.ends_with(":ro");
    const std::string outside = TRY(expand_path(read_only ? root.substr(0, root.size() - 3) : root, host));
    out.steps.push_back(Bind{.outside = outside, .inside = "/", .read_only = read_only});
    add_names(out.steps, host, plan);
  }
  add_temporary(out.steps, empty);
  add_devices(out.steps);
  add_proc(out.steps, host);
  add_sys(out.steps, host, plan);
  return {};
}

std::string data_home(const Host& host) {
  for (const auto& [key, value] : host.environment)
    if (key == "XDG_DATA_HOME" && value.starts_with('/')) return value;
  return host.home + "/.local/share";
}

Result<> add_home(FileSystem& out, const profile::Profile& profile, const Host& host, const Plan& plan) {
  const std::string mode = profile.home ? profile.home->value : "empty";
  const std::string inside = home_inside(plan.identity, host);
  if (mode == "none") return {};
  if (inside.empty() || inside == "/") return fail_hint("set HOME to a directory of your own", "home directory is not known");
  if (mode == "ro" || mode == "host") {
    out.steps.push_back(Bind{.outside = host.home, .inside = inside, .read_only = mode == "ro"});
  } else if (mode.starts_with("keep")) {
    const std::string name = mode == "keep" ? "default" : mode.substr(5);
    const std::string outside = path::join(data_home(host), "sbx/homes/" + name);
    out.prepare.push_back(outside);
    out.steps.push_back(Bind{.outside = outside, .inside = inside, .read_only = false});
  } else {
    out.steps.push_back(Tmpfs{.inside = inside, .mode = 0700});
    // As root the payload is nobody outside, and may not read root's files.
    const bool as_nobody = host.uid == 0 && !(profile.user && profile.user->value == "host-root");
    if (mode != "private" || as_nobody) return {};
    for (const std::string_view file : home_files)
      out.steps.push_back(Bind{.outside = path::join(host.home, file), .inside = path::join(inside, file), .optional = true});
  }
  return {};
}

Result<> add_binds(FileSystem& out, const profile::List& items, bool read_only, const Host& host) {
  for (const profile::Item& item : items) {
    PathItem bind = TRY(parse_path_item(item, host));
    if (bind.inside == "/") return fail_hint("use --rootfs DIR for another root", "'", printable(item.value), "': / cannot be bound over");
    out.steps.push_back(Bind{.outside = std::move(bind.outside), .inside = std::move(bind.inside), .read_only = read_only,
                             .optional = bind.optional, .exact = bind.exact});
  }
  return {};
}

Result<> add_tmpfs(FileSystem& out, const profile::List& items, const Host& host) {
  for (const profile::Item& item : items) {
    const std::vector<std::string> parts = TRY(path::split_colons(item.value));
    Tmpfs step{.inside = TRY(parse_inside(item, parts[0], host)), .mode = 0755};
    if (step.inside == "/tmp" || step.inside == "/var/tmp") step.mode = 01777;
    if (parts.size() > 2 || (parts.size() == 2 && !parts[1].starts_with("size=")))
      return fail_hint("write DIR or DIR:size=512M", "tmpfs '", printable(item.value), "' is not understood");
    if (parts.size() == 2) step.size = TRY(parse_size(std::string_view(parts[1]).substr(5)));
    out.steps.push_back(std::move(step));
  }
  return {};
}

Result<> add_secrets(FileSystem& out, const profile::List& items, const Host& host) {
  if (!items.empty()) out.steps.push_back(Tmpfs{.inside = "/run/secrets", .mode = 0700, .read_only = true});
  for (const profile::Item& item : items) {
    const std::size_t equals = item.value.find('=');
    const std::string name = item.value.substr(0, equals);
    if (equals == std::string::npos || name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
      return fail_hint("write NAME=FILE; it appears as /run/secrets/NAME", "secret '", printable(name), "' is not understood");
    const std::string outside = TRY(expand_path(item.value.substr(equals + 1), host));
    out.steps.push_back(Copy{.outside = outside, .inside = "/run/secrets/" + name});
  }
  return {};
}

// A worktree's repository lies elsewhere; git needs to read it.
Result<> add_git_common_dir(FileSystem& out, const Host& host) {
  if (!host.git_common_dir || !seen_inside(out.steps, host.project)) return {};
  if (seen_inside(out.steps, *host.git_common_dir)) return {};
  out.steps.push_back(Bind{.outside = *host.git_common_dir, .inside = path::normalise(*host.git_common_dir)});
  return {};
}

}  // namespace

std::string home_inside(const Identity& identity, const Host& host) {
  if (identity.uid == 0 && host.uid != 0) return "/root";
  return host.home.starts_with('/') ? path::normalise(host.home) : host.home;
}

const std::string& inside_of(const MountStep& step) {
  return std::visit([](const auto& each) -> const std::string& { return each.inside; }, step);
}

const std::string* source_of(const MountStep& step) {
  if (const Bind* bind = std::get_if<Bind>(&step)) return &bind->outside;
  if (const Overlay* overlay = std::get_if<Overlay>(&step)) return &overlay->outside;
  return nullptr;
}

std::optional<std::string> seen_inside(const std::vector<MountStep>& steps, const std::string& outside) {
  std::optional<std::string> best;
  std::size_t depth = 0;
  for (const MountStep& step : steps) {
    const std::string* source = source_of(step);
    if (source == nullptr) continue;
    const std::string base = path::normalise(*source);
    if (!path::is_at_or_below(outside, base) || base.size() < depth) continue;
    std::string inside = path::normalise(inside_of(step) + "/" + (base == "/" ? outside : outside.substr(base.size())));
    if (seen_outside(steps, inside) != outside) continue;  // another mount lies over it
    best = std::move(inside), depth = base.size();
  }
  return best;
}

Result<FileSystem> make_filesystem(const profile::Profile& profile, const Host& host, const Plan& so_far) {
  FileSystem out;
  TRY(add_root(out, profile, host, so_far));
  TRY(add_home(out, profile, host, so_far));
  TRY(add_binds(out, profile.read_only, true, host));
  TRY(add_binds(out, profile.read_write, false, host));
  TRY(add_overlays(out, profile, host, so_far));
  TRY(add_git_common_dir(out, host));
  TRY(add_tmpfs(out, profile.tmpfs, host));
  TRY(add_secrets(out, profile.secret, host));
  out.steps = without_litter(in_order(std::move(out.steps)));
  use_root(out.steps);
  TRY(add_guards(out, profile, host));
  return out;
}

}  // namespace plan
