// The Plan is a value: everything a launch will do, in the order it is done. launch/ obeys it and has no
// opinions of its own; describe.cpp prints it for --dry-run. It holds no descriptors, pointers or callbacks.
#pragma once

#include "base/enum_names.h"
#include "base/ids.h"
#include "net/config.h"
#include "plan/seccomp.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace plan {

enum class Namespace { user, mount, pid, net, ipc, uts, cgroup, time, count_ };
inline constexpr EnumNames<Namespace, 8> namespace_names{{"user", "mount", "pid", "net", "ipc", "uts", "cgroup", "time"}};
static_assert(namespace_names.complete());

// Who writes the id maps: init itself (one id, no help needed), newuidmap and newgidmap, or the launcher (root). Those
// of a user namespace that is joined were written when it was made.
enum class MapWriter { init, newidmap, launcher, joined };
inline constexpr EnumNames<MapWriter, 4> map_writer_names{{"init", "newuidmap", "launcher", "the joined one"}};

struct Identity {
  MapWriter writer = MapWriter::init;
  std::vector<IdMap> uids, gids;
  Id uid = 0, gid = 0;        // inside, of init and the payload
  bool switch_ids = false;    // setresuid/setresgid after the maps are written
  bool drop_groups = false;   // setgroups(0): only root can, and must
};

struct TimeOffsets { std::chrono::milliseconds boottime{}, monotonic{}; };

// Mount steps. "outside" is a host path, "inside" a path in the sandbox.
struct Bind {
  std::string outside, inside;
  bool read_only = true, optional = false;
  bool exact = false;      // no link on the way: the project was looked at by the name it has, and may be hostile
};
struct Tmpfs {
  std::string inside;
  std::uint64_t size = 0;  // bytes; 0: together with all others of size 0, a quarter of memory
  unsigned mode = 0755;
  bool read_only = false;  // once everything below it is in place
  bool in_root = false;    // the root is such a tmpfs, and this a directory of it: a mount would only cost time
};
struct File {              // text of our own, or nothing
  std::string inside, content;
  unsigned mode = 0644;
};
struct LiveFile {          // the same, and the launcher writes it anew while the sandbox runs; bound on what is there
  std::string inside, content;
};
// Text of our own in place of a file that a root file system brings; made where that is its own (an overlay).
struct Cover {
  std::string inside, content;
  bool optional = false;   // nothing is done where it does not exist
};
struct Copy {              // a secret: the content of a host file, on tmpfs
  std::string outside, inside;
  unsigned mode = 0400;
};
struct Symlink { std::string inside, to; };
struct Directory { std::string inside; unsigned mode = 0755; };
struct Proc { std::string inside; };
struct Sysfs { std::string inside; };
struct Devpts { std::string inside; };
struct CgroupMount { std::string inside; };  // the sandbox's own control group, read-only, where it has one
// A host directory with files of ours in front: a read-only overlay of two lowers.
struct Layered {
  std::string outside, inside;
  std::vector<File> files;           // `inside` is relative to the directory, without a slash
  std::vector<std::string> hidden;   // whiteouts, relative
};
// A host directory shown writable: what is changed goes to a directory above it (overlayfs), and the host's stays.
enum class OverlayEngine { kernel, fuse, count_ };
inline constexpr EnumNames<OverlayEngine, 2> overlay_engine_names{{"kernel", "fuse"}};
static_assert(overlay_engine_names.complete());
enum class OnExit { ask, keep, commit, discard, count_ };  // what becomes of what is kept
inline constexpr EnumNames<OnExit, 4> on_exit_names{{"ask", "keep", "commit", "discard"}};
static_assert(on_exit_names.complete());
struct Overlay {
  std::string outside, inside;
  std::string layers = {};                // where the changes lie on the host; empty: in memory
  bool kept = false;                      // for review, when the sandbox has ended
  bool exact = false;                     // as of a Bind
  OverlayEngine engine = OverlayEngine::kernel;
  std::string program = {};               // of engine fuse
  std::vector<std::string> hidden = {};   // whiteouts, relative
  std::vector<std::string> own = {};      // sbx's own directories and the links to them, relative: never committed
};
// Something already inside, bound on itself: a mount point that cannot be renamed away, or read-only.
struct Pin { std::string inside; bool read_only = false, watch = false, optional = false; };
// Something already inside, covered by an empty file or directory.
struct Mask {
  std::string inside;
  bool watch = false;     // end the sandbox when the host takes it away
  bool optional = false;  // nothing is done where it does not exist
};

