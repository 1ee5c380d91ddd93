// What is mounted: /proc and /sys, masks, propagation, read-only binds, mount points, sources, the old root.
#include "escape.h"

#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace escape;

namespace {

const Words privileged{"--user", "root", "--userns", "single", "--cap-add", "SYS_ADMIN"};
const Words nested{"--nested-userns", "--landlock", "off"};
const Words masked{"/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/kallsyms", "/proc/sched_debug",
                   "/proc/scsi", "/proc/acpi", "/proc/config.gz", "/proc/driver", "/sys/firmware"};

Words present(const Words& paths) {
  Words out;
  for (const std::string& path : paths)
    if (std::filesystem::exists(std::filesystem::symlink_status(path))) out.push_back(path);
  return out;
}

class ProcTest : public EveryProfile {};

}  // namespace

TEST_P(ProcTest, WhatActsOnTheMachineIsNotWritable) {
  const Words paths = present({"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
                               "/proc/sys/fs/binfmt_misc/register", "/proc/sys/kernel/hostname", "/proc/sys/kernel/shmmax",
                               "/proc/sys/net/ipv4/ip_forward", "/proc/sys/user/max_user_namespaces", "/sys/kernel/uevent_helper",
                               "/proc/irq/default_smp_affinity", "/sys/kernel/mm/ksm/run", "/sys/power/state"});
  for (const Words& more : {Words{}, Words{"--user", "root"}}) {
    const Outcome outcome = attack_here(Words{"write"} + paths, more);
    EXPECT_EQ(values_of(outcome, "write").size(), paths.size()) << all(outcome);
    for (const std::string& line : values_of(outcome, "write")) EXPECT_FALSE(line.ends_with(" 0")) << line;
  }
}

// Also as root inside with every right over the namespaces these belong to: the mount is read-only.
TEST_F(EscapeTest, NamespacedSettingsAreReadOnlyForRoot) {
  const Words write{"write", "/proc/sys/net/ipv4/ip_forward"};
  const Outcome outcome = attack("base", write, privileged + Words{"--cap-add", "NET_ADMIN"});
  EXPECT_EQ(value_of(outcome, "write"), "/proc/sys/net/ipv4/ip_forward EROFS") << all(outcome);
  const Outcome deep = attack("base", Words{"nested"} + write, nested);
  EXPECT_TRUE(has(deep, "nested 0")) << all(deep);
  EXPECT_EQ(value_of(deep, "write"), "/proc/sys/net/ipv4/ip_forward EROFS") << all(deep);
  const Outcome control = run({.argv = unshared({"-Urmnupf", "--mount-proc"}, write)});
  EXPECT_TRUE(has(control, "write /proc/sys/net/ipv4/ip_forward 0")) << "control: " << all(control);
}

TEST_P(ProcTest, MasksStay) {
  const Outcome outcome = attack_here(Words{"unmask"} + present(masked));
  EXPECT_FALSE(values_of(outcome, "after").empty()) << all(outcome);
  for (const std::string& line : values_of(outcome, "before") + values_of(outcome, "uncovered") + values_of(outcome, "after")) EXPECT_TRUE(line.ends_with(" empty")) << line;
}

TEST_F(EscapeTest, MasksStayInANestedNamespace) {
  const Outcome outcome = attack("base", Words{"nested", "unmask"} + present(masked), nested);
  EXPECT_TRUE(has(outcome, "nested 0")) << all(outcome);
  EXPECT_FALSE(values_of(outcome, "after").empty()) << all(outcome);
  for (const std::string& line : values_of(outcome, "after")) EXPECT_TRUE(line.ends_with(" empty")) << line;
  for (const std::string& line : values_of(outcome, "umount") + values_of(outcome, "detach")) EXPECT_TRUE(line.ends_with(" EINVAL")) << line;
  for (const Words& way : {Words{"proc", "/proc", "keys"}, Words{"sysfs", "/sys", "firmware"}}) {
    const Outcome other = attack("base", Words{"nested", "fresh"} + way, nested);
    EXPECT_TRUE(has(other, "fresh-seen empty") && has(other, "shallow-seen empty")) << way[0] << all(other);
    EXPECT_FALSE(has(other, "fresh-mount 0") || has(other, "shallow-bind 0") || has(other, "shallow-tree 0")) << way[0] << all(other);
  }
}

