// Overlayfs takes its layers by name: /proc/self/fd/N is short, needs no escapes and cannot lead elsewhere by the time
// it is looked up, on every kernel. `userxattr` always: without it the mount works in a user namespace, and no directory
// can be removed and made again.
#include "launch/overlays.h"

#include "base/path.h"
#include "launch/trial.h"
#include "plan/identity.h"
#include "store/origin.h"
#include "sys/file.h"
#include "sys/filesystem.h"
#include "sys/mount.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/resolve.h"
#include "sys/tree.h"
#include "sys/user.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/sched.h>

namespace launch {

namespace {

using plan::MapWriter;
using plan::Overlay;

constexpr const char* place_hint = "XDG_STATE_HOME=DIR names another place for changes";

Result<sys::Fd> open_lower(const Overlay& step) {
  if (!step.exact) return sys::open_file(step.outside, O_PATH | O_DIRECTORY);
  std::optional<sys::Fd> found = TRY(sys::find_without_links(step.outside));
  if (!found) return fail("overlay of ", printable(step.outside), ": No such file or directory");
  return *std::move(found);
}

// Made by an earlier run, or by one that did not get far.
Result<> make_if_missing(const sys::Fd& parent, const std::string& name, unsigned mode, const std::string& shown) {
  const Result<> made = sys::make_directory_at(parent, name, mode, shown);
  return made || made.error().code == EEXIST ? Result<>{} : made;
}

bool maps_caller(const plan::Identity& identity) {
  return std::ranges::any_of(identity.uids, [](const IdMap& map) { return sys::caller_uid() - map.outside < map.count; });
}

// What is inside 0 in the sandbox is 1 here; 0 is the caller.
plan::Identity caller_and_range(const plan::Identity& identity) {
  plan::Identity both{.writer = identity.writer, .uids = {{0, sys::caller_uid(), 1}}, .gids = {{0, sys::caller_gid(), 1}}, .uid = 0, .gid = 0,
                      .switch_ids = true};
  for (const IdMap& map : identity.uids) both.uids.push_back({map.inside + 1, map.outside, map.count});
  for (const IdMap& map : identity.gids) both.gids.push_back({map.inside + 1, map.outside, map.count});
  return both;
}

// A root file system that belongs to the range has its changes belong to it too.
Result<> give_to_root_inside(const plan::Identity& identity, const sys::Fd& layers, const std::string& place) {
  if (maps_caller(identity)) return {};
  const auto give = [&](Id uid, Id gid) -> Result<> {
    TRY(sys::change_owner_at(layers, "upper", uid, gid, place));
    return sys::change_owner_at(layers, "work", uid, gid, place);
  };
  if (identity.writer == MapWriter::launcher) return give(identity.uids.front().outside, identity.gids.front().outside);
  const plan::Identity both = caller_and_range(identity);
  Attempt done = try_stage(CLONE_NEWUSER, &both, [&]() -> Result<std::string> {
    TRY(give(1, 1));
    return std::string();
  });
  if (done.tried == Attempt::Tried::worked) return {};
  return std::unexpected<Error>(std::move(done.error));
}

store::Owners owners_of(const plan::Identity& identity) {
  return plan::maps_other_ids(identity, sys::caller_uid(), sys::caller_gid()) ? store::Owners::range : store::Owners::self;
}

Result<> put_origin(const store::Origin& origin, const Overlay& step, const sys::Fd& layers) {
  const std::string shown = path::join(step.layers, "origin");
  const std::string content = store::encode(origin);
  if (content.size() > store::most_origin) return fail_hint("hide a directory instead of what is in it", printable(shown), ": too many hidden paths");
  return sys::replace_file_at(layers, "origin", content, 0600, shown);
}

// What no commit touches.
void add_hidden(store::Origin& origin, const Overlay& step) {
  for (const std::vector<std::string>* paths : {&step.hidden, &step.own})
    for (const std::string& path : *paths)
      if (std::ranges::find(origin.hidden, path) == origin.hidden.end()) origin.hidden.push_back(path);
}

// One that is continued may have more ids than it was begun with, and hide more.
Result<> keep_origin(const sys::Fd& file, const Overlay& step, const plan::Identity& identity, const sys::Fd& layers) {
  const std::string shown = path::join(step.layers, "origin");
  auto before = store::decode_origin(TRY(sys::read_fd(file, shown, store::most_origin)));
  if (!before) return fail(printable(shown), ": ", before.error().message);
  store::Origin origin = *before;
  if (owners_of(identity) == store::Owners::range) origin.owners = store::Owners::range;
  add_hidden(origin, step);
  return origin == *before ? Result<>{} : put_origin(origin, step, layers);
}

Result<> write_origin(const Overlay& step, const plan::Identity& identity, const sys::FileStat& lower, const sys::Fd& layers) {
  // Of something made just now: the host's later changes are newer by the same clock.
  const sys::Fd upper = TRY(sys::open_at(layers, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const sys::FileStat made = TRY(sys::stat_fd(upper.get(), step.layers));
  store::Origin origin;
  origin.inside = step.inside, origin.outside = step.outside;
  origin.engine = step.engine == plan::OverlayEngine::fuse ? store::Engine::fuse : store::Engine::kernel;
  origin.owners = owners_of(identity);
  origin.started = {.seconds = made.changed, .nanoseconds = made.changed_nanoseconds};
  origin.device = lower.device, origin.inode = lower.inode;
  add_hidden(origin, step);
  return put_origin(origin, step, layers);
}

Result<> prepare_on_disk(const Overlay& step, const plan::Identity& identity) {
  TRY(sys::make_directories(step.layers, 0700));
  const sys::Fd layers = TRY(sys::open_file(step.layers, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const auto origin = TRY(sys::open_at_if_exists(layers, "origin", O_RDONLY | O_NOFOLLOW, step.layers));
  if (origin) return keep_origin(*origin, step, identity, layers);
  const sys::Fd lower = TRY(open_lower(step));
  const sys::FileStat stat = TRY(sys::stat_fd(lower.get(), step.outside));
  TRY(make_if_missing(layers, "work", 0700, path::join(step.layers, "work")));
  const sys::Fd work = TRY(sys::open_at(layers, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(sys::try_overlay_mark(work, step.layers));
  TRY(make_if_missing(layers, "upper", stat.mode, path::join(step.layers, "upper")));
  TRY(give_to_root_inside(identity, layers, step.layers));
  return step.kept ? write_origin(step, identity, stat, layers) : Result<>{};
}

std::string name_of(const sys::Fd& fd) { return text("/proc/self/fd/", fd.get()); }

}  // namespace

Result<> prepare_layers(const plan::Plan& plan) {
  for (const plan::MountStep& each : plan.mounts) {
    const Overlay* step = std::get_if<Overlay>(&each);
    if (step == nullptr || step->layers.empty()) continue;
    const unsigned mask = sys::set_file_mask(0);
    Result<> done = prepare_on_disk(*step, plan.identity);
    sys::set_file_mask(mask);
    if (done) continue;
    Error error = std::move(done).error();
    if (error.hint.empty()) error.hint = place_hint;
    return std::unexpected<Error>(std::move(error));
  }
  return {};
}

Result<> remove_with_range(const plan::Identity& root_with_range, const std::string& directory) {
  const sys::Fd parent = TRY(sys::open_file(path::parent(directory), O_PATH | O_DIRECTORY));
  Attempt done = try_stage(CLONE_NEWUSER, &root_with_range, [&]() -> Result<std::string> {
    TRY(sys::remove_tree_at(parent, std::string(path::base_name(directory)), directory));
    return std::string();
  });
  if (done.tried == Attempt::Tried::worked) return {};
  return std::unexpected<Error>(std::move(done.error));
}

Result<std::vector<Layers>> open_layers(const std::vector<plan::MountStep>& steps) {
  std::vector<Layers> all(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Overlay* step = std::get_if<Overlay>(&steps[i]);
    if (step == nullptr) continue;
    all[i].lower = TRY(open_lower(*step));
    // In the user namespace that mounts it, and while the host's /dev is there.
    if (step->engine == plan::OverlayEngine::fuse) all[i].fuse = TRY(sys::open_file("/dev/fuse", O_RDWR));
    if (step->layers.empty()) continue;
    const sys::Fd place = TRY(sys::open_file(step->layers, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    all[i].upper = TRY(sys::open_at(place, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    all[i].work = TRY(sys::open_at(place, "work", O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }
  return all;
}

Result<> make_whiteouts(const Overlay& step, const sys::Fd& lower, const sys::Fd& layer) {
  for (const std::string& hidden : step.hidden) {
    const std::string shown = path::join(step.inside, hidden);
    sys::Fd below = TRY(sys::open_at(lower, ".", O_PATH | O_DIRECTORY)), above = TRY(sys::open_at(layer, ".", O_PATH | O_DIRECTORY));
    std::string_view rest = hidden;
    bool exists = true;
    for (std::size_t slash; exists && (slash = rest.find('/')) != std::string_view::npos; rest.remove_prefix(slash + 1)) {
      const std::string name(rest.substr(0, slash));
      std::optional<sys::Fd> next = TRY(sys::open_at_if_exists(below, name, O_PATH | O_NOFOLLOW, shown));
      if (!(exists = next.has_value())) break;
      below = *std::move(next);
      const sys::FileStat stat = TRY(sys::stat_fd(below.get(), shown));
      if (stat.kind != sys::FileKind::directory) return fail_hint("name it without links on the way", "hide ", printable(shown), ": ", printable(name), " is no directory");
      // What is seen of the directory is seen of this layer's.
      TRY(make_if_missing(above, name, stat.mode, shown));
      above = TRY(sys::open_at(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    }
    if (exists) TRY(sys::make_whiteout_at(above, std::string(rest), shown));
  }
  return {};
}

namespace {

std::string lowers_of(const Layers& layers, const sys::Fd& front) {
  return front.valid() ? name_of(front) + ":" + name_of(layers.lower) : name_of(layers.lower);
}

Result<sys::Fd> mount_by_kernel(const Overlay& step, const Layers& layers, const sys::Fd& front) {
  sys::MountOptions options{{"lowerdir", lowers_of(layers, front)}, {"upperdir", name_of(layers.upper)}, {"workdir", name_of(layers.work)}, {"userxattr", ""}};
  if (!step.kept) options.emplace_back("volatile", "");  // nothing is synced that nobody will see again
  return sys::make_filesystem("overlay", options, {.nosuid = true, .nodev = true});
}

struct Server {
  const std::string& program;
  std::string options, connection;
  std::array<int, 5> inherited;
  int landlock_abi;
  std::vector<sys::LandlockPath> paths;
};

// It goes through its layers by name, and whoever can write to the host's directory may put a link in its way: whatever
// that leads to, it makes and changes nothing but in the layers that are its own.
Result<> keep_to_layers(const Server& server) {
  TRY(sys::set_no_new_privileges());
  return sys::enter_landlock(server.landlock_abi, server.paths);
}

Result<std::vector<sys::LandlockPath>> paths_of_server(const Layers& layers, const sys::Fd& front) {
  std::vector<sys::LandlockPath> paths{{name_of(layers.lower), false}, {name_of(layers.upper), true}, {name_of(layers.work), true}};
  if (front.valid()) paths.push_back({name_of(front), false});
  for (const char* needed : {"/usr", "/lib", "/lib64", "/nix", "/etc", "/proc", "/dev"})  // to be started
    if (TRY(sys::stat_path(needed, true))) paths.push_back({needed, false});
  return paths;
}

// What it says of a failure goes where sbx's own words go.
void start_server(void* argument) {
  const auto* server = static_cast<Server*>(argument);
  for (const int fd : server->inherited)
    if (fd >= 0 && !sys::keep_open_on_exec(fd)) sys::exit_now(exit_status::setup_failed);
  if (!sys::new_process_group() || !sys::keep_capabilities_on_exec() || !keep_to_layers(*server)) sys::exit_now(exit_status::setup_failed);
  std::string program = server->program, options = server->options, connection = server->connection, foreground = "-f", flag = "-o";
  char* words[] = {program.data(), foreground.data(), flag.data(), options.data(), connection.data(), nullptr};
  char* none[] = {nullptr};
  static_cast<void>(sys::start_program_in_place(server->program, words, none).has_value());
  sys::exit_now(exit_status::setup_failed);
}

// We mount, and fuse-overlayfs answers; a child of init, it ends with the sandbox. It has opened its layers by the time
// it answers for the first time, and keeps them when the root is another. It is of the payload's user, and its descriptors
// lead to the host's directory: only with more capabilities than the payload is it out of its reach (ptrace(2), "Ptrace
// access mode checking").
Result<sys::Fd> mount_by_fuse(const Overlay& step, Layers& layers, const sys::Fd& front) {
  const sys::FileStat lower = TRY(sys::stat_fd(layers.lower.get(), step.outside));
  const sys::MountOptions options{{"source", "fuse-overlayfs"}, {"fd", text(layers.fuse.get())}, {"rootmode", octal(0040000 | lower.mode)},
                                  {"user_id", text(sys::caller_uid())}, {"group_id", text(sys::caller_gid())},
                                  {"default_permissions", ""}, {"allow_other", ""}};
  sys::Fd mount = TRY(sys::make_filesystem("fuse", options, {.nosuid = true, .nodev = true}));
  Server server{.program = step.program,
                .options = text("lowerdir=", lowers_of(layers, front), ",upperdir=", name_of(layers.upper), ",workdir=", name_of(layers.work)),
                .connection = text("/dev/fd/", layers.fuse.get()),
                .inherited = {layers.fuse.get(), layers.lower.get(), layers.upper.get(), layers.work.get(), front.valid() ? front.get() : -1},
                .landlock_abi = TRY(sys::landlock_abi()),
                .paths = TRY(paths_of_server(layers, front))};
  TRY(sys::run_until_exec(start_server, &server, "start fuse-overlayfs"));
  layers.fuse.reset();  // with the last descriptor the connection ends, and whoever waits for an answer has one
  const auto answered = sys::open_at(mount, ".", O_RDONLY | O_DIRECTORY);
  if (!answered) return fail("fuse-overlayfs: ", answered.error().message);
  return mount;
}

}  // namespace

Result<sys::Fd> mount_overlay(const Overlay& step, Layers& layers, const sys::Fd& front) {
  auto mount = step.engine == plan::OverlayEngine::fuse ? mount_by_fuse(step, layers, front) : mount_by_kernel(step, layers, front);
  if (!mount) return fail_hint(mount.error().hint, "overlay of ", printable(step.outside), ": ", mount.error().message);
  return mount;
}

}  // namespace launch
