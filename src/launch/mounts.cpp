// The new root. Sources are opened while the host's names still mean what the user meant, before anything is
// attached; the root is attached before anything is mounted in it (mounting on a detached tree needs 6.15).
#include "launch/mounts.h"

#include "base/path.h"
#include "launch/mount_points.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/moves.h"

#include <fcntl.h>
#include <optional>

namespace launch {

namespace {

constexpr std::size_t most_secret_bytes = 1 << 20;
constexpr sys::MountFlags own_flags{.nosuid = true, .nodev = true};

// What a step needs from the old root.
struct Source {
  std::optional<sys::Fd> tree;  // Bind: nothing when it is optional and not there
  std::string content;          // Copy
  Layers layers;                // Overlay
};

struct Builder {
  sys::Fd root;
  // One file system of our own for everything small: the directories of size 0, the layers of overlays, and the
  // empty file and directory of the masks. A superblock costs more than all binds of its directories.
  sys::Fd scratch;
  int scratch_directories = 0;
  sys::Fd file_mask, directory_mask;  // the first of each kind: its copies are read-only from birth
  MountPoints places{root};
  std::vector<std::pair<sys::Fd, std::string>> to_lock;  // made read-only at the end
  std::vector<std::pair<std::uint64_t, std::string>> watched;
  sys::Fd moves;
  std::vector<std::pair<int, std::string>> move_numbers;
  sys::Fd live, userns_limit;
  sys::Fd proc;
  bool in_cgroup = false;

  Result<sys::Fd> make_tmpfs(const plan::Tmpfs& step);
  Result<sys::Fd> make_scratch_directory(unsigned mode, const std::string& inside);
  Result<sys::Fd> make_mask(bool directory, const std::string& inside);
  Result<> attach(const sys::Fd& mount, const sys::Fd& at, const std::string& inside);
  Result<> watch(const sys::Fd& mount, const sys::Fd& covered, const std::string& inside);
  Result<> apply(const plan::Tmpfs& step, Source& source);
  Result<> apply(const plan::Directory& step, Source& source);
  Result<> apply(const plan::Symlink& step, Source& source);
  Result<> apply(const plan::File& step, Source& source);
  Result<> apply(const plan::LiveFile& step, Source& source);
  Result<> apply(const plan::Cover& step, Source& source);
  Result<> apply(const plan::Copy& step, Source& source);
  Result<> apply(const plan::Bind& step, Source& source);
  Result<> apply(const plan::Layered& step, Source& source);
  Result<sys::Fd> make_overlay(const plan::Overlay& step, Layers& layers);
  Result<> apply(const plan::Overlay& step, Source& source);
  Result<> apply(const plan::Proc& step, Source& source);
  Result<> apply(const plan::Sysfs& step, Source& source);
  Result<> apply(const plan::Devpts& step, Source& source);
  Result<> apply(const plan::CgroupMount& step, Source& source);
  Result<> apply(const plan::Pin& step, Source& source);
  Result<> apply(const plan::Mask& step, Source& source);
};

Result<Source> open_source(const plan::MountStep& step) {
  Source source;
  if (const auto* copy = std::get_if<plan::Copy>(&step)) source.content = TRY(sys::read_file(copy->outside, most_secret_bytes));
  const auto* bind = std::get_if<plan::Bind>(&step);
  if (bind == nullptr) return source;
  source.tree = TRY(sys::clone_tree(bind->outside, bind->exact ? sys::Links::refuse : sys::Links::follow));
  if (!source.tree && bind->optional) return source;
  if (!source.tree) return fail_hint("check the name, or end it with ? where it may be missing", "bind ", printable(bind->outside), ": No such file or directory");
  const bool device = path::is_below(bind->inside, "/dev");
  TRY(sys::restrict_mount(*source.tree, {.read_only = bind->read_only, .nosuid = true, .nodev = !device}, true, bind->outside));
  return source;
}

Result<sys::Fd> Builder::make_tmpfs(const plan::Tmpfs& step) {
  if (step.size == 0) {
    const sys::Fd directory = TRY(make_scratch_directory(step.mode, step.inside));
    return sys::clone_tree(directory, step.inside);
  }
  sys::Fd mount = TRY(sys::make_filesystem("tmpfs", {{"size", text(step.size)}, {"mode", octal(step.mode)}}, own_flags));
  TRY(places.add_own(mount));
  return mount;
}

// The directory itself, not yet a mount.
Result<sys::Fd> Builder::make_scratch_directory(unsigned mode, const std::string& inside) {
  const std::string name = text(scratch_directories++);
  TRY(sys::make_directory_at(scratch, name, mode, inside));
  return sys::open_at(scratch, name, O_PATH | O_NOFOLLOW);
}

Result<sys::Fd> Builder::make_mask(bool directory, const std::string& inside) {
  const sys::Fd empty = TRY(sys::open_at(scratch, directory ? "directory" : "file", O_PATH | O_NOFOLLOW));
  sys::Fd mount = TRY(sys::clone_tree(empty, inside));
  TRY(sys::restrict_mount(mount, {.read_only = true, .noexec = true}, false, inside));
  return mount;
}

Result<> Builder::attach(const sys::Fd& mount, const sys::Fd& at, const std::string& inside) {
  places.forget(inside);
  return sys::attach_mount(mount, at, inside);
}

// The mount may be taken away (mountinfo tells), or be carried off with what it covers (inotify tells).
Result<> Builder::watch(const sys::Fd& mount, const sys::Fd& covered, const std::string& inside) {
  watched.emplace_back(TRY(sys::mount_id(mount, inside)), inside);
  if (!moves.valid()) moves = TRY(sys::make_move_watch());
  move_numbers.emplace_back(TRY(sys::watch_for_move(moves, covered, inside)), inside);
  return {};
}

Result<> Builder::apply(const plan::Tmpfs& step, Source&) {
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory, step.mode));
  if (step.in_root) return {};
  sys::Fd mount = TRY(make_tmpfs(step));
  TRY(attach(mount, at, step.inside));
  if (step.read_only) to_lock.emplace_back(std::move(mount), step.inside);
  return {};
}

