// The most specific cause that fits comes first: a setting of the kernel, then the container, then the filter.
#include "cli/causes.h"

#include <cerrno>

namespace cli {

namespace {

using launch::Findings;
using launch::Stage;
using launch::Surroundings;

bool is_refusal(int code) { return code == EPERM || code == EACCES; }

// The options that open what a container's defaults close.
std::string container_fix(const Surroundings& around) {
  if (around.container == "Docker")
    return "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined ...";
  if (around.container == "Podman")
    return "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL --security-opt label=disable ...";
  if (around.container == "Kubernetes")
    return "in the pod's securityContext: procMount: Unmasked, seccompProfile: {type: Unconfined}, and hostUsers: false";
  if (around.container == "sbx") return "sbx --nested-userns ... for the outer sandbox";
  if (around.container == "Flatpak") return "flatpak-spawn --host sbx ...";
  return text("run sbx outside of ", around.container);
}

// The profile attaches by path: it must be loaded, and sbx must run from the path it names.
Cause apparmor_cause(const Surroundings& around) {
  Cause cause{.why = "AppArmor keeps programs without a profile from user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)", .fix = {}};
  const bool from_its_path = around.apparmor_binary == around.executable;
  if (!around.apparmor_loaded.empty() && from_its_path)
    cause.fix = text("sudo apparmor_parser -r ", around.apparmor_loaded);
  else if (!around.apparmor_shipped.empty() && from_its_path)
    cause.fix = text("sudo install -m 644 ", around.apparmor_shipped, " /etc/apparmor.d/sbx && sudo apparmor_parser -r /etc/apparmor.d/sbx");
  else if (!around.apparmor_loaded.empty())
    cause.fix = text("run ", around.apparmor_binary, ": its profile is for that path, not for ", around.executable);
  else
    cause.fix = "sudo make install PREFIX=/usr/local && sudo apparmor_parser -r /etc/apparmor.d/sbx, then run /usr/local/bin/sbx";
  return cause;
}

Cause container_cause(const Surroundings& around, std::string what) {
  return {.why = text(what, " inside ", around.container, " (", around.evidence, ")"), .fix = container_fix(around)};
}

Cause filter_cause() {
  return {.why = "a seccomp filter on sbx itself refuses it", .fix = "run sbx outside of the service or sandbox that set the filter"};
}

// EPERM where no setting explains it.
Cause outer_cause(const Surroundings& around) {
  if (!around.container.empty()) return container_cause(around, "this is refused");
  if (around.chrooted)
    return {.why = "sbx runs in a chroot, where the kernel makes no user namespaces", .fix = "run sbx outside of the chroot"};
  if (around.filtered) return filter_cause();
  return {.why = {}, .fix = "sudo dmesg | tail    # a security module may say why"};
}

Cause cause_of_limit(const Surroundings& around) {
  if (around.max_user_namespaces && *around.max_user_namespaces > 0)
    return {.why = text("all ", *around.max_user_namespaces, " that may exist are in use, or an outer limit is reached"),
            .fix = text("sudo sysctl user.max_user_namespaces=", *around.max_user_namespaces * 2)};
  if (around.container == "sbx") return container_cause(around, "nested user namespaces are closed");
  if (around.in_user_namespace)
    return {.why = "user.max_user_namespaces is 0 in the user namespace around sbx",
            .fix = "echo 15000 >/proc/sys/user/max_user_namespaces    # as root of that namespace"};
  return {.why = "user.max_user_namespaces is 0", .fix = "sudo sysctl user.max_user_namespaces=15000"};
}

Cause cause_of_user_namespace(const Surroundings& around, int code) {
  if (code == ENOSPC) return cause_of_limit(around);
  if (code == EINVAL) return {.why = "this kernel is built without user namespaces", .fix = "boot a kernel with CONFIG_USER_NS=y"};
  if (code == EUSERS) return {.why = "they are nested too deeply", .fix = {}};
  if (!is_refusal(code)) return {};
  if (around.userns_clone == 0 && around.uid != 0)
    return {.why = "kernel.unprivileged_userns_clone is 0", .fix = "sudo sysctl kernel.unprivileged_userns_clone=1"};
  if (around.apparmor_restricts == 1) return apparmor_cause(around);
  return outer_cause(around);
}

// AppArmor lets the namespace be made and takes its capabilities away: the first refusal comes later.
Cause cause_inside(const Surroundings& around, Stage stage, int code) {
  if (!is_refusal(code)) return {};
  if (around.apparmor_restricts == 1 && around.container.empty()) return apparmor_cause(around);
  if (stage == Stage::id_map && around.uid == 0 && around.in_user_namespace)
    return {.why = "as root, sbx takes another id, and the user namespace around it has none",
            .fix = "sbx --user host-root ..., or run sbx as an ordinary account"};
  return outer_cause(around);
}

std::string list_some(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 3;
  const std::vector<std::string> first(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(shown, names.size())));
  return text(join(first, " "), names.size() > shown ? " ..." : "");
}

// A new one would show what a mount covers: mount_namespaces(7), "Restrictions on mount namespaces".
Cause cause_of_covered(const Surroundings& around, Stage stage, int code) {
  const auto& covered = stage == Stage::proc ? around.covered_proc : around.covered_sys;
  if (!is_refusal(code) || covered.empty()) return cause_inside(around, stage, code);
  Cause cause{.why = text("parts of the one here are covered (", list_some(covered), "), and a new one would show them"),
              .fix = text("as root, uncover it: umount ", join(covered, " "))};
  if (around.container.empty()) return cause;
  cause.why += text("; inside ", around.container, " (", around.evidence, ")");
  cause.fix = container_fix(around);
  return cause;
}

Cause cause_of_range(const Surroundings& around, const Error& error) {
  for (const auto& [helper, name] : {std::pair(&around.newuidmap, "newuidmap"), std::pair(&around.newgidmap, "newgidmap")}) {
    if (around.uid == 0) break;
    if (helper->path.empty()) return {.why = text("there is no ", name, " in PATH"), .fix = "sudo apt install uidmap"};
  }
  // The plan has found no line for the account, before any call.
  if (error.code == 0 && error.message.starts_with("no subordinate ids")) {
    const std::uint64_t last = std::uint64_t{around.free_ids} + 65535;
    const std::string range = text(around.free_ids, "-", last);
    return {.why = {}, .fix = text("sudo usermod --add-subuids ", range, " --add-subgids ", range, " ", around.user)};
  }
  for (const launch::MapHelper* helper : {&around.newuidmap, &around.newgidmap})
    if (around.uid != 0 && !helper->privileged)
      return {.why = text(helper->path, " is neither set-uid root nor has it file capabilities"), .fix = text("sudo chmod u+s ", helper->path)};
  if (around.no_new_privileges)
    return {.why = "no_new_privs is set, so newuidmap gains no privilege", .fix = "run sbx outside of the service or sandbox that set it"};
  if (around.apparmor_restricts == 1 && around.container.empty()) return apparmor_cause(around);
  if (!around.container.empty()) return container_cause(around, "the range cannot be mapped");
  if (around.in_user_namespace)
    return {.why = "the user namespace around sbx does not map the range", .fix = "run sbx outside of that user namespace"};
  return {};
}

}  // namespace

