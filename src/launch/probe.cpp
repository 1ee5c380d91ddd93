// Host, read once.
#include "launch/probe.h"

#include "base/path.h"
#include "launch/join.h"
#include "launch/network.h"
#include "launch/project.h"
#include "launch/surroundings.h"
#include "launch/trial.h"
#include "plan/expand.h"
#include "plan/identity.h"
#include "plan/mounts.h"
#include "plan/overlays.h"
#include "store/origin.h"
#include "supervise/state.h"
#include "sys/file.h"
#include "sys/filesystem.h"
#include "sys/mount.h"
#include "sys/mount_table.h"
#include "sys/privilege.h"
#include "sys/terminal.h"
#include "sys/user.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/sched.h>
#include <tuple>

namespace launch {

namespace {

constexpr std::size_t most_bytes = 1 << 20;

std::string environment_value(const Host& host, std::string_view name) {
  for (const auto& [key, value] : host.environment)
    if (key == name) return value;
  return {};
}

// A home that does not exist, or is closed to us, has no other name either.
Result<> probe_real_home(Host& host) {
  if (host.home.empty()) return {};
  auto real_home = sys::real_path(host.home);
  const int code = real_home ? 0 : real_home.error().code;
  if (code != 0 && code != ENOENT && code != ENOTDIR && code != EACCES) return std::unexpected<Error>(std::move(real_home).error());
  if (real_home) host.real_home = *std::move(real_home);
  return {};
}

Result<> probe_caller(Host& host) {
  host.uid = sys::caller_uid(), host.gid = sys::caller_gid();
  host.environment = sys::environment();
  const std::optional<sys::User> user = TRY(sys::find_user(host.uid));
  host.user = user ? user->name : "user";
  host.shell = user ? user->shell : "/bin/sh";
  const std::string home = environment_value(host, "HOME");
  if (home.starts_with('/')) host.home = home;
  else if (user) host.home = user->home;
  TRY(probe_real_home(host));
  host.group = TRY(sys::find_group_name(host.gid)).value_or(host.user);
  for (std::size_t fd = 0; fd < host.terminal.size(); ++fd) host.terminal[fd] = sys::is_terminal(static_cast<int>(fd));
  return {};
}

Result<> probe_ranges(Host& host, const profile::Profile& profile) {
  if (!plan::wants_range(profile) && host.uid != 0) return {};
  host.subuids = TRY(sys::find_subordinate_ranges(sys::IdKind::user, host.user, host.uid));
  host.subgids = TRY(sys::find_subordinate_ranges(sys::IdKind::group, host.user, host.uid));
  return {};
}

Result<> probe_root_links(Host& host) {
  for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    const std::optional<sys::FileStat> found = TRY(sys::stat_path(name, false));
    if (!found) continue;
    if (found->kind == sys::FileKind::directory) host.root_directories.emplace_back(name);
    if (found->kind != sys::FileKind::symlink) continue;
    const std::optional<std::string> to = TRY(sys::read_link(name));
    if (to) host.root_links.emplace_back(name, *to);
  }
  return {};
}

// Names in a directory that may be missing or closed to us: what we cannot list, the payload cannot read.
Result<std::vector<std::string>> names_in(const std::string& directory) {
  auto names = sys::list_directory(directory);
  if (!names && (names.error().code == ENOENT || names.error().code == EACCES)) return std::vector<std::string>{};
  return names;
}

// The usual names: what any other of the kind holds is closed to everybody but root.
constexpr std::array<std::string_view, 11> usual_secrets{
    "gshadow", "gshadow-", "shadow", "shadow-", "sudoers", "sudoers.d", "ssh/ssh_host_dsa_key", "ssh/ssh_host_ecdsa_key",
    "ssh/ssh_host_ed25519_key", "ssh/ssh_host_rsa_key", "ssl/private"};

// Root could read them all, so all are looked for.
Result<> probe_etc_as_root(Host& host, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    for (const char* pattern : {"shadow*", "gshadow*", "sudoers*"})
      if (matches_pattern(pattern, name)) host.etc_secrets.push_back(name);
  for (const std::string& name : TRY(names_in("/etc/ssh")))
    if (matches_pattern("*_key", name)) host.etc_secrets.push_back("ssh/" + name);
  if (TRY(sys::stat_path("/etc/ssl/private", false))) host.etc_secrets.emplace_back("ssl/private");
  return {};
}

Result<> probe_etc(Host& host) {
  std::vector<std::string> names;
  if (host.uid == 0 || !host.overlay) names = TRY(names_in("/etc"));
  if (host.uid == 0) {
    TRY(probe_etc_as_root(host, names));
  } else {
    for (const std::string_view name : usual_secrets)
      if (TRY(sys::stat_path(text("/etc/", name), false))) host.etc_secrets.emplace_back(name);
  }
  if (host.overlay) return {};
  for (const std::string& name : names) {
    const std::optional<std::string> link = TRY(sys::read_link("/etc/" + name));
    host.etc_entries.emplace_back(name, link.value_or(""));
  }
  return {};
}

// What is loaded, or built in and has settings as overlayfs has, is a directory there; the list takes ten times as long.
Result<bool> overlay_is_listed() {
  const auto module = sys::stat_path("/sys/module/overlay");
  if (!module && module.error().code != EACCES) return std::unexpected<Error>(module.error());
  if (module && *module) return true;
  const std::string filesystems = TRY(sys::read_file("/proc/filesystems", most_bytes));
  return filesystems.find("\toverlay\n") != std::string::npos;
}

// A module is listed once it is loaded. Whoever mounts loads it, in a user namespace too, unless the machine's owner
// forbids it; so the first sbx since the boot lets a process of its own try.
Result<bool> has_overlay() {
  if (TRY(overlay_is_listed())) return true;
  const std::string release = TRY(sys::read_file("/proc/sys/kernel/osrelease", most_bytes));
  const std::string module = text("/lib/modules/", trim(release), "/kernel/fs/overlayfs/overlay.ko");
  for (const char* compressed : {"", ".xz", ".zst", ".gz"}) {
    if (!TRY(sys::stat_path(module + compressed, true))) continue;
    const auto open_one = []() -> Result<std::string> {
      TRY(sys::make_filesystem("overlay", {}, {}));  // without layers it fails, but by then it is loaded
      return std::string{};
    };
    if (try_stage(CLONE_NEWUSER | CLONE_NEWNS, nullptr, open_one).error.code == ENODEV) return false;
    return overlay_is_listed();
  }
  return false;
}

Result<> probe_machine(Host& host) {
  std::tie(host.kernel_major, host.kernel_minor) = sys::kernel_version();
  host.overlayfs = host.kernel_at_least(5, 11) && TRY(has_overlay());
  // Mounts below a lower directory are locked in a user namespace, and overlayfs then refuses it. Container engines
  // mount resolv.conf, hosts and hostname there.
  host.mount_points = TRY(sys::mounted_places());
  host.overlay = host.overlayfs && std::ranges::none_of(host.mount_points, [](const std::string& place) { return path::is_below(place, "/etc"); });
  host.landlock_abi = TRY(sys::landlock_abi());
  for (const auto entries : {plan::masked_proc_entries(), plan::read_only_proc_entries()})
    for (const std::string_view name : entries)
      if (TRY(sys::stat_path(text("/proc/", name), false))) host.proc_entries.emplace_back(name);
  for (const std::string_view name : plan::masked_sys_entries())
    if (TRY(sys::stat_path(text("/sys/", name), false))) host.sys_entries.emplace_back(name);
  TRY(probe_root_links(host));
  return probe_etc(host);
}

bool is_out_of_sight(int code) { return code == ENOENT || code == ENOTDIR || code == EACCES || code == ELOOP; }

// As realpath(1) -m has it: of what does not exist, or is closed to us, its parents are resolved. A link that leads
// nowhere yet counts as well, for its target may be made.
Result<std::string> resolve(const std::string& path, int links = 40) {
  auto real = sys::real_path(path);
  if (real || !is_out_of_sight(real.error().code)) return real;
  const std::string parent = path::parent(path);
  if (parent == path || path == ".") return path;
  const auto link = sys::read_link(path);
  if (!link && !is_out_of_sight(link.error().code)) return std::unexpected(link.error());
  if (!link || !*link || links == 0) return path::normalise(TRY(resolve(parent, links)) + "/" + std::string(path::base_name(path)));
  return resolve(path::normalise((*link)->starts_with('/') ? **link : TRY(resolve(parent, links)) + "/" + **link), links - 1);
}

// The symbolic links on the way to a path, and on the way of each of them.
Result<> find_links(std::string path, std::vector<std::string>& out) {
  constexpr std::size_t most_links = 40;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path == "/" || out.size() >= most_links) return {};
  TRY(find_links(path::parent(path), out));
  const std::string directory = TRY(resolve(path::parent(path)));
  const std::string itself = path::join(directory, path::base_name(path));
  const auto target = sys::read_link(itself);
  if (!target && !is_out_of_sight(target.error().code)) return std::unexpected(target.error());
  if (!target || !*target || std::ranges::find(out, itself) != out.end()) return {};
  out.push_back(itself);
  return find_links((*target)->starts_with('/') ? **target : path::join(directory, **target), out);
}

