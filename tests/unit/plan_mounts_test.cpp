// The order of mounts, one mount for one place, and what binds, homes and secrets become.
#include "plan/mounts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace plan {
namespace {

using Words = std::vector<std::string>;

Host alice() {
  Host host;
  host.uid = host.gid = 1000;
  host.user = host.group = "alice", host.home = "/home/alice", host.shell = "/bin/bash";
  host.cwd = host.project = "/home/alice/work";
  host.overlay = true;
  host.root_links = {{"/bin", "usr/bin"}, {"/lib", "usr/lib"}};
  return host;
}

profile::List items(const Words& values) {
  profile::List list;
  for (const std::string& value : values) list.push_back({value, {"t"}});
  return list;
}

profile::Scalar scalar(const std::string& value) { return profile::Item{value, {"t"}}; }

Plan plan_of_alice() {
  Plan plan;
  plan.identity.uid = plan.identity.gid = 1000;
  plan.hostname = "sbx";
  return plan;
}

FileSystem made(const profile::Profile& profile, const Host& host = alice(), const Plan& plan = plan_of_alice()) {
  auto result = make_filesystem(profile, host, plan);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *std::move(result) : FileSystem{};
}

std::string refusal(const profile::Profile& profile, const Host& host = alice()) {
  const auto result = make_filesystem(profile, host, plan_of_alice());
  return result ? "no error" : result.error().message;
}

template <class Step>
const Step* find(const FileSystem& files, const std::string& inside) {
  for (const MountStep& step : files.steps)
    if (const Step* found = std::get_if<Step>(&step); found != nullptr && found->inside == inside) return found;
  return nullptr;
}

std::ptrdiff_t position(const FileSystem& files, const std::string& inside) {
  const auto found = std::ranges::find_if(files.steps, [&](const MountStep& step) { return inside_of(step) == inside; });
  EXPECT_NE(found, files.steps.end()) << inside;
  return found - files.steps.begin();
}

// Parents before children, the first level before all below it, no place twice.
void expect_order(const FileSystem& files) {
  ASSERT_FALSE(files.steps.empty());
  EXPECT_EQ(inside_of(files.steps.front()), "/");
  std::map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < files.steps.size(); ++i)
    if (!std::holds_alternative<Pin>(files.steps[i]) && !std::holds_alternative<Mask>(files.steps[i])) {
      EXPECT_TRUE(at.emplace(inside_of(files.steps[i]), i).second) << inside_of(files.steps[i]) << " twice";
    }
  std::size_t last_first_level = 0, first_deeper = files.steps.size();
  for (const auto& [inside, i] : at) {
    if (inside == "/") continue;
    if (inside.find('/', 1) == std::string::npos) last_first_level = std::max(last_first_level, i);
    else first_deeper = std::min(first_deeper, i);
    for (const auto& [above, j] : at)
      EXPECT_TRUE(above == "/" || !inside.starts_with(above + "/") || j < i) << above << " after " << inside;
  }
  EXPECT_LT(last_first_level, first_deeper);
}

TEST(PlanMounts, TheOrderHoldsForAWildMix) {
  profile::Profile profile;
  profile.read_only = items({"/usr", "/opt?", "/a/b/c", "/a", "/a!x", "/a-b/c", "/home/alice/x/y"});
  profile.read_write = items({"/a/b", "$PROJECT", "/srv:/usr/local"});
  profile.tmpfs = items({"/a/b/c/d", "/z:size=1M"});
  profile.secret = items({"token=/etc/hostname"});
  profile.home = scalar("private");
  expect_order(made(profile));
}

TEST(PlanMounts, TheLastThatAsksForAPlaceHasIt) {
  profile::Profile profile;
  profile.read_only = items({"/a", "/b:/a"});
  const FileSystem twice = made(profile);
  EXPECT_EQ(find<Bind>(twice, "/a")->outside, "/b");
  profile.read_write = items({"/a"});
  const FileSystem writable = made(profile);
  EXPECT_FALSE(find<Bind>(writable, "/a")->read_only);
  EXPECT_EQ(find<Bind>(writable, "/a")->outside, "/a");
  profile.tmpfs = items({"/a/"});
  const FileSystem empty = made(profile);
  EXPECT_EQ(find<Bind>(empty, "/a"), nullptr);
  EXPECT_NE(find<Tmpfs>(empty, "/a"), nullptr);
  expect_order(empty);
}