using MountStep = std::variant<Tmpfs, Directory, Symlink, File, LiveFile, Cover, Copy, Bind, Layered, Overlay, Proc, Sysfs, Devpts, CgroupMount, Pin, Mask>;
const std::string& inside_of(const MountStep& step);

struct Limit { std::string name; int resource = 0; std::uint64_t soft = 0, hard = 0; };  // setrlimit(2)

// One file of a control group (cgroups(7), version 2): "memory.max" = "536870912".
struct CgroupSetting {
  std::string file, value;
  std::string device = {};  // of io.max, before the value: "8:0", or a path on the device that is meant
  bool required = true;     // false: what a limit brings with it, written where the kernel has the file
  bool operator==(const CgroupSetting&) const = default;
};
enum class CgroupNeed { none, welcome, required };
struct Cgroup {
  CgroupNeed need = CgroupNeed::none;
  std::vector<CgroupSetting> settings;   // in the order in which they are written
  std::string parent;                    // a path as in /proc/PID/cgroup; empty: what is delegated is looked for
  bool may_be_missing = false;           // a limit that cannot be had is a note
  bool may_be_mounted = false;           // inside, writable: by whoever makes a user namespace there
  bool ends_processes = false;           // no pid namespace of its own does: not without the group
  int oom_score_adj = 0;                 // of the payload (proc_pid_oom_score_adj(5))
};

struct Privileges {
  std::vector<std::string> capabilities;  // kept: names without CAP_; usually none
  bool nested_userns = false;
};

enum class LandlockMode { automatic, require, off };
inline constexpr EnumNames<LandlockMode, 3> landlock_mode_names{{"auto", "require", "off"}};
struct Landlock {
  int abi = 0;                       // 0: not used; without paths it holds in abstract sockets and signals only
  std::vector<std::string> read_only, read_write;  // inside paths
};

enum class TerminalMode { automatic, on, off };
inline constexpr EnumNames<TerminalMode, 3> terminal_mode_names{{"auto", "on", "off"}};

// joined: another sandbox's, which has made it and holds it to its own rules.
enum class NetworkMode { none, user, host, joined, count_ };
inline constexpr EnumNames<NetworkMode, 4> network_mode_names{{"none", "user", "host", "joined"}};
static_assert(network_mode_names.complete());
struct Network {
  NetworkMode mode = NetworkMode::none;
  NetworkMode joined_mode = NetworkMode::none;  // of mode joined: what the other one made, none or user
  net::Config config;                // of mode user: what the engine is told; of a joined one the addresses
  bool ipv6 = false;                 // of mode user: the kernel has it, and addresses of it are set

  bool has_device() const { return mode == NetworkMode::user || (mode == NetworkMode::joined && joined_mode == NetworkMode::user); }
};

// A running sandbox that is joined.
struct Join {
  std::string name;
  std::string sandboxes;             // the directory in which sandboxes are named
  std::string instance;              // this run of that name: what takes the name later is another sandbox
  std::vector<Namespace> shared;     // user, net and what was asked for, in the order of plan.namespaces
};

struct Command {
  std::vector<std::string> argv, environment;  // environment: "K=V"
  std::string workdir;
  std::string search_path;                     // PATH for a name without a slash
  bool terminal = false;                       // a pty of the sandbox's own in place of each terminal of 0–2
  bool terminal_for_all = false;               // … of all three, terminal or not (-t)
};

struct Plan {
  std::string name;
  bool named = false;                 // by the user: other sbx processes may look at it, stop it and so on
  std::vector<std::string> profiles;  // the chain, parents first
  Identity identity;
  std::vector<Namespace> namespaces;  // own ones and shared ones
  std::optional<Join> join;
  std::string hostname;
  TimeOffsets time;
  std::vector<std::string> prepare;   // directories of sbx's own to make on the host first (a kept home)
  std::vector<MountStep> mounts;
  std::vector<Limit> limits;
  Cgroup cgroup;
  Privileges privileges;
  Network network;
  Landlock landlock;
  Seccomp seccomp;
  Command command;
  std::chrono::milliseconds timeout{}, kill_after{};  // timeout 0: none
  OnExit on_exit = OnExit::keep;
  std::vector<std::string> notes;     // what is not protected, and why; printed by --dry-run
  std::vector<std::string> degraded;  // what was asked for, is missing here, and may be

  bool has(Namespace wanted) const;
  bool shares(Namespace wanted) const;  // with the joined one
};

}  // namespace plan
