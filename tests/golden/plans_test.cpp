// What --dry-run prints for each shipped profile on one fixed machine, against the files beside this one: every change
// of a profile or of the plan shows up in review as a changed line. After a change that is meant,
//   SBX_GOLDEN_UPDATE=1 build/tests/golden_tests
// writes the files anew; read the difference before committing it.
#include "plan/describe.h"
#include "plan/make.h"
#include "profile/builtin.h"
#include "profile/merge.h"
#include "profile/set.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace {

using Words = std::vector<std::string>;

// Ann's machine: merged /usr, a project with git's files, overlay in user namespaces, Landlock, a range of ids.
Host make_host() {
  Host host;
  host.uid = host.gid = 1000;
  host.user = host.group = "ann";
  host.home = "/home/ann";
  host.shell = "/bin/bash";
  host.subuids = host.subgids = {{100000, 65536}};
  host.environment = {{"HOME", "/home/ann"}, {"PATH", "/home/ann/bin:/usr/bin"}, {"TERM", "xterm-256color"},
                      {"LANG", "en_US.UTF-8"}, {"LC_TIME", "de_DE.UTF-8"}, {"EDITOR", "vi"}, {"CFLAGS", "-O2"},
                      {"XDG_RUNTIME_DIR", "/run/user/1000"}, {"SSH_AUTH_SOCK", "/run/user/1000/agent"},
                      {"AWS_SECRET_ACCESS_KEY", "secret"}};
  host.terminal = {true, true, true};
  host.cwd = "/home/ann/work/tool/src";
  host.project = "/home/ann/work/tool";
  host.present = {"/home/ann/.cache/sbx", "/home/ann/work/tool/.git/config", "/home/ann/work/tool/.git/hooks",
                  "/home/ann/work/tool/.vscode"};
  host.kernel_major = 6, host.kernel_minor = 18;
  host.overlay = host.overlayfs = true;
  for (const char* each : {"/home/ann/work/tool", "/srv/debian"}) host.lowers.push_back({.path = each, .real = each, .is_directory = true, .filesystem = ""});
  host.sandboxes = "/home/ann/.local/state/sbx/sandboxes";
  host.landlock_abi = 7;
  host.resolv_conf = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n";
  host.routes = {*net::parse_prefix("192.168.1.0/24"), *net::parse_prefix("fe80::/64")};
  host.ipv6 = host.ipv6_default = true;
  host.root_links = {{"/bin", "usr/bin"}, {"/sbin", "usr/sbin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}};
  host.etc_secrets = {"gshadow", "shadow", "shadow-", "sudoers", "sudoers.d", "ssh/ssh_host_ed25519_key", "ssl/private"};
  host.proc_entries = {"acpi", "config.gz", "kallsyms", "kcore", "keys", "timer_list", "bus", "fs", "irq", "sys", "sysrq-trigger"};
  host.sys_entries = {"firmware"};
  return host;
}

Host make_host_without_overlay() {
  Host host = make_host();
  host.overlay = host.overlayfs = false;
  host.landlock_abi = 0;
  host.etc_entries = {{"alternatives", ""}, {"fstab", ""}, {"localtime", "/usr/share/zoneinfo/UTC"}, {"passwd", ""},
                      {"resolv.conf", "../run/resolv.conf"}, {"shadow", ""}, {"ssh", ""}, {"ssl", ""}};
  host.root_links.clear();
  host.root_directories = {"/bin", "/sbin", "/lib", "/lib64"};
  return host;
}

// A linked worktree of a repository that lies beside it.
Host make_worktree_host() {
  Host host = make_host();
  host.cwd = host.project = "/home/ann/work/tool-fix";
  host.git_is_file = true;
  host.git_common_dir = "/home/ann/work/tool/.git";
  host.present = {"/home/ann/work/tool-fix/.git"};
  return host;
}

profile::Profile shipped(const std::string& name) {
  auto merged = profile::resolve({name}, [](const std::string& wanted) -> Result<profile::Profile> {
    const profile::Builtin* found = profile::find_builtin(wanted);
    if (found == nullptr) return fail("no profile is named '", wanted, "'");
    return profile::layer_of(*found);
  });
  EXPECT_TRUE(merged) << merged.error().message;
  return *std::move(merged);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void compare(const std::string& name, const profile::Profile& profile, const Host& host) {
  const auto plan = plan::make(profile, host, {"bash", "-l"});
  ASSERT_TRUE(plan) << plan.error().message;
  const std::string now = plan::describe_text(*plan), file = SBX_SOURCE_DIR "/tests/golden/" + name + ".txt";
  if (const char* update = std::getenv("SBX_GOLDEN_UPDATE"); update != nullptr && std::string_view(update) == "1")
    std::ofstream(file, std::ios::binary) << now;
  const std::string golden = read_file(file);
  ASSERT_FALSE(golden.empty()) << file << " is missing: SBX_GOLDEN_UPDATE=1 writes it";
  EXPECT_EQ(golden, now) << "if this is meant: SBX_GOLDEN_UPDATE=1";
}

// One on top of a profile, as the command line is.
profile::Profile with_options(profile::Profile parent, const Words& settings) {
  profile::Profile layer;
  for (const std::string& setting : settings) {
    const auto applied = profile::set(layer, setting, {"command line"});
    EXPECT_TRUE(applied) << setting << ": " << applied.error().message;
  }
  return profile::merge(std::move(parent), std::move(layer));
}

class GoldenPlan : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Shipped, GoldenPlan, testing::Values("agent", "base", "build", "dev", "strict", "trusted"),
                         [](const auto& profile) { return std::string(profile.param); });

TEST_P(GoldenPlan, IsAsItWas) { compare(GetParam(), shipped(GetParam()), make_host()); }

TEST(GoldenPlans, ContainerWithARootOfTheRange) {
  Host host = make_host();
  host.rootfs_owner = 100000;
  compare("container", with_options(shipped("container"), {"filesystem.root=/srv/debian"}), host);
}

TEST(GoldenPlans, ContainerCopyOnWrite) {
  Host host = make_host();
  host.rootfs_owner = 100000;
  host.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
  compare("container-overlay", with_options(shipped("container"), {"filesystem.root=/srv/debian", "filesystem.overlay=/", "filesystem.hide=/etc/motd",
                                            "filesystem.tmp_overlay=~/work/tool", "filesystem.overlay_engine=fuse",
                                            "filesystem.on_exit=commit"}), host);
}

TEST(GoldenPlans, EveryShippedProfileHasAFile) {
  for (const profile::Builtin& builtin : profile::builtins())
    EXPECT_FALSE(read_file(SBX_SOURCE_DIR "/tests/golden/" + std::string(builtin.name) + ".txt").empty()) << builtin.name;
}

// On the network of a sandbox that has an engine.
TEST(GoldenPlans, Joined) {
  Host host = make_host();
  Joined& web = host.joined.emplace();
  web.instance = "17", web.hostname = "web", web.names = {"web", "db"};
  web.identity = {.writer = plan::MapWriter::init, .uids = {{1000, 1000, 1}}, .gids = {{1000, 1000, 1}}, .uid = 1000, .gid = 1000};
  web.mode = plan::NetworkMode::user, web.ipv6 = true;
  web.addressing.guest4 = *net::parse_address("10.0.2.2"), web.addressing.gateway4 = *net::parse_address("10.0.2.1");
  web.addressing.guest6 = *net::parse_address("fd73:6278::2"), web.addressing.gateway6 = *net::parse_address("fd73:6278::1");
  web.addressing.host4 = *net::parse_address("169.254.1.2"), web.addressing.host6 = *net::parse_address("fd73:6278:0:100::2");
  compare("base-joined", with_options(shipped("base"), {"sandbox.join=web:uts", "sandbox.name=own"}), host);
}

TEST(GoldenPlans, WithoutOverlay) { compare("dev-without-overlay", shipped("dev"), make_host_without_overlay()); }

TEST(GoldenPlans, InAWorktree) { compare("dev-worktree", shipped("dev"), make_worktree_host()); }

TEST(GoldenPlans, WithEveryKindOfStep) {
  const Words settings{"sandbox.name=try", "sandbox.user=root", "sandbox.boottime=1h", "sandbox.timeout=90s",
                       "filesystem.home=keep:tools", "filesystem.read_only=+/srv/data:/data?", "filesystem.read_write=+~/out",
                       "filesystem.tmpfs=+/scratch:size=64M", "filesystem.hide=+/etc/machine-id",
                       "filesystem.hide=+~/work/tool/.vscode", "resources.ulimit.nofile=1024:4096",
                       "resources.memory=512M", "resources.cpus=1.5", "resources.pids=200", "resources.io_max=+~/out wbps=1M",
                       "security.capabilities=+CHOWN", "security.landlock=require", "environment.secret=+TOKEN=~/token"};
  compare("dev-with-options", with_options(shipped("dev"), settings), make_host());
}

}  // namespace