TEST(PlanMounts, BindsKeepWhatWasAsked) {
  profile::Profile profile;
  profile.read_only = items({"/opt?", "data:/srv/data"});
  profile.read_write = items({"~/x"});
  const FileSystem files = made(profile);
  EXPECT_TRUE(find<Bind>(files, "/opt")->optional);
  EXPECT_TRUE(find<Bind>(files, "/opt")->read_only);
  EXPECT_EQ(find<Bind>(files, "/srv/data")->outside, "/home/alice/work/data");
  EXPECT_FALSE(find<Bind>(files, "/srv/data")->optional);
  EXPECT_FALSE(find<Bind>(files, "/home/alice/x")->read_only);
}

TEST(PlanMounts, NothingGoesOverTheRoot) {
  profile::Profile profile;
  for (const char* value : {"/", "/a:/", "/a:/b/.."}) {
    profile.read_only = items({value});
    EXPECT_EQ(refusal(profile), std::string("'") + value + "': / cannot be bound over");
  }
}

TEST(PlanMounts, Roots) {
  profile::Profile profile;
  EXPECT_NE(find<Tmpfs>(made(profile), "/"), nullptr);
  EXPECT_NE(find<Symlink>(made(profile), "/bin"), nullptr);
  profile.root = scalar("host");
  const FileSystem host = made(profile);
  EXPECT_EQ(find<Bind>(host, "/")->outside, "/");
  EXPECT_TRUE(find<Bind>(host, "/")->read_only);
  EXPECT_EQ(find<Symlink>(host, "/bin"), nullptr);
  EXPECT_NE(find<Layered>(host, "/etc"), nullptr);
  profile.root = scalar("/srv/root:ro");
  EXPECT_TRUE(find<Bind>(made(profile), "/")->read_only);
  EXPECT_EQ(find<Bind>(made(profile), "/")->outside, "/srv/root");
  profile.root = scalar("~/root");
  const FileSystem own = made(profile);
  EXPECT_EQ(find<Bind>(own, "/")->outside, "/home/alice/root");
  EXPECT_FALSE(find<Bind>(own, "/")->read_only);
  EXPECT_EQ(find<Layered>(own, "/etc"), nullptr) << "a root file system has its own /etc";
  expect_order(own);
}

TEST(PlanMounts, EveryRootHasItsOwnSystemDirectories) {
  for (const char* root : {"empty", "host", "/srv/root"}) {
    profile::Profile profile;
    profile.root = scalar(root);
    const FileSystem files = made(profile);
    EXPECT_NE(find<Proc>(files, "/proc"), nullptr) << root;
    EXPECT_NE(find<Sysfs>(files, "/sys"), nullptr) << root;
    EXPECT_NE(find<Devpts>(files, "/dev/pts"), nullptr) << root;
    EXPECT_NE(find<Tmpfs>(files, "/tmp"), nullptr) << root;
    EXPECT_NE(find<Tmpfs>(files, "/run"), nullptr) << root;
    EXPECT_EQ(find<Bind>(files, "/dev"), nullptr) << root;
    for (const MountStep& step : files.steps) {
      const Bind* bind = std::get_if<Bind>(&step);
      EXPECT_FALSE(bind != nullptr && (bind->outside.starts_with("/proc") || bind->outside.starts_with("/sys"))) << root;
    }
  }
}

TEST(PlanMounts, Homes) {
  profile::Profile profile;
  EXPECT_EQ(find<Tmpfs>(made(profile), "/home/alice")->mode, 0700U);
  EXPECT_EQ(find<Bind>(made(profile), "/home/alice/.bashrc"), nullptr);
  profile.home = scalar("private");
  const FileSystem shown = made(profile);
  for (const char* file : {".bashrc", ".config/git", ".gitconfig", ".inputrc", ".profile", ".tmux.conf", ".vimrc"}) {
    const Bind* bind = find<Bind>(shown, std::string("/home/alice/") + file);
    ASSERT_NE(bind, nullptr) << file;
    EXPECT_TRUE(bind->read_only && bind->optional) << file;
  }
  for (const char* mode : {"ro", "host"}) {
    profile.home = scalar(mode);
    EXPECT_EQ(find<Bind>(made(profile), "/home/alice")->read_only, mode == std::string("ro"));
  }
  profile.home = scalar("none");
  EXPECT_EQ(find<Tmpfs>(made(profile), "/home/alice"), nullptr);
}