Result<> Builder::apply(const plan::Directory& step, Source&) {
  const sys::Fd made = TRY(places.place(step.inside, MountPoints::Kind::directory, step.mode));
  return {};
}

Result<> Builder::apply(const plan::Symlink& step, Source&) {
  const sys::Fd* parent = TRY(places.own_parent(step.inside));
  return sys::make_symlink_at(*parent, std::string(path::base_name(step.inside)), step.to, step.inside);
}

Result<> Builder::apply(const plan::File& step, Source&) {
  const sys::Fd* parent = TRY(places.own_parent(step.inside));
  return sys::make_file_at(*parent, std::string(path::base_name(step.inside)), step.content, step.mode, step.inside);
}

// In a mount of its own, because what an overlay shows must not be written to below it (overlayfs, "Changes to underlying
// filesystems"). It is read-only inside; the descriptor comes through another mount.
Result<> Builder::apply(const plan::LiveFile& step, Source&) {
  TRY(sys::make_file_at(scratch, "live", step.content, 0644, step.inside));
  live = TRY(sys::open_at(scratch, "live", O_WRONLY));
  const sys::Fd file = TRY(sys::open_at(scratch, "live", O_PATH | O_NOFOLLOW));
  const sys::Fd mount = TRY(sys::clone_tree(file, step.inside));
  TRY(sys::restrict_mount(mount, {.read_only = true, .nosuid = true, .nodev = true, .noexec = true}, false, step.inside));
  const sys::Fd at = TRY(places.find(step.inside));
  return attach(mount, at, step.inside);
}

Result<> Builder::apply(const plan::Cover& step, Source&) {
  const auto at = places.place(step.inside, MountPoints::Kind::file);
  if (!at && step.optional && at.error().code == ENOENT) return {};
  if (!at) return std::unexpected<Error>(at.error());
  const std::string name = text(scratch_directories++);
  TRY(sys::make_file_at(scratch, name, step.content, 0444, step.inside));
  const sys::Fd file = TRY(sys::open_at(scratch, name, O_PATH | O_NOFOLLOW));
  const sys::Fd mount = TRY(sys::clone_tree(file, step.inside));
  TRY(sys::restrict_mount(mount, {.read_only = true}, false, step.inside));
  return attach(mount, *at, step.inside);
}

