// Plain steps for the system directories, so that --dry-run shows each one.
#include "plan/system_mounts.h"

#include "base/path.h"
#include "plan/mounts.h"
#include "plan/network.h"

#include <algorithm>
#include <array>

namespace plan {

namespace {

// What /proc says about the machine beyond processes: kernel memory, keys, addresses, devices.
constexpr std::array<std::string_view, 13> proc_masks{
    "acpi", "config.gz", "driver", "kallsyms", "kcore", "key-users", "keys", "latency_stats", "mtrr", "sched_debug",
    "scsi", "timer_list", "timer_stats"};
// What acts on the machine when written to.
constexpr std::array<std::string_view, 6> proc_read_only{"asound", "bus", "fs", "irq", "sys", "sysrq-trigger"};
// Firmware tables, and power readings that leak other processes' work (CVE-2020-8694).
constexpr std::array<std::string_view, 2> sys_masks{"firmware", "devices/virtual/powercap"};

// Where the host mounts file systems that a sandbox has no part in: control groups, tracing, kernel modules' settings.
constexpr std::array<std::string_view, 5> sys_mount_points{"fs", "kernel/config", "kernel/debug", "kernel/security", "kernel/tracing"};

constexpr std::array<std::string_view, 6> devices{"full", "null", "random", "tty", "urandom", "zero"};

std::string passwd_text(const Plan& plan, const Host& host, const std::string& home) {
  const Identity& identity = plan.identity;
  std::string out;
  const auto line = [&](std::string_view name, Id uid, Id gid, std::string_view dir, std::string_view shell) {
    out += text(name, ":x:", uid, ":", gid, ":", name, ":", dir, ":", shell, "\n");
  };
  const std::string shell = host.shell.starts_with("/usr/") || host.shell.starts_with("/bin/") ? host.shell : "/bin/sh";
  line("root", 0, 0, identity.uid == 0 ? home : "/root", identity.uid == 0 ? shell : "/bin/sh");
  if (identity.uid != 0) line(host.user, identity.uid, identity.gid, home, shell);
  if (identity.uid != 65534) line("nobody", 65534, 65534, "/nonexistent", "/usr/sbin/nologin");
  return out;
}

std::string group_text(const Plan& plan, const Host& host) {
  const Id gid = plan.identity.gid;
  std::string out = "root:x:0:\n";
  if (gid != 0) out += text(host.group, ":x:", gid, ":\n");
  if (gid != 65534) out += "nogroup:x:65534:\n";
  return out;
}

std::vector<File> own_etc_files(const Host& host, const Plan& plan, const std::string& home) {
  std::vector<File> files{{"group", group_text(plan, host)},
                          {"hostname", text(plan.hostname, "\n")},
                          {"passwd", passwd_text(plan, host, home)}};
  for (File& file : name_files(plan, host)) files.push_back(std::move(file));
  std::ranges::sort(files, {}, &File::inside);
  return files;
}

bool is_own(const std::vector<File>& files, const std::string& name) {
  return std::ranges::any_of(files, [&](const File& file) { return file.inside == name; });
}

// Where overlayfs is missing: a tmpfs of binds, one for each entry of the host's /etc.
void add_etc_by_entry(std::vector<MountStep>& steps, const Host& host, const std::vector<File>& files) {
  steps.push_back(Tmpfs{.inside = "/etc", .mode = 0755, .read_only = true});
  for (const auto& [name, link] : host.etc_entries) {
    const bool hidden = std::ranges::find(host.etc_secrets, name) != host.etc_secrets.end();
    if (hidden || is_own(files, name)) continue;
    if (!link.empty()) steps.push_back(Symlink{"/etc/" + name, link});
    else steps.push_back(Bind{.outside = "/etc/" + name, .inside = "/etc/" + name, .read_only = true, .optional = true});
  }
  for (const File& file : files) steps.push_back(File{"/etc/" + file.inside, file.content});
  for (const std::string& name : host.etc_secrets)
    if (name.find('/') != std::string::npos) steps.push_back(Mask{.inside = "/etc/" + name});
}

}  // namespace

std::span<const std::string_view> masked_proc_entries() { return proc_masks; }
std::span<const std::string_view> masked_sys_entries() { return sys_masks; }
std::span<const std::string_view> read_only_proc_entries() { return proc_read_only; }

void add_root_links(std::vector<MountStep>& steps, const Host& host) {
  for (const auto& [name, to] : host.root_links) steps.push_back(Symlink{name, to});
  for (const std::string& name : host.root_directories) steps.push_back(Bind{.outside = name, .inside = name});
}

void add_temporary(std::vector<MountStep>& steps, bool empty_root) {
  steps.push_back(Tmpfs{.inside = "/tmp", .mode = 01777});
  steps.push_back(Tmpfs{.inside = "/run", .mode = 0755});
  steps.push_back(Directory{"/run/lock", 01777});
  if (!empty_root) return;
  steps.push_back(Tmpfs{.inside = "/var/tmp", .mode = 01777});
  steps.push_back(Symlink{"/var/run", "../run"});
  steps.push_back(Symlink{"/var/lock", "../run/lock"});
}

void add_devices(std::vector<MountStep>& steps) {
  steps.push_back(Tmpfs{.inside = "/dev", .mode = 0755, .read_only = true});
  for (const std::string_view name : devices)
    steps.push_back(Bind{.outside = text("/dev/", name), .inside = text("/dev/", name), .read_only = false});
  steps.push_back(Symlink{"/dev/fd", "/proc/self/fd"});
  steps.push_back(Symlink{"/dev/stdin", "/proc/self/fd/0"});
  steps.push_back(Symlink{"/dev/stdout", "/proc/self/fd/1"});
  steps.push_back(Symlink{"/dev/stderr", "/proc/self/fd/2"});
  steps.push_back(Symlink{"/dev/ptmx", "pts/ptmx"});
  steps.push_back(Devpts{"/dev/pts"});
  steps.push_back(Tmpfs{.inside = "/dev/shm", .mode = 01777});
}

void add_proc(std::vector<MountStep>& steps, const Host& host) {
  steps.push_back(Proc{"/proc"});
  for (const std::string& name : host.proc_entries) {
    const bool pinned = std::ranges::find(proc_read_only, name) != proc_read_only.end();
    if (pinned) steps.push_back(Pin{.inside = "/proc/" + name, .read_only = true});
    else steps.push_back(Mask{.inside = "/proc/" + name});
  }
}

// Who owns the network namespace may mount its sysfs. The host's shows more than a new one, and holds mounts.
void add_sys(std::vector<MountStep>& steps, const Host& host, const Plan& plan) {
  if (plan.network.mode != NetworkMode::host) {
    steps.push_back(Sysfs{"/sys"});
    if (plan.cgroup.need != CgroupNeed::none) steps.push_back(CgroupMount{"/sys/fs/cgroup"});
  } else {
    steps.push_back(Bind{.outside = "/sys", .inside = "/sys"});
    for (const std::string_view name : sys_mount_points) steps.push_back(Mask{.inside = text("/sys/", name), .optional = true});
  }
  for (const std::string& name : host.sys_entries) steps.push_back(Mask{.inside = "/sys/" + name});
}

void add_names(std::vector<MountStep>& steps, const Host& host, const Plan& plan) {
  steps.push_back(Cover{.inside = "/etc/hostname", .content = text(plan.hostname, "\n"), .optional = true});
  std::vector<File> files = name_files(plan, host);
  if (plan.network.mode == NetworkMode::host && files.empty()) files.push_back({"resolv.conf", host.resolv_conf});
  for (File& file : files) {
    const bool needed = file.inside == "resolv.conf" && plan.network.mode != NetworkMode::none;
    steps.push_back(Cover{.inside = "/etc/" + file.inside, .content = std::move(file.content), .optional = !needed});
  }
}

void add_etc(std::vector<MountStep>& steps, const Host& host, const Plan& plan, const std::string& home) {
  std::vector<File> files = own_etc_files(host, plan, home);
  const auto hosts = std::ranges::find(files, "hosts", &File::inside);
  const bool may_have_fellows = hosts != files.end() && (plan.named || plan.join);
  LiveFile live{.inside = "/etc/hosts", .content = may_have_fellows ? hosts->content : std::string{}};
  if (!host.overlay) add_etc_by_entry(steps, host, files);
  else steps.push_back(Layered{.outside = "/etc", .inside = "/etc", .files = std::move(files), .hidden = host.etc_secrets});
  if (may_have_fellows) steps.push_back(std::move(live));
}

}  // namespace plan