Result<> probe_paths(Host& host, const profile::Profile& profile) {
  for (std::string& path : TRY(plan::paths_to_resolve(profile, host))) {
    std::string real = TRY(resolve(path));
    host.resolved.emplace_back(std::move(path), std::move(real));
  }
  for (const std::string& place : plan::own_places(host)) {
    const auto found = std::ranges::find(host.resolved, place, &std::pair<std::string, std::string>::first);
    if (found != host.resolved.end() && found->second != place) TRY(find_links(place, host.links));
  }
  const std::vector<std::string> questions = TRY(plan::paths_to_probe(profile, host));
  for (const std::string& path : questions)
    if (TRY(sys::stat_path(path, false))) host.present.push_back(path);
  const std::string root = profile.root ? profile.root->value : "empty";
  if (root == "empty" || root == "host") return {};
  const std::string directory = TRY(plan::expand_path(root.ends_with(":ro") ? root.substr(0, root.size() - 3) : root, host));
  const std::optional<sys::FileStat> found = TRY(sys::stat_path(directory));
  if (!found) return fail("root file system ", printable(directory), ": No such file or directory");
  if (found->kind != sys::FileKind::directory) return fail("root file system ", printable(directory), ": Not a directory");
  host.rootfs_owner = found->uid;
  return {};
}

