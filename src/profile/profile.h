// A Profile is what was asked: each key's text, with the place it came from. Checked for form when it is
// read; what it means on this machine is decided in plan/. A command line is one more layer of the same type.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace profile {

struct Origin {
  std::string source;  // a profile's name or file, or "command line"
  int line = 0, column = 0;
  bool operator==(const Origin&) const = default;
};

struct Item {
  std::string value;
  Origin origin;
  bool operator==(const Item&) const = default;
};

using Scalar = std::optional<Item>;
using List = std::vector<Item>;                           // in a layer, "!x" removes x from what came before, "!*" all of it
using Map = std::vector<std::pair<std::string, Item>>;    // a later entry of the same name wins

struct Profile {
  std::vector<std::string> chain;  // the profiles merged into this one, parents first

  Scalar description;
  List extends;

  // [sandbox]
  Scalar name, join, user, userns, hostname, workdir, terminal, timeout, kill_after, boottime, monotonic;
  // [filesystem]: paths are "A[:B]"; ~, $PWD, $PROJECT, $HOME and $XDG_RUNTIME_DIR expand in plan/; a trailing ? marks optional
  Scalar root, home, overlay_engine, on_exit;
  List read_only, read_write, overlay, tmp_overlay, tmpfs, hide, protect;
  // [network]
  Scalar net_mode, net_pcap;
  List net_allow, net_deny, net_publish, net_host_ports, net_dns;
  // [resources]
  Scalar memory, memory_high, swap, cpus, cpu_weight, cpu_burst, cpu_idle, cpuset, pids, io_weight, qos, cgroup_parent, on_unavailable;
  List io_max;
  Map ulimit;
  // [seccomp]
  Scalar seccomp_default, seccomp_errno;
  List seccomp_use, seccomp_allow, seccomp_deny, seccomp_log, seccomp_abis;
  // [security]
  List capabilities, allow_degraded;
  Scalar landlock, nested_userns, no_new_privileges;
  // [environment]
  List env_pass, secret;
  Map env_set;

  bool operator==(const Profile&) const = default;
};

}  // namespace profile