TEST(PlanMounts, NoHomeShowsACredential) {
  for (const char* mode : {"private", "empty", "keep"}) {
    profile::Profile profile;
    profile.home = scalar(mode);
    for (const MountStep& step : made(profile).steps)
      for (const char* secret : {".ssh", ".netrc", ".npmrc", ".git-credentials", ".aws", ".gnupg", ".config/gh", ".docker"})
        EXPECT_EQ(inside_of(step).find(std::string("/") + secret), std::string::npos) << mode;
  }
}

TEST(PlanMounts, KeptHomesLieInTheDataDirectory) {
  profile::Profile profile;
  profile.home = scalar("keep:tools");
  const FileSystem files = made(profile);
  EXPECT_EQ(files.prepare, (Words{"/home/alice/.local/share/sbx/homes/tools"}));
  EXPECT_EQ(find<Bind>(files, "/home/alice")->outside, files.prepare[0]);
  EXPECT_FALSE(find<Bind>(files, "/home/alice")->read_only);
  profile.home = scalar("keep");
  Host host = alice();
  host.environment = {{"XDG_DATA_HOME", "/data"}};
  EXPECT_EQ(made(profile, host).prepare, (Words{"/data/sbx/homes/default"}));
  host.environment = {{"XDG_DATA_HOME", "relative"}};
  EXPECT_EQ(made(profile, host).prepare, (Words{"/home/alice/.local/share/sbx/homes/default"}));
}

TEST(PlanMounts, RootInsideHasItsHomeInSlashRoot) {
  Plan plan = plan_of_alice();
  plan.identity.uid = 0;
  EXPECT_EQ(home_inside(plan.identity, alice()), "/root");
  profile::Profile profile;
  profile.home = scalar("private");
  EXPECT_EQ(find<Bind>(made(profile, alice(), plan), "/root/.bashrc")->outside, "/home/alice/.bashrc");
}

TEST(PlanMounts, AHomeThatIsNoneIsRefused) {
  Host host = alice();
  for (const char* home : {"", "/"}) {
    host.home = home;
    EXPECT_EQ(refusal({}, host), "home directory is not known");
  }
}

TEST(PlanMounts, TmpfsItems) {
  profile::Profile profile;
  profile.tmpfs = items({"/x", "/y:size=2M", "/tmp", "~/.cache"});
  const FileSystem files = made(profile);
  EXPECT_EQ(find<Tmpfs>(files, "/x")->size, 0U);
  EXPECT_EQ(find<Tmpfs>(files, "/x")->mode, 0755U);
  EXPECT_EQ(find<Tmpfs>(files, "/y")->size, 2U << 20);
  EXPECT_EQ(find<Tmpfs>(files, "/tmp")->mode, 01777U);
  EXPECT_NE(find<Tmpfs>(files, "/home/alice/.cache"), nullptr);
  for (const char* bad : {"/x:2M", "/x:size=2M:y", "/x:size=lots", "relative"}) {
    profile.tmpfs = items({bad});
    EXPECT_NE(refusal(profile), "no error") << bad;
  }
}

// Where it can be, a tmpfs is a directory of the root's: not with a size of its own, nor read-only, nor below a mount.
TEST(PlanMounts, ATmpfsNeedNoMountOfItsOwn) {
  profile::Profile profile;
  profile.tmpfs = items({"/x", "/y:size=2M", "/x/sub", "/usr/z", "/y/below"});
  profile.read_only = items({"/usr"});
  profile.secret = items({"key=k"});
  const FileSystem files = made(profile);
  for (const char* in_root : {"/x", "/x/sub", "/tmp", "/run", "/var/tmp", "/home/alice"})
    EXPECT_TRUE(find<Tmpfs>(files, in_root)->in_root) << in_root;
  for (const char* mount : {"/", "/y", "/y/below", "/usr/z", "/dev", "/dev/shm", "/run/secrets"})
    EXPECT_FALSE(find<Tmpfs>(files, mount)->in_root) << mount;
  profile.root = scalar("host");
  EXPECT_FALSE(find<Tmpfs>(made(profile), "/tmp")->in_root);
}