// What the sandbox of this name keeps from earlier runs.
Result<> probe_kept(Host& host, const std::string& name) {
  const std::string place = path::join(host.sandboxes, name + "/changes");
  if (!TRY(sys::stat_path(place, false))) return {};
  for (const std::string& number : TRY(names_in(place))) {
    const std::string layers = path::join(place, number);
    const auto written = TRY(sys::read_file_if_exists(path::join(layers, "origin"), store::most_origin));
    if (!written) continue;  // nothing has run over it
    auto origin = store::decode_origin(*written);
    if (!origin) return fail_hint(text("sbx discard ", name, " forgets its changes"), printable(layers), "/origin: ", origin.error().message);
    host.kept.push_back({layers, origin->inside, origin->outside, std::string(store::engine_names[origin->engine]), origin->inode});
  }
  return {};
}

// Of a path that is yet to be made: of what it will be made in.
Result<std::string> filesystem_around(std::string path) {
  while (!TRY(sys::stat_path(path))) path = path::parent(path);
  return sys::filesystem_name(path);
}

Result<> probe_overlays(Host& host, const profile::Profile& profile) {
  const std::string state = environment_value(host, "XDG_STATE_HOME");
  const bool needed = profile.name || !profile.overlay.empty() || !profile.tmp_overlay.empty();
  if (!needed) return {};
  if (const auto place = supervise::sandboxes_directory(state.c_str(), host.home.c_str())) host.sandboxes = *place;
  if (profile.name && !host.sandboxes.empty()) TRY(probe_kept(host, profile.name->value));
  const std::vector<std::string> directories = TRY(plan::overlaid_directories(profile, host));
  if (directories.empty()) return {};
  for (const std::string& each : directories) {
    const auto found = TRY(sys::stat_path(each));
    if (!found) continue;
    std::string real = TRY(sys::real_path(each));
    host.lowers.push_back({each, std::move(real), found->kind == sys::FileKind::directory, TRY(sys::filesystem_name(each)), found->inode});
  }
  if (!host.sandboxes.empty()) host.sandboxes_filesystem = TRY(filesystem_around(host.sandboxes));
  const std::string program = TRY(find_program("fuse-overlayfs"));
  if (!program.empty() && sys::may_write("/dev/fuse")) host.fuse_overlayfs = program;
  return {};
}

}  // namespace

Result<Host> probe_host(const profile::Profile& profile) {
  Host host;
  TRY(probe_caller(host));
  TRY(probe_ranges(host, profile));
  TRY(probe_project(host));
  TRY(probe_machine(host));
  TRY(probe_joined(host, profile));
  TRY(probe_network(host, profile));
  TRY(probe_overlays(host, profile));
  TRY(probe_paths(host, profile));
  return host;
}

}  // namespace launch