Result<> Builder::apply(const plan::Copy& step, Source& source) {
  const sys::Fd* parent = TRY(places.own_parent(step.inside));
  return sys::make_file_at(*parent, std::string(path::base_name(step.inside)), source.content, step.mode, step.inside);
}

Result<> Builder::apply(const plan::Bind& step, Source& source) {
  if (!source.tree) return {};
  const sys::FileStat stat = TRY(sys::stat_fd(source.tree->get(), step.outside));
  const auto kind = stat.kind == sys::FileKind::directory ? MountPoints::Kind::directory : MountPoints::Kind::file;
  const sys::Fd at = TRY(places.place(step.inside, kind));
  return attach(*source.tree, at, step.inside);
}

Result<> Builder::apply(const plan::Layered& step, Source&) {
  const sys::Fd layer = TRY(make_scratch_directory(0755, step.inside));
  for (const plan::File& file : step.files) TRY(sys::make_file_at(layer, file.inside, file.content, file.mode, file.inside));
  MountPoints in_layer(layer);
  TRY(in_layer.add_own(layer));
  for (const std::string& hidden : step.hidden) {
    const sys::Fd* parent = TRY(in_layer.own_parent("/" + hidden));
    TRY(sys::make_whiteout_at(*parent, std::string(path::base_name(hidden)), path::join(step.inside, hidden)));
  }
  // Overlayfs resolves its layers by name: ours is "." from inside it. A colon or comma in a name would need escapes;
  // the only directory the plan layers is /etc.
  TRY(sys::change_directory(layer, step.inside));
  const sys::Fd overlay = TRY(sys::make_filesystem("overlay", {{"lowerdir", ".:" + step.outside}},
                                                   {.read_only = true, .nosuid = true, .nodev = true}));
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory));
  return attach(overlay, at, step.inside);
}

Result<sys::Fd> Builder::make_overlay(const plan::Overlay& step, Layers& layers) {
  if (!layers.upper.valid()) {
    const sys::FileStat lower = TRY(sys::stat_fd(layers.lower.get(), step.outside));
    layers.upper = TRY(make_scratch_directory(lower.mode, step.inside));
    layers.work = TRY(make_scratch_directory(0700, step.inside));
  }
  sys::Fd front;
  if (!step.hidden.empty()) {
    front = TRY(make_scratch_directory(0755, step.inside));
    TRY(make_whiteouts(step, layers.lower, front));
  }
  sys::Fd mount = TRY(mount_overlay(step, layers, front));
  TRY(places.add_own(mount));
  return mount;
}

Result<> Builder::apply(const plan::Overlay& step, Source& source) {
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory));
  const sys::Fd mount = TRY(make_overlay(step, source.layers));
  return attach(mount, at, step.inside);
}

Result<> Builder::apply(const plan::Proc& step, Source&) {
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory));
  if (!proc.valid()) proc = TRY(make_proc());
  // Here and now, before /proc/sys is pinned. In the host's /proc it would be one of as many entries of that name as
  // there are user namespaces, all in one hash chain.
  userns_limit = TRY(sys::open_at(proc, "sys/user/max_user_namespaces", O_WRONLY));
  return attach(proc, at, step.inside);
}

Result<> Builder::apply(const plan::Sysfs& step, Source&) {
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory));
  const sys::Fd sysfs = TRY(sys::make_filesystem("sysfs", {}, {.read_only = true, .nosuid = true, .nodev = true, .noexec = true}));
  return attach(sysfs, at, step.inside);
}

