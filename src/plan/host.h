// Host is what this machine allows and how it looks to the caller, read once by launch/probe. plan/ asks
// nothing else: with the same Profile and Host it makes the same Plan, which is what the golden tests hold.
#pragma once

#include "base/ids.h"
#include "plan/plan.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// A running sandbox that is to be joined, as its launcher describes it.
struct Joined {
  std::string sandboxes, instance;      // as plan::Join has them
  plan::Identity identity;
  bool nested_userns = false;           // its user namespace lets others be made
  std::string hostname;
  plan::NetworkMode mode = plan::NetworkMode::none;
  net::Addressing addressing;           // of mode user
  bool ipv6 = false;
  std::vector<std::string> names;       // of all that share its network, its own first
  std::string joins;                    // it has joined this one itself
};

struct Host {
  // The caller.
  Id uid = 0, gid = 0;
  std::string user, group, home, shell;  // home is $HOME where that is an absolute path, else passwd's
  std::string real_home;  // without symbolic links; empty when it does not exist
  std::vector<IdRange> subuids, subgids;  // read only when the profile needs a range
  std::vector<std::pair<std::string, std::string>> environment;
  std::array<bool, 3> terminal{};  // which of descriptors 0–2 is a terminal

  // Where the caller stands.
  std::string cwd;                              // resolved; empty when it was deleted
  std::string project;                          // the git top level around cwd, else cwd
  std::optional<std::string> git_common_dir;    // of a worktree, when it lies outside the project
  bool git_is_file = false;                     // the project is a worktree or submodule: .git names another place
  std::vector<std::string> present;             // those of plan::paths_to_probe() that exist
  // Those of plan::paths_to_resolve(), each with what it is without symbolic links.
  std::vector<std::pair<std::string, std::string>> resolved;
  std::vector<std::string> links;  // the symbolic links that lead to plan::own_places(), each in its real directory

  // The machine.
  int kernel_major = 0, kernel_minor = 0;
  bool overlay = false;                                         // overlayfs mounts in user namespaces, also over /etc
  bool overlayfs = false;                                       // overlayfs mounts in user namespaces
  int landlock_abi = 0;                                         // 0: none
  std::vector<std::pair<std::string, std::string>> root_links;  // "/bin" -> "usr/bin"
  std::vector<std::string> root_directories;                    // those of /bin /sbin /lib* that are not links
  std::vector<std::string> etc_secrets;                         // entries of /etc kept out of sight: "shadow", "ssl/private"
  // All of /etc with the target of symbolic links; only where overlay is missing.
  std::vector<std::pair<std::string, std::string>> etc_entries;
  std::vector<std::string> proc_entries, sys_entries;           // those of plan::masked_proc_entries() … that exist

  // /etc/resolv.conf, where the sandbox has a network.
  std::string resolv_conf;
  bool resolv_conf_is_elsewhere = false;  // a link out of /etc: its target is not seen inside

  // Of a sandbox with a network of its own: where the host's leads, so that the two do not overlap.
  std::vector<net::Prefix> routes;           // without the default routes
  std::uint16_t mtu = 1500;                  // of the default route
  bool ipv6 = false, ipv6_default = false;   // the kernel has it; a route leads out

  std::optional<Joined> joined;              // where the profile asks for one

  // The root file system asked for, when it is a directory.
  std::optional<Id> rootfs_owner;

  // Where something is to be overlaid.
  struct Lower { std::string path, real; bool is_directory = false; std::string filesystem; std::uint64_t inode = 0; };
  std::vector<Lower> lowers;               // those of plan::overlaid_directories() that exist; real: without links; filesystem: "nfs", …
  std::vector<std::string> mount_points;   // of this machine, as sbx sees it
  std::string fuse_overlayfs;              // the program, where it can be used
  std::string sandboxes;                   // directory of the state of named sandboxes
  std::string sandboxes_filesystem;
  struct Kept { std::string layers, inside, outside, engine; std::uint64_t inode = 0; };
  std::vector<Kept> kept;                  // what the sandbox of this name has from earlier runs

  bool kernel_at_least(int major, int minor) const {
    return kernel_major != major ? kernel_major > major : kernel_minor >= minor;
  }
};