TEST(PlanMounts, Secrets) {
  EXPECT_EQ(find<Tmpfs>(made({}), "/run/secrets"), nullptr);
  profile::Profile profile;
  profile.secret = items({"token=~/t", "key=k"});
  const FileSystem files = made(profile);
  EXPECT_TRUE(find<Tmpfs>(files, "/run/secrets")->read_only);
  EXPECT_EQ(find<Tmpfs>(files, "/run/secrets")->mode, 0700U);
  EXPECT_EQ(find<Copy>(files, "/run/secrets/token")->outside, "/home/alice/t");
  EXPECT_EQ(find<Copy>(files, "/run/secrets/token")->mode, 0400U);
  EXPECT_EQ(find<Copy>(files, "/run/secrets/key")->outside, "/home/alice/work/k");
  expect_order(files);
  for (const char* bad : {"token", "=x", "a/b=x", "..=x", ".=x"}) {
    profile.secret = items({bad});
    EXPECT_NE(refusal(profile).find("is not understood"), std::string::npos) << bad;
  }
}

TEST(PlanMounts, AWorktreesRepositoryIsReadable) {
  profile::Profile profile;
  profile.read_write = items({"$PROJECT"});
  Host host = alice();
  host.git_common_dir = "/home/alice/main/.git", host.git_is_file = true;
  const FileSystem files = made(profile, host);
  const Bind* common = find<Bind>(files, "/home/alice/main/.git");
  ASSERT_NE(common, nullptr);
  EXPECT_TRUE(common->read_only);
  profile.read_write = items({"$PROJECT", "/home/alice/main"});
  EXPECT_EQ(find<Bind>(made(profile, host), "/home/alice/main/.git"), nullptr) << "it is there already";
  profile.read_write.clear();
  EXPECT_EQ(find<Bind>(made(profile, host), "/home/alice/main/.git"), nullptr) << "the project is not shown";
}

TEST(PlanMounts, SeenInsideFollowsTheDeepestBind) {
  const std::vector<MountStep> steps{Tmpfs{.inside = "/"}, Bind{.outside = "/a", .inside = "/x"}, Bind{.outside = "/a/b/c", .inside = "/y"},
                                     Bind{.outside = "/d", .inside = "/d"}, Tmpfs{.inside = "/d/e"}, Tmpfs{.inside = "/x/under"}};
  EXPECT_EQ(seen_inside(steps, "/a"), "/x");
  EXPECT_EQ(seen_inside(steps, "/a/b"), "/x/b");
  EXPECT_EQ(seen_inside(steps, "/a/b/c/f"), "/y/f");
  EXPECT_EQ(seen_inside(steps, "/ab"), std::nullopt);
  EXPECT_EQ(seen_inside(steps, "/d/e/f"), std::nullopt) << "a tmpfs lies over it";
  EXPECT_EQ(seen_inside(steps, "/a/under"), std::nullopt);
  EXPECT_EQ(seen_inside({Bind{.outside = "/", .inside = "/"}, Tmpfs{.inside = "/tmp"}}, "/srv/x"), "/srv/x");
  EXPECT_EQ(seen_inside({Bind{.outside = "/", .inside = "/"}, Tmpfs{.inside = "/tmp"}}, "/tmp/x"), std::nullopt);
}

TEST(PlanMounts, SeenOutsideIsTheWayBack) {
  const std::vector<MountStep> steps{Tmpfs{.inside = "/"}, Bind{.outside = "/a/./b", .inside = "/x"},
                                     Layered{.outside = "/etc", .inside = "/etc", .files = {}, .hidden = {}}, Tmpfs{.inside = "/x/own"},
                                     Pin{.inside = "/x/pinned"}, Symlink{"/x/link", "y"}};
  EXPECT_EQ(seen_outside(steps, "/x/f"), "/a/b/f");
  EXPECT_EQ(seen_outside(steps, "/x"), "/a/b");
  EXPECT_EQ(seen_outside(steps, "/etc/passwd"), "/etc/passwd");
  EXPECT_EQ(seen_outside(steps, "/x/own/f"), std::nullopt);
  EXPECT_EQ(seen_outside(steps, "/elsewhere"), std::nullopt);
  EXPECT_EQ(seen_outside(steps, "/x/pinned/f"), "/a/b/pinned/f");
  EXPECT_EQ(seen_outside(steps, "/xy"), std::nullopt);
}

TEST(PlanMounts, AThousandBindsStayInOrder) {
  profile::Profile profile;
  for (int i = 999; i >= 0; --i) profile.read_only.push_back({"/src/" + std::to_string(i) + ":/deep/" + std::to_string(i % 10) + "/" + std::to_string(i), {"t"}});
  const FileSystem files = made(profile);
  expect_order(files);
  EXPECT_GT(position(files, "/deep/3/993"), 0);
}

}  // namespace
}  // namespace plan