Result<> Builder::apply(const plan::Devpts& step, Source&) {
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory));
  // No gid=5: with one id mapped there is no such group inside.
  const sys::Fd devpts = TRY(sys::make_filesystem("devpts", {{"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "620"}},
                                                  {.nosuid = true, .noexec = true}));
  return attach(devpts, at, step.inside);
}

Result<> Builder::apply(const plan::CgroupMount& step, Source&) {
  if (!in_cgroup) return {};
  const sys::Fd at = TRY(places.place(step.inside, MountPoints::Kind::directory));
  const sys::Fd group = TRY(sys::make_filesystem("cgroup2", {}, {.read_only = true, .nosuid = true, .nodev = true, .noexec = true}));
  return attach(group, at, step.inside);
}

Result<> Builder::apply(const plan::Pin& step, Source&) {
  auto found = places.find_itself(step.inside);
  if (!found && step.optional && found.error().code == ENOENT) return {};
  const sys::Fd at = TRY(std::move(found));
  const sys::Fd mount = TRY(sys::clone_tree(at, step.inside));
  if (step.read_only) TRY(sys::restrict_mount(mount, {.read_only = true}, true, step.inside));
  TRY(attach(mount, at, step.inside));
  if (step.watch) TRY(watch(mount, at, step.inside));
  return {};
}

Result<> Builder::apply(const plan::Mask& step, Source&) {
  auto found = places.find(step.inside);
  if (!found && step.optional && found.error().code == ENOENT) return {};
  const sys::Fd at = TRY(std::move(found));
  const bool directory = TRY(sys::stat_fd(at.get(), step.inside)).kind == sys::FileKind::directory;
  sys::Fd& first = directory ? directory_mask : file_mask;
  sys::Fd mount = TRY(first.valid() ? sys::clone_tree(first, step.inside) : make_mask(directory, step.inside));
  TRY(attach(mount, at, step.inside));
  if (step.watch) TRY(watch(mount, at, step.inside));
  if (!first.valid()) first = std::move(mount);
  return {};
}

// A copy can only be made of what is attached. It covers the host's /dev, whose nodes are open by now, and
// goes with the old root at the pivot. (On "/" it would come between the old root and the new one.)
Result<> make_scratch(Builder& builder) {
  builder.scratch = TRY(sys::make_filesystem("tmpfs", {{"size", "25%"}, {"mode", "0755"}}, own_flags));
  TRY(sys::make_directory_at(builder.scratch, "directory", 0555, "an empty directory"));
  TRY(sys::make_file_at(builder.scratch, "file", {}, 0444, "an empty file"));
  TRY(builder.places.add_own(builder.scratch));
  return sys::attach_mount(builder.scratch, "/dev");
}

Result<> make_root(Builder& builder, const plan::MountStep& first, Source& source) {
  if (const auto* tmpfs = std::get_if<plan::Tmpfs>(&first)) builder.root = TRY(builder.make_tmpfs(*tmpfs));
  else if (const auto* overlay = std::get_if<plan::Overlay>(&first)) builder.root = TRY(builder.make_overlay(*overlay, source.layers));
  else if (source.tree) builder.root = std::move(*source.tree);
  else return fail("the first mount of the plan is not a root");
  return sys::attach_mount(builder.root, "/");
}

}  // namespace

Result<sys::Fd> make_proc() {
  auto proc = sys::make_filesystem("proc", {}, {.nosuid = true, .nodev = true, .noexec = true});
  if (!proc) return fail_hint("inside a container /proc is partly covered, and the kernel refuses a new one; run sbx doctor", proc.error().message);
  return proc;
}

Result<BuiltRoot> build_root(const std::vector<plan::MountStep>& steps, std::vector<Layers> layers, sys::Fd proc, bool in_cgroup) {
  std::vector<Source> sources;
  TRY(sys::make_mounts_private());
  for (const plan::MountStep& step : steps) sources.push_back(TRY(open_source(step)));
  for (std::size_t i = 0; i < steps.size(); ++i) sources[i].layers = std::move(layers[i]);
  Builder builder;
  builder.in_cgroup = in_cgroup, builder.proc = std::move(proc);
  TRY(make_scratch(builder));
  TRY(make_root(builder, steps.front(), sources.front()));
  for (std::size_t i = 1; i < steps.size(); ++i)
    TRY(std::visit([&](const auto& step) { return builder.apply(step, sources[i]); }, steps[i]));
  for (const auto& [mount, inside] : builder.to_lock) TRY(sys::restrict_mount(mount, {.read_only = true}, false, inside));
  return BuiltRoot{.root = std::move(builder.root), .watched = std::move(builder.watched),
                   .moves = std::move(builder.moves), .move_numbers = std::move(builder.move_numbers),
                   .live = std::move(builder.live), .userns_limit = std::move(builder.userns_limit)};
}

}  // namespace launch
