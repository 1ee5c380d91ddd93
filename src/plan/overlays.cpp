// What the command line names beats what profiles name. Directories that a kept sandbox has from earlier runs come
// back by themselves, with the engine they had: its marks mean nothing to the other.
#include "plan/overlays.h"

#include "base/path.h"
#include "base/units.h"
#include "plan/expand.h"

#include <algorithm>
#include <array>

namespace plan {

namespace {

struct Wanted {
  std::string outside, inside;
  bool kept = false, exact = false, optional = false;
  const Host::Kept* earlier = nullptr;
};

// Where overlayfs refuses its upper directory: others change what lies there, or it has no marks for what is gone.
constexpr std::array<std::string_view, 8> unfit_for_changes{"9p", "ceph", "cifs", "ecryptfs", "fuse", "nfs", "overlay", "vfat"};
// Where others may change what lies there, unseen.
constexpr std::array<std::string_view, 5> shared{"9p", "ceph", "cifs", "fuse", "nfs"};

constexpr std::string_view command_line = "command line";

bool is_of_command_line(const profile::Item& item) { return item.origin.source == command_line; }

Result<std::string> root_directory(const profile::Profile& profile, const Host& host) {
  const std::string root = profile.root ? profile.root->value : "empty";
  if (root == "host")
    return fail_hint("name the directories that are to be written to: --overlay ~, --overlay /srv/data", "overlay of /: the host's root cannot be overlaid as a whole");
  if (root == "empty") return fail_hint("add --rootfs DIR", "overlay of /: the root is an empty one, and there is nothing to overlay");
  return expand_path(root.ends_with(":ro") ? root.substr(0, root.size() - 3) : root, host);
}

Result<Wanted> parse_wanted(const profile::Item& item, bool kept, const profile::Profile& profile, const Host& host) {
  if (item.value == "/") {
    const std::string outside = TRY(root_directory(profile, host));
    return Wanted{.outside = path::normalise(outside), .inside = "/", .kept = kept};
  }
  PathItem path = TRY(parse_path_item(item, host));
  if (path.inside == "/")
    return fail_hint("write --rootfs DIR --overlay /", "'", printable(item.value), "': / cannot be overlaid by another directory");
  return Wanted{.outside = path::normalise(path.outside), .inside = std::move(path.inside), .kept = kept, .exact = path.exact, .optional = path.optional};
}

// The command line binds something else there, or the same directory as it is.
Result<bool> is_bound_by_command_line(const profile::Profile& profile, const Host& host, const std::string& inside) {
  for (const profile::List* list : {&profile.read_only, &profile.read_write})
    for (const profile::Item& item : *list)
      if (is_of_command_line(item) && TRY(parse_path_item(item, host)).inside == inside) return true;
  return false;
}

void put(std::vector<Wanted>& all, Wanted one) {
  std::erase_if(all, [&](const Wanted& each) { return each.inside == one.inside; });
  all.push_back(std::move(one));
}

const Host::Lower* find_lower(const Host& host, const std::string& directory) {
  const auto found = std::ranges::find_if(host.lowers, [&](const Host::Lower& each) { return each.path == directory || each.real == directory; });
  return found == host.lowers.end() ? nullptr : &*found;
}

// Changes are of use over the directory they are of only.
Result<> check_same(const Host::Kept& kept, const profile::Profile& profile, const Host& host, const std::string& name) {
  const Host::Lower* lower = find_lower(host, kept.outside);
  if (lower != nullptr && kept.inode != lower->inode)
    return fail_hint(text("take another --name, or forget what it has: sbx discard ", name), "the sandbox '", name, "' has changes to ",
                     printable(kept.outside), ", and another directory is there now");
  if (kept.inside != "/") return {};
  const Result<std::string> root = root_directory(profile, host);
  const Host::Lower* asked = root ? find_lower(host, path::normalise(*root)) : nullptr;
  if (asked != nullptr && asked->real == kept.outside) return {};
  return fail_hint(text("continue it with --rootfs '", kept.outside, "' and what else it was begun with, or take another --name"), "the sandbox '", name,
                   "' has changes to the root file system ", printable(kept.outside), ", and ",
                   root ? text(printable(path::normalise(*root)), " is another") : std::string("none is asked for"));
}

Result<> add_earlier(std::vector<Wanted>& all, const profile::Profile& profile, const Host& host) {
  const std::string name = profile.name ? profile.name->value : "sbx";
  for (const Host::Kept& kept : host.kept) {
    TRY(check_same(kept, profile, host, name));
    const auto same = std::ranges::find(all, kept.inside, &Wanted::inside);
    if (same == all.end()) {
      all.push_back({.outside = kept.outside, .inside = kept.inside, .kept = true, .earlier = &kept});
    } else if (same->kept && same->outside == kept.outside) {
      same->earlier = &kept;
    } else {
      return fail_hint(text("take another --name, or forget what it has: sbx discard ", name), "the sandbox '", name, "' has changes to ",
                       printable(kept.outside), " as ", printable(kept.inside), ", which is asked for as something else now");
    }
  }
  return {};
}

Result<std::vector<Wanted>> asked_overlays(const profile::Profile& profile, const Host& host) {
  std::vector<Wanted> all;
  for (const bool by_command_line : {false, true})
    for (const bool kept : {false, true})
      for (const profile::Item& item : kept ? profile.overlay : profile.tmp_overlay) {
        if (is_of_command_line(item) != by_command_line) continue;
        Wanted one = TRY(parse_wanted(item, kept, profile, host));
        const bool bound = !by_command_line && TRY(is_bound_by_command_line(profile, host, one.inside));
        if (!bound) put(all, std::move(one));
      }
  return all;
}

// By their real names: a link that leads elsewhere later must not make the changes another directory's.
Result<std::vector<Wanted>> wanted_overlays(const profile::Profile& profile, const Host& host) {
  std::vector<Wanted> all = TRY(asked_overlays(profile, host));
  for (Wanted& each : all)
    if (const Host::Lower* lower = find_lower(host, each.outside); lower != nullptr && each.kept) each.outside = lower->real, each.exact = true;
  TRY(add_earlier(all, profile, host));
  return all;
}

// Two sets of changes to one file could not both be committed.
Result<> check_overlap(const std::vector<Wanted>& all, const Host& host) {
  for (const Wanted& one : all) {
    if (!host.sandboxes.empty() && path::is_at_or_below(one.outside, host.sandboxes))
      return fail_hint("name another directory", "overlay of ", printable(one.outside), ": this is where sbx itself keeps changes");
    for (const Wanted& other : all) {
      if (&one == &other || !one.kept || !other.kept || !path::is_at_or_below(one.outside, other.outside)) continue;
      const std::string below = one.outside.substr(other.outside == "/" ? 0 : other.outside.size());
      if (path::normalise(other.inside + "/" + below) == one.inside) continue;  // it lies over that part of the other
      return fail_hint("overlay one of them with --tmp-overlay, or only the upper directory", "overlays of ", printable(one.outside), " as ",
                       printable(one.inside), " and of ", printable(other.outside), " as ", printable(other.inside), " overlap");
    }
  }
  return {};
}

// Empty: it can.
std::string why_not_the_kernel(const Wanted& wanted, const Host& host, bool on_disk) {
  if (!host.overlayfs) return "this kernel has no overlayfs in user namespaces";
  // Such mounts are locked together in a user namespace, and overlayfs refuses what is below (mount_namespaces(7)).
  for (const std::string& each : host.mount_points)
    if (path::is_below(each, wanted.outside)) return text(printable(each), " is mounted below it");
  if (on_disk && std::ranges::find(unfit_for_changes, host.sandboxes_filesystem) != unfit_for_changes.end())
    return text("the changes would lie on ", host.sandboxes_filesystem, ", in ", printable(host.sandboxes));
  return {};
}

Result<OverlayEngine> choose_engine(const Wanted& wanted, const profile::Profile& profile, const Host& host, bool on_disk) {
  std::string asked = profile.overlay_engine ? profile.overlay_engine->value : "auto";
  if (wanted.earlier != nullptr && asked != "auto" && asked != wanted.earlier->engine)
    return fail_hint("leave filesystem.overlay_engine out, or take another --name", "overlay of ", printable(wanted.outside), ": its changes were made by the engine ",
                     wanted.earlier->engine, ", and ", asked, " cannot read them");
  if (wanted.earlier != nullptr) asked = wanted.earlier->engine;
  const std::string obstacle = why_not_the_kernel(wanted, host, on_disk);
  if (asked != "fuse" && obstacle.empty()) return OverlayEngine::kernel;
  // It follows names, and only Landlock keeps it in its layers; before ABI 2 nothing could be renamed there.
  if (asked != "kernel" && !host.fuse_overlayfs.empty() && host.landlock_abi < 2)
    return fail_hint("boot Linux 5.19 or later with landlock in lsm=", "overlay of ", printable(wanted.outside),
                     ": fuse-overlayfs is only used where Landlock can hold it");
  if (asked != "kernel" && !host.fuse_overlayfs.empty()) return OverlayEngine::fuse;
  const std::string why = obstacle.empty() ? "fuse-overlayfs cannot be used here" : obstacle;
  return fail_hint(asked == "kernel" ? "fuse-overlayfs may do it: --set filesystem.overlay_engine=auto"
                                     : "install fuse-overlayfs, and let everybody open /dev/fuse; where the place of the changes is at fault, XDG_STATE_HOME=DIR names another",
                   "overlay of ", printable(wanted.outside), ": ", why);
}

bool memory_has_marks(const Host& host) { return host.kernel_at_least(6, 6); }  // user.* attributes on tmpfs

// The first number that no earlier directory has.
std::uint64_t next_number(const Host& host) {
  std::uint64_t next = 0;
  for (const Host::Kept& kept : host.kept)
    if (const auto number = parse_number(path::base_name(kept.layers), INT32_MAX); number) next = std::max(next, *number + 1);
  return next;
}

Result<> check_lower(const Wanted& wanted, const Host& host, FileSystem& out) {
  const Host::Lower* lower = find_lower(host, wanted.outside);
  if (lower == nullptr)
    return fail_hint("check the name, or end it with ? where it may be missing", "overlay of ", printable(wanted.outside), ": No such file or directory");
  if (!lower->is_directory) return fail_hint("overlay the directory it is in", "overlay of ", printable(wanted.outside), ": Not a directory");
  if (std::ranges::find(shared, lower->filesystem) != shared.end())
    out.notes.push_back(text(printable(wanted.outside), " lies on ", lower->filesystem, ": what others change there meanwhile may be seen or not"));
  return {};
}

}  // namespace

bool keeps_changes(const std::vector<MountStep>& steps) {
  return std::ranges::any_of(steps, [](const MountStep& step) {
    const Overlay* overlay = std::get_if<Overlay>(&step);
    return overlay != nullptr && overlay->kept;
  });
}

bool needs_state(const profile::Profile& profile, const Host& host) {
  return !profile.overlay.empty() || (!profile.tmp_overlay.empty() && !memory_has_marks(host));
}

Result<std::vector<std::string>> overlaid_directories(const profile::Profile& profile, const Host& host) {
  std::vector<std::string> directories;
  for (Wanted& each : TRY(asked_overlays(profile, host))) directories.push_back(std::move(each.outside));
  for (const Host::Kept& kept : host.kept) directories.push_back(kept.outside);
  return directories;
}

Result<OnExit> make_on_exit(const profile::Profile& profile, const Host& host, const std::vector<MountStep>& steps) {
  if (!profile.on_exit) return OnExit::keep;
  const OnExit on_exit = TRY(on_exit_names.parse(profile.on_exit->value, "on_exit"));
  if (!keeps_changes(steps)) {
    if (!is_of_command_line(*profile.on_exit)) return OnExit::keep;
    return fail_hint("add --overlay DIR", "--on-exit ", profile.on_exit->value, ": nothing is kept, because nothing is overlaid");
  }
  if (on_exit == OnExit::ask && !(host.terminal[0] && host.terminal[2]))
    return fail_hint("write --on-exit keep, commit or discard", "--on-exit ask: standard input and error are not a terminal, and nobody could be asked");
  return on_exit;
}

Result<> add_overlays(FileSystem& out, const profile::Profile& profile, const Host& host, const Plan& so_far) {
  std::vector<Wanted> all = TRY(wanted_overlays(profile, host));
  std::erase_if(all, [&](const Wanted& each) { return each.optional && find_lower(host, each.outside) == nullptr; });
  TRY(check_overlap(all, host));
  const std::string place = path::join(host.sandboxes, so_far.name);
  std::uint64_t next = next_number(host), thrown = 0;
  for (const Wanted& each : all) {
    TRY(check_lower(each, host, out));
    const bool on_disk = each.kept || !memory_has_marks(host);
    if (on_disk && host.sandboxes.empty())
      return fail_hint("set HOME, or XDG_STATE_HOME=DIR", "overlay of ", printable(each.outside), ": there is no place for the changes: HOME is not set");
    Overlay step{.outside = each.outside, .inside = each.inside, .kept = each.kept, .exact = each.exact};
    step.engine = TRY(choose_engine(each, profile, host, on_disk));
    if (step.engine == OverlayEngine::fuse) step.program = host.fuse_overlayfs;
    if (each.earlier != nullptr) step.layers = each.earlier->layers;
    else if (each.kept) step.layers = path::join(place, text("changes/", next++));
    else if (on_disk) step.layers = path::join(place, text("thrown/", thrown++));
    out.steps.push_back(std::move(step));
  }
  return {};
}

}  // namespace plan
