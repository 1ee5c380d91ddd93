// Files of /proc, /sys and /etc, and what lies in PATH.
#include "launch/surroundings.h"

#include "base/path.h"
#include "base/units.h"
#include "launch/delegation.h"
#include "sys/file.h"
#include "sys/mount_table.h"
#include "sys/user.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <tuple>

namespace launch {

namespace {

constexpr std::size_t most_bytes = 4 << 20;

Result<std::string> text_of(const std::string& file) {
  const std::optional<std::string> content = TRY(sys::read_file_if_exists(file, most_bytes));
  return content.value_or("");
}

Result<std::optional<std::uint64_t>> setting(const std::string& name) {
  const std::optional<std::string> content = TRY(sys::read_file_if_exists("/proc/sys/" + name, most_bytes));
  if (!content) return std::optional<std::uint64_t>{};
  return std::optional<std::uint64_t>(TRY(parse_number(trim(*content))));
}

std::string variable(std::string_view name) {
  for (const auto& [key, value] : sys::environment())
    if (key == name) return value;
  return {};
}

Result<MapHelper> probe_helper(const std::string& name) {
  MapHelper helper{.path = TRY(find_program(name))};
  if (helper.path.empty()) return helper;
  const std::optional<sys::FileStat> found = TRY(sys::stat_path(helper.path));
  // Root may look like nobody from inside a user namespace.
  const bool set_uid = found && (found->mode & 04000) != 0 && (found->uid == 0 || found->uid == 65534);
  helper.privileged = set_uid || sys::has_file_capabilities(helper.path);
  return helper;
}

Result<> probe_binary(Surroundings& around) {
  around.executable = TRY(sys::read_link("/proc/self/exe")).value_or("");
  around.first_in_path = TRY(find_program("sbx"));
  if (around.first_in_path.empty()) return {};
  const auto ours = TRY(sys::stat_path("/proc/self/exe")), first = TRY(sys::stat_path(around.first_in_path));
  around.first_in_path_is_this = ours && first && ours->device == first->device && ours->inode == first->inode;
  return {};
}

// systemd's convention is the variable `container`; the engines leave a file as well.
Result<> probe_container(Surroundings& around) {
  const std::string named = variable("container");
  const auto is = [&](std::string name, std::string evidence) {
    around.container = std::move(name), around.evidence = std::move(evidence);
    return Result<>{};
  };
  if (named == "sbx") return is("sbx", "container=sbx");
  if (!variable("KUBERNETES_SERVICE_HOST").empty()) return is("Kubernetes", "KUBERNETES_SERVICE_HOST");
  if (TRY(sys::stat_path("/run/.containerenv"))) return is("Podman", "/run/.containerenv");
  if (TRY(sys::stat_path("/.dockerenv"))) return is("Docker", "/.dockerenv");
  if (TRY(sys::stat_path("/.flatpak-info"))) return is("Flatpak", "/.flatpak-info");
  if (!named.empty()) return is(named, "container=" + named);
  return {};
}

// Without those on directories that are always empty: they are there to be mounted on, and hide nothing.
std::vector<std::string> mounts_that_cover(std::vector<std::string> places, std::string_view directory) {
  std::erase_if(places, [&](const std::string& place) {
    constexpr std::string_view empty[] = {"/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd", "/sys/fs/cgroup", "/sys/fs/bpf",
                                          "/sys/fs/pstore", "/sys/fs/fuse/connections", "/sys/fs/selinux", "/sys/kernel/debug",
                                          "/sys/kernel/tracing", "/sys/kernel/security", "/sys/kernel/config",
                                          "/sys/firmware/efi/efivars"};
    return !path::is_below(place, directory) ||
           std::ranges::any_of(empty, [&](std::string_view each) { return path::is_at_or_below(place, each); });
  });
  return places;
}

bool has_line(std::string_view all, std::string_view line) {
  return std::ranges::any_of(split(all, '\n'), [&](const std::string& each) { return trim(each) == line; });
}

Result<> probe_confinement(Surroundings& around) {
  const std::string status = TRY(text_of("/proc/self/status"));
  around.filtered = has_line(status, "Seccomp:\t2");
  around.no_new_privileges = has_line(status, "NoNewPrivs:\t1");
  const std::string map = TRY(text_of("/proc/self/uid_map"));
  around.in_user_namespace = map.find(" 4294967295\n") == std::string::npos;
  const std::vector<std::string> places = TRY(sys::mounted_places());
  around.covered_proc = mounts_that_cover(places, "/proc");
  around.covered_sys = mounts_that_cover(places, "/sys");
  // Only mounts below the root are listed, and the root of a mount namespace is one.
  around.chrooted = std::ranges::find(places, "/") == places.end();
  return {};
}

Result<> probe_settings(Surroundings& around) {
  around.apparmor_restricts = TRY(setting("kernel/apparmor_restrict_unprivileged_userns"));
  around.userns_clone = TRY(setting("kernel/unprivileged_userns_clone"));
  around.max_user_namespaces = TRY(setting("user/max_user_namespaces"));
  return {};
}

Result<> probe_apparmor(Surroundings& around) {
  const std::string beside = path::join(path::parent(path::parent(around.executable)), "share/sbx/apparmor.d/sbx");
  for (const auto& [file, found] : {std::pair(std::string("/etc/apparmor.d/sbx"), &around.apparmor_loaded),
                                    std::pair(beside, &around.apparmor_shipped)}) {
    const std::string profile = TRY(text_of(file));
    if (profile.empty()) continue;
    *found = file;
    if (around.apparmor_binary.empty()) around.apparmor_binary = binary_of_apparmor_profile(profile);
  }
  return {};
}

// Our own directory, else that of the user's service manager (systemd.exec(5)): a directory is the caller's when
// processes may be put there and its controllers handed on.
Result<> probe_helpers(Surroundings& around) {
  around.newuidmap = TRY(probe_helper("newuidmap"));
  around.newgidmap = TRY(probe_helper("newgidmap"));
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    const std::string ranges = TRY(text_of(file));
    around.free_ids = std::max(around.free_ids, first_free_id(ranges));
  }
  around.fuse_overlayfs = TRY(find_program("fuse-overlayfs"));
  around.fuse_opens = sys::open_file("/dev/fuse", O_RDWR).has_value();
  return {};
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
  for (const std::string& directory : split(variable("PATH"), ':')) {
    if (!directory.starts_with('/')) continue;
    std::string file = path::join(directory, name);
    const auto found = sys::stat_path(file);
    if (!found && found.error().code != EACCES) return std::unexpected<Error>(found.error());
    if (found && *found && (*found)->kind == sys::FileKind::file && ((*found)->mode & 0111) != 0) return file;
  }
  return std::string{};
}

Id first_free_id(std::string_view subordinate) {
  std::uint64_t free = 100000;
  for (const std::string& line : split(subordinate, '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3) continue;
    const auto first = parse_number(fields[1], UINT32_MAX), count = parse_number(fields[2], UINT32_MAX);
    if (first && count) free = std::max(free, *first + *count);
  }
  return static_cast<Id>(std::min<std::uint64_t>(free, UINT32_MAX));
}

std::string binary_of_apparmor_profile(std::string_view profile) {
  for (const std::string& line : split(profile, '\n')) {
    const std::vector<std::string> words = split(trim(line), ' ');
    if (words.size() > 2 && words[0] == "profile") return words[2];
  }
  return {};
}

Result<Surroundings> probe_surroundings() {
  Surroundings around;
  around.uid = sys::caller_uid();
  const std::optional<sys::User> user = TRY(sys::find_user(around.uid));
  around.user = user ? user->name : text(around.uid);
  std::tie(around.kernel_major, around.kernel_minor) = sys::kernel_version();
  TRY(probe_binary(around));
  TRY(probe_container(around));
  TRY(probe_confinement(around));
  TRY(probe_settings(around));
  TRY(probe_apparmor(around));
  around.cgroup = TRY(probe_delegation());
  around.controllers_hint = controllers_hint();
  TRY(probe_helpers(around));
  return around;
}

}  // namespace launch