// Control: whoever keeps SYS_ADMIN over the sandbox's own mounts takes them off.
TEST_F(EscapeTest, MasksFallToAnAdministrator) {
  const Outcome outcome = attack("base", {"unmask", "/proc/keys", "/proc/kallsyms"}, privileged);
  EXPECT_EQ(values_of(outcome, "before"), (Words{"/proc/keys empty", "/proc/kallsyms empty"})) << all(outcome);
  EXPECT_TRUE(has(outcome, "umount /proc/kallsyms 0") && has(outcome, "uncovered /proc/kallsyms revealed")) << all(outcome);
}

TEST_P(ProcTest, SysHoldsNoWayOut) {
  const Words paths{"/sys/kernel/debug/x", "/sys/kernel/tracing/trace", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent",
                    "/sys/fs/cgroup/memory/release_agent", "/sys/firmware/efi/efivars/x", "/sys/fs/bpf/x", "/sys/kernel/security/x"};
  const Outcome outcome = attack_here(Words{"open"} + paths);
  for (const std::string& line : values_of(outcome, "open")) EXPECT_TRUE(line.ends_with(" ENOENT")) << line;
  EXPECT_EQ(values_of(outcome, "open").size(), paths.size()) << all(outcome);
}
IN_EVERY_PROFILE(ProcTest);

namespace {

class SharedWorld : public EscapeTest {
 protected:
  void SetUp() override {
    EscapeTest::SetUp();
    for (const char* name : {"sub", "late", "mark"}) dir.make("w/" + std::string(name));
  }
  Outcome in_shared_world(const Words& program) {
    return run({.argv = Words{payload("attack"), "shared", dir / "w"} + program, .cwd = dir.path()});
  }
  Words sbx_with(const Words& options) { return Words{sbx_binary()} + sandbox("base", options); }
};

}  // namespace

TEST_F(SharedWorld, NoMountGoesOutOrComesIn) {
  const Words admin{"--user", "root", "--userns", "single", "--cap-add", "SYS_ADMIN", "--rw", dir / "w"};
  const Outcome outcome = in_shared_world(sbx_with(admin) + Words{"late", dir / "w"});
  EXPECT_TRUE(has(outcome, "mount-mark 0") && has(outcome, "waited 0") && has(outcome, "status 0")) << all(outcome);
  EXPECT_EQ(value_of(outcome, "late"), "") << all(outcome);
  EXPECT_EQ(value_of(outcome, "outside-mark"), "") << all(outcome);
}

TEST_F(SharedWorld, ControlMountsGoOutAndComeIn) {
  const Outcome outcome = in_shared_world(
      {"unshare", "-Urm", "--propagation", "unchanged", payload("attack"), "late", dir / "w"});
  EXPECT_EQ(value_of(outcome, "late"), "token ") << "control, a slave gets the mounts of its master: " << all(outcome);
  std::filesystem::remove(dir / "w/ready"), std::filesystem::remove(dir / "w/go");
  const Outcome same = in_shared_world({payload("attack"), "late", dir / "w"});
  EXPECT_EQ(value_of(same, "outside-mark"), "attacked ") << "control: " << all(same);
}

TEST_F(SharedWorld, ReadOnlyReachesSubmountsAndStays) {
  for (const Words& how : {Words{}, nested}) {
    const Words words = how.empty() ? Words{"remount", dir / "w"} : Words{"nested", "remount", dir / "w"};
    const Outcome outcome = in_shared_world(sbx_with(how + Words{"--ro", dir / "w"}) + words);
    EXPECT_TRUE(has(outcome, "outside-sub file ")) << all(outcome);
    EXPECT_EQ(values_of(outcome, "create"), (Words{"EROFS", "EROFS"})) << all(outcome);
    EXPECT_EQ(value_of(outcome, "create-below"), "EROFS") << all(outcome);
    for (const char* way : {"remount", "mount_setattr", "drop-nosuid"}) EXPECT_EQ(value_of(outcome, way), "EPERM") << way << all(outcome);
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "w/attacked"));
  const Outcome control = in_shared_world(sbx_with({"--rw", dir / "w"}) + Words{"remount", dir / "w"});
  EXPECT_EQ(value_of(control, "create-below"), "0") << "control: " << all(control);
}