Cause cause_of(const Findings& findings, Stage stage) {
  const Surroundings& around = findings.around;
  const Error& error = findings[stage].error;
  switch (stage) {
    case Stage::processes:
      if (error.code != ENOSYS && !is_refusal(error.code)) return {};
      if (!around.container.empty()) return container_cause(around, "clone3 is filtered");
      return filter_cause();
    case Stage::user_namespace: return cause_of_user_namespace(around, error.code);
    case Stage::id_range: return cause_of_range(around, error);
    case Stage::proc:
    case Stage::sysfs: return cause_of_covered(around, stage, error.code);
    case Stage::id_map:
    case Stage::mounts:
    case Stage::devpts: return cause_inside(around, stage, error.code);
    case Stage::tap:
      if (error.code == ENOENT) return {.why = "there is no /dev/net/tun", .fix = "sudo modprobe tun"};
      if (error.code == EACCES) return {.why = "/dev/net/tun is closed to you", .fix = "sudo chmod 666 /dev/net/tun"};
      if (error.code == ENODEV || error.code == ENXIO) return {.why = "no driver for /dev/net/tun", .fix = "sudo modprobe tun"};
      return cause_inside(around, stage, error.code);
    case Stage::overlay:
      if (error.code == ENODEV) return {.why = "this kernel has no overlayfs", .fix = "sudo modprobe overlay"};
      return {.why = {}, .fix = around.fuse_overlayfs.empty() ? "sudo apt install fuse-overlayfs" : "sudo modprobe fuse"};
    case Stage::time: return {.why = {}, .fix = "boot a kernel with CONFIG_TIME_NS=y"};
    case Stage::seccomp: return {.why = {}, .fix = "boot a kernel with CONFIG_SECCOMP_FILTER=y"};
    case Stage::landlock: return {.why = {}, .fix = "boot with landlock first in the list of lsm=, on Linux 5.13 or later"};
    case Stage::openat2: return around.container.empty() ? filter_cause() : container_cause(around, "openat2 is filtered");
    case Stage::ping: return {.why = "net.ipv4.ping_group_range has no group of yours", .fix = "sudo sysctl net.ipv4.ping_group_range='0 2147483647'"};
    case Stage::network:
    case Stage::launch: return {.why = {}, .fix = error.hint};
    case Stage::count_: return {};
  }
  std::unreachable();
}

}  // namespace cli