TEST_F(EscapeTest, MountFlagsAreKept) {
  dir.make("w");
  const Outcome outcome = attack("base", {"old-root"}, {"--rw", dir / "w"});
  for (const std::string& line : values_of(outcome, "mount")) {
    EXPECT_NE(line.find("nosuid"), std::string::npos) << line;
    const bool device = line.find(" /dev/") != std::string::npos;
    EXPECT_TRUE(device || line.find("nodev") != std::string::npos) << line;
    EXPECT_EQ(line.find("shared:"), std::string::npos) << line;
    EXPECT_EQ(line.find("master:"), std::string::npos) << line;
  }
  EXPECT_GT(values_of(outcome, "mount").size(), 20U) << all(outcome);
}

namespace { class RootTest : public EveryProfile {}; }

// Only what the plan names is there; nothing of the old root but the binds.
TEST_P(RootTest, TheOldRootIsGone) {
  const Outcome outcome = attack_here({"old-root"});
  for (const char* way : {"umount-root", "chroot", "pivot", "open_by_handle_at"})
    for (const std::string& result : values_of(outcome, way))
      EXPECT_TRUE(result == "EPERM" || result == "ENOSYS" || (result == "0" && GetParam() == "container" && way == std::string("chroot")))
          << way << all(outcome);
  EXPECT_EQ(value_of(outcome, "above-root"), "no");
  Outcome plan = run_sbx(Words{"--dry-run"} + sandbox(GetParam()));
  std::ranges::replace(plan.out, '\n', ' ');
  for (const std::string& line : values_of(outcome, "mount")) {
    std::vector<std::string> word;
    std::istringstream in(line);
    for (std::string each; in >> each;) word.push_back(each);
    const std::string &root = word.at(3), &inside = word.at(4);
    EXPECT_TRUE(inside == "/" || plan.out.find(" " + inside + " ") != std::string::npos) << "not in the plan: " << line;
    const bool disk = line.find(" - ext4 ") != std::string::npos || line.find(" - xfs ") != std::string::npos || line.find(" - btrfs ") != std::string::npos;
    EXPECT_FALSE(disk && (root == "/" || root == "/home")) << line;
  }
  EXPECT_FALSE(values_of(outcome, "mount").empty()) << all(outcome);
}

TEST_P(RootTest, NoSocketOfTheHostIsThere) {
  const Outcome outcome = attack_here({"sockets", "/"});
  EXPECT_TRUE(has(outcome, "searched /")) << all(outcome);
  EXPECT_EQ(values_of(outcome, "socket"), Words{}) << all(outcome);
  // Control: one that is bound is found.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = dir.make("s") + "/x";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const Outcome control = attack_here({"sockets", "/tmp"}, {"--ro", (dir / "s") + ":/tmp/s"});
  EXPECT_TRUE(has(control, "socket /tmp/s/x")) << "control: " << all(control);
  ::close(fd);
}

TEST_P(RootTest, SpecialFilesAreOfNoUse) {
  dir.make("w");
  const Outcome outcome = attack_here({"nodes", "/tmp/w"}, {"--rw", (dir / "w") + ":/tmp/w"});
  EXPECT_EQ(value_of(outcome, "mknod-char"), "EPERM") << all(outcome);
  EXPECT_EQ(value_of(outcome, "mknod-block"), "EPERM") << all(outcome);
  const Outcome devices = attack_here({"open", "/tmp/d/null", "/dev/null"}, {"--ro", "/dev:/tmp/d"});
  EXPECT_EQ(values_of(devices, "open"), (Words{"/tmp/d/null EACCES", "/dev/null 0"})) << all(devices);
}
IN_EVERY_PROFILE(RootTest);

// A project that leads the mount points elsewhere. Nothing is made outside, wherever they lead.
TEST_F(EscapeTest, MountPointsAreNotMadeThroughLinks) {
  dir.make("victim"), dir.make("project"), dir.write("file", "text");
  for (const auto& [name, to] : {std::pair{"up", std::string("../victim")}, {"absolute", dir / "victim"}, {"magic", std::string("/proc/self/cwd/../victim")},
                                 {"root", std::string("/proc/1/root") + dir.path() + "/victim"}})
    std::filesystem::create_symlink(to, dir / "project/" + name);
  const Tree before = read_tree(dir.path());
  for (const char* parent : {"up", "absolute", "magic", "root"})
    for (const std::string& source : {dir / "file", dir / "victim"}) {
      const std::string inside = dir / "project/" + parent + "/made";
      const Outcome outcome = run({.argv = {sbx_binary(), "--rw", dir / "project", "--ro", source + ":" + inside, "--", "true"}});
      EXPECT_EQ(changes(before, read_tree(dir.path())), "") << parent << all(outcome);
    }
  const std::string inside = dir / "project/up/made";
  const Outcome control = run({.argv = {"bwrap", "--bind", "/", "/", "--ro-bind", dir / "file", inside, "true"}});
  EXPECT_NE(changes(before, read_tree(dir.path())), "") << "control: " << all(control);
}

// Links and directories of the system's own never land in a directory of the user's.
TEST_F(EscapeTest, BoundSystemDirectoriesStayAsTheyAre) {
  for (const char* place : {"/var", "/dev", "/run", "/etc", "/sys", "/proc", "/tmp"}) {
    dir.make("own");
    const Tree before = read_tree(dir / "own");
    const Outcome outcome = run({.argv = {sbx_binary(), "--rw", (dir / "own") + ":" + place, "--", "true"}});
    EXPECT_EQ(changes(before, read_tree(dir / "own")), "") << place << all(outcome);
  }
}

// A project swapped for a link by a neighbour, between the look at it and the bind: the old one or an error.
TEST_F(EscapeTest, TheProjectIsNotSwappedForALink) {
  dir.make("p/real"), dir.write("secret/key", "SECRET"), dir.write("p/real/key", "harmless");
  std::filesystem::create_symlink(dir / "secret", dir / "p/link");
  const int project = ::open((dir / "p/real").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const std::string cwd = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(project);
  Process swapper({.argv = {payload("attack"), "swap", dir / "p/real", dir / "p/link"}, .timeout = 60s});
  int harmless = 0, secret = 0;
  for (int i = 0; i < 150; ++i) {
    const Outcome outcome = run({.argv = {sbx_binary(), "-P", "dev", "--ro", payload("attack") + ":/attack", "--", "/attack", "cat", "key"}, .cwd = cwd});
    harmless += outcome.out.find("harmless") != std::string::npos;
    secret += outcome.out.find("SECRET") != std::string::npos;
  }
  EXPECT_EQ(secret, 0);
  EXPECT_GT(harmless, 0);
  // Control: bound by name, the same race is lost, so the swapper is quick enough.
  int lost = 0;
  for (int i = 0; i < 150; ++i)
    lost += run({.argv = {sbx_binary(), "--rw", dir / "p/real:/tmp/p", "--ro", payload("attack") + ":/attack", "--", "/attack", "cat", "/tmp/p/key"}})
                .out.find("SECRET") != std::string::npos;
  EXPECT_GT(lost, 0) << "control";
  swapper.kill(SIGKILL);
  swapper.finish();
  ::close(project);
}

// A link that the project's author laid is not followed for a path below the project.
TEST_F(EscapeTest, APathInTheProjectIsNotFollowedOut) {
  dir.write("secret/key", "SECRET"), dir.make("p");
  std::filesystem::create_symlink(dir / "secret", dir / "p/out");
  for (const char* item : {"$PROJECT/out:/tmp/out", "$PWD/out:/tmp/out"}) {
    const Outcome outcome = run({.argv = {sbx_binary(), "--set", std::string("filesystem.read_write=") + item, "--ro", payload("attack") + ":/attack", "--", "/attack", "cat", "/tmp/out/key"}, .cwd = dir / "p"});
    EXPECT_EQ(outcome.status, 125) << all(outcome);
    EXPECT_NE(outcome.err.find("a symbolic link is on the way"), std::string::npos) << all(outcome);
  }
  const Outcome control = run({.argv = {sbx_binary(), "--rw", dir / "p/out:/tmp/out", "--ro", payload("attack") + ":/attack", "--", "/attack", "cat", "/tmp/out/key"}, .cwd = dir / "p"});
  EXPECT_NE(control.out.find("SECRET"), std::string::npos) << "control: the user's own word is taken: " << all(control);
}
