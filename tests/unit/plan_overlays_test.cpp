// Which directories are overlaid, where their changes lie, who overlays them, and what is refused.
#include "plan/overlays.h"

#include <gtest/gtest.h>

namespace plan {
namespace {

using Words = std::vector<std::string>;

Host ann() {
  Host host;
  host.uid = host.gid = 1000;
  host.user = host.group = "ann", host.home = "/home/ann", host.shell = "/bin/bash";
  host.cwd = host.project = "/home/ann/work";
  host.overlay = host.overlayfs = true;
  host.kernel_major = 6, host.kernel_minor = 18, host.landlock_abi = 7;
  host.sandboxes = "/home/ann/.local/state/sbx/sandboxes";
  for (const char* each : {"/home/ann", "/home/ann/work", "/srv/debian"}) host.lowers.push_back({.path = each, .real = each, .is_directory = true, .filesystem = "", .inode = 7});
  host.lowers.push_back({.path = "/srv/link", .real = "/srv/debian", .is_directory = true, .filesystem = "", .inode = 7});
  host.lowers.push_back({.path = "/srv/share", .real = "/srv/share", .is_directory = true, .filesystem = "nfs", .inode = 8});
  host.lowers.push_back({.path = "/srv/file", .real = "/srv/file", .is_directory = false, .filesystem = "", .inode = 9});
  return host;
}

profile::List items(const Words& values, const std::string& source = "command line") {
  profile::List list;
  for (const std::string& value : values) list.push_back({value, {source}});
  return list;
}

Plan plan_named(const std::string& name) {
  Plan plan;
  plan.identity.uid = plan.identity.gid = 1000;
  plan.name = plan.hostname = name;
  return plan;
}

std::vector<Overlay> made(const profile::Profile& profile, const Host& host = ann()) {
  FileSystem files;
  const auto done = add_overlays(files, profile, host, plan_named("try"));
  EXPECT_TRUE(done) << done.error().message;
  std::vector<Overlay> out;
  for (const MountStep& step : files.steps) out.push_back(std::get<Overlay>(step));
  return out;
}

std::string refusal(const profile::Profile& profile, const Host& host = ann()) {
  FileSystem files;
  const auto done = add_overlays(files, profile, host, plan_named("try"));
  return done ? "no error" : done.error().message;
}

profile::Profile kept(const Words& values, const std::string& source = "command line") {
  profile::Profile profile;
  profile.overlay = items(values, source);
  return profile;
}

profile::Profile thrown(const Words& values) {
  profile::Profile profile;
  profile.tmp_overlay = items(values);
  return profile;
}

TEST(PlanOverlays, KeptUnderTheName) {
  const auto all = made(kept({"$PROJECT", "/srv/debian:/data"}));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].outside, "/home/ann/work");
  EXPECT_EQ(all[0].inside, "/home/ann/work");
  EXPECT_EQ(all[0].layers, "/home/ann/.local/state/sbx/sandboxes/try/changes/0");
  EXPECT_TRUE(all[0].kept && all[0].exact);
  EXPECT_EQ(all[1].inside, "/data");
  EXPECT_EQ(all[1].outside, "/srv/debian");
  EXPECT_EQ(all[1].layers, "/home/ann/.local/state/sbx/sandboxes/try/changes/1");
}

// What is asked for by hand must have something to act on; what a profile says may find nothing.
TEST(PlanOverlays, FuseOnlyWhereLandlockHoldsIt) {
  profile::Profile profile;
  profile.overlay = items({"/home/ann/work"});
  profile.overlay_engine = profile::Item{"fuse", {"command line"}};
  Host host = ann();
  host.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
  EXPECT_EQ(made(profile, host).at(0).engine, OverlayEngine::fuse);
  host.landlock_abi = 1;
  EXPECT_NE(refusal(profile, host).find("Landlock"), std::string::npos);
}

TEST(PlanOverlays, OnExit) {
  const auto on_exit = [](const std::string& word, const std::string& source, bool keeps, bool terminal) -> std::string {
    profile::Profile profile;
    profile.on_exit = profile::Item{word, {source}};
    Host host = ann();
    host.terminal = {terminal, false, terminal};
    const std::vector<MountStep> steps{Overlay{.outside = "/o", .inside = "/o", .kept = keeps}};
    const auto made = make_on_exit(profile, host, steps);
    return made ? std::string(on_exit_names[*made]) : made.error().message;
  };
  for (const char* word : {"keep", "commit", "discard"}) EXPECT_EQ(on_exit(word, "command line", true, false), word);
  EXPECT_EQ(on_exit("ask", "mine", true, true), "ask");
  EXPECT_EQ(on_exit("ask", "mine", true, false), "--on-exit ask: standard input and error are not a terminal, and nobody could be asked");
  EXPECT_EQ(on_exit("ask", "mine", false, false), "keep");
  EXPECT_EQ(on_exit("commit", "command line", false, false), "--on-exit commit: nothing is kept, because nothing is overlaid");
  EXPECT_EQ(on_exit("maybe", "mine", true, false), "on_exit is not one of ask, keep, commit, discard: 'maybe'");
}

TEST(PlanOverlays, ThrownAwayInMemoryWhereThatHasMarks) {
  EXPECT_EQ(made(thrown({"$PROJECT"}))[0].layers, "");
  EXPECT_FALSE(needs_state(thrown({"$PROJECT"}), ann()));
  Host old = ann();
  old.kernel_minor = 1;
  EXPECT_EQ(made(thrown({"$PROJECT"}), old)[0].layers, "/home/ann/.local/state/sbx/sandboxes/try/thrown/0");
  EXPECT_TRUE(needs_state(thrown({"$PROJECT"}), old));
  EXPECT_FALSE(needs_state({}, old));
  EXPECT_TRUE(needs_state(kept({"$PROJECT"}), ann()));
}

TEST(PlanOverlays, WhatWasKeptComesBack) {
  Host host = ann();
  host.kept = {{host.sandboxes + "/try/changes/2", "/home/ann/work", "/home/ann/work", "kernel", 7}};
  const auto alone = made({}, host);
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].layers, host.sandboxes + "/try/changes/2");
  const auto with_more = made(kept({"$PROJECT", "~/"}), host);
  ASSERT_EQ(with_more.size(), 2u);
  EXPECT_EQ(with_more[0].layers, host.sandboxes + "/try/changes/2");
  EXPECT_EQ(with_more[1].layers, host.sandboxes + "/try/changes/3");
  EXPECT_EQ(refusal(kept({"~/:/home/ann/work"}), host),
            "the sandbox 'sbx' has changes to /home/ann/work as /home/ann/work, which is asked for as something else now");
  EXPECT_NE(refusal(thrown({"$PROJECT"}), host), "no error");
}

TEST(PlanOverlays, ARootFileSystemIsContinuedAsTheRootOnly) {
  Host host = ann();
  host.kept = {{host.sandboxes + "/try/changes/0", "/", "/srv/debian", "kernel", 7}};
  const std::string refused = "the sandbox 'sbx' has changes to the root file system /srv/debian, and ";
  EXPECT_EQ(refusal({}, host), refused + "none is asked for");
  profile::Profile profile;
  profile.root = profile::Item{"host", {"command line"}};
  EXPECT_EQ(refusal(profile, host), refused + "none is asked for");
  profile.root = profile::Item{"/srv/share", {"command line"}};
  EXPECT_EQ(refusal(profile, host), refused + "/srv/share is another");
  for (const char* same : {"/srv/debian", "/srv/debian:ro", "/srv/link"}) {
    profile.root = profile::Item{same, {"command line"}};
    ASSERT_EQ(made(profile, host).size(), 1u) << same;
    EXPECT_EQ(made(profile, host)[0].layers, host.sandboxes + "/try/changes/0");
  }
}

TEST(PlanOverlays, WhatIsKeptIsOfTheRealDirectory) {
  const auto all = made(kept({"/srv/link"}));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].outside + " " + all[0].inside, "/srv/debian /srv/link");
  Host host = ann();
  host.kept = {{host.sandboxes + "/try/changes/0", "/srv/link", "/srv/debian", "kernel", 7}};
  EXPECT_EQ(made(kept({"/srv/link"}), host)[0].layers, host.sandboxes + "/try/changes/0");
  host.lowers[2].inode = 8;
  EXPECT_EQ(refusal({}, host), "the sandbox 'sbx' has changes to /srv/debian, and another directory is there now");
}

TEST(PlanOverlays, TheCommandLineBeatsTheProfile) {
  profile::Profile profile = kept({"$PROJECT"}, "agent");
  profile.tmp_overlay = items({"$PROJECT"});
  ASSERT_EQ(made(profile).size(), 1u);
  EXPECT_FALSE(made(profile)[0].kept);
  profile.tmp_overlay.clear();
  profile.read_write = items({"$PROJECT"}, "dev");
  EXPECT_EQ(made(profile).size(), 1u);
  profile.read_write = items({"$PROJECT"});
  EXPECT_EQ(made(profile).size(), 0u);
}

TEST(PlanOverlays, TheRootFileSystem) {
  profile::Profile profile = kept({"/"});
  profile.root = profile::Item{"/srv/debian:ro", {"t"}};
  const auto all = made(profile);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].outside, "/srv/debian");
  EXPECT_EQ(all[0].inside, "/");
  profile.root = profile::Item{"host", {"t"}};
  EXPECT_EQ(refusal(profile), "overlay of /: the host's root cannot be overlaid as a whole");
  profile.root.reset();
  EXPECT_EQ(refusal(profile), "overlay of /: the root is an empty one, and there is nothing to overlay");
}

TEST(PlanOverlays, Refused) {
  EXPECT_EQ(refusal(kept({"/nowhere"})), "overlay of /nowhere: No such file or directory");
  EXPECT_EQ(refusal(kept({"/nowhere?"})), "no error");
  EXPECT_EQ(refusal(kept({"/srv/file"})), "overlay of /srv/file: Not a directory");
  EXPECT_EQ(refusal(kept({"~/:/"})), "'~/:/': / cannot be overlaid by another directory");
  EXPECT_EQ(refusal(kept({"~/.local/state/sbx/sandboxes/try"})),
            "overlay of /home/ann/.local/state/sbx/sandboxes/try: this is where sbx itself keeps changes");
}

TEST(PlanOverlays, OneFileHasOneSetOfChanges) {
  EXPECT_EQ(refusal(kept({"~/", "$PROJECT"})), "no error") << "the second lies over that part of the first";
  EXPECT_NE(refusal(kept({"~/", "$PROJECT:/work"})), "no error");
  EXPECT_NE(refusal(kept({"$PROJECT:/a", "$PROJECT:/b"})), "no error");
  profile::Profile profile = kept({"$PROJECT:/a"});
  profile.tmp_overlay = items({"$PROJECT:/b"});
  EXPECT_EQ(refusal(profile), "no error");
}

TEST(PlanOverlays, WhoOverlays) {
  Host host = ann();
  const auto engine = [&](const profile::Profile& profile) { return made(profile, host).at(0).engine; };
  EXPECT_EQ(engine(kept({"$PROJECT"})), OverlayEngine::kernel);
  host.mount_points = {"/", "/home/ann", "/home/ann/work/mnt", "/home/ann/workshop"};
  EXPECT_EQ(refusal(kept({"$PROJECT"}), host), "overlay of /home/ann/work: /home/ann/work/mnt is mounted below it");
  host.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
  EXPECT_EQ(engine(kept({"$PROJECT"})), OverlayEngine::fuse);
  EXPECT_EQ(made(kept({"$PROJECT"}), host)[0].program, "/usr/bin/fuse-overlayfs");
  host.mount_points.clear();
  EXPECT_EQ(engine(kept({"$PROJECT"})), OverlayEngine::kernel);
  host.sandboxes_filesystem = "nfs";
  EXPECT_EQ(engine(kept({"$PROJECT"})), OverlayEngine::fuse);
  EXPECT_EQ(engine(thrown({"$PROJECT"})), OverlayEngine::kernel) << "in memory";
  profile::Profile asked = kept({"$PROJECT"});
  asked.overlay_engine = profile::Item{"kernel", {"t"}};
  EXPECT_EQ(refusal(asked, host), "overlay of /home/ann/work: the changes would lie on nfs, in /home/ann/.local/state/sbx/sandboxes");
  asked.overlay_engine->value = "fuse";
  host.sandboxes_filesystem.clear();
  EXPECT_EQ(engine(asked), OverlayEngine::fuse);
  host.fuse_overlayfs.clear();
  EXPECT_EQ(refusal(asked, host), "overlay of /home/ann/work: fuse-overlayfs cannot be used here");
}

// One reads no marks of the other's.
TEST(PlanOverlays, AKeptOneStaysWithItsEngine) {
  Host host = ann();
  host.kept = {{host.sandboxes + "/try/changes/0", "/home/ann/work", "/home/ann/work", "fuse", 7}};
  EXPECT_EQ(refusal({}, host), "overlay of /home/ann/work: fuse-overlayfs cannot be used here");
  host.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
  EXPECT_EQ(made({}, host)[0].engine, OverlayEngine::fuse);
  profile::Profile asked;
  asked.overlay_engine = profile::Item{"kernel", {"t"}};
  EXPECT_EQ(refusal(asked, host), "overlay of /home/ann/work: its changes were made by the engine fuse, and kernel cannot read them");
  host.kept[0].engine = "kernel";
  host.overlayfs = false;
  EXPECT_EQ(refusal({}, host), "overlay of /home/ann/work: this kernel has no overlayfs in user namespaces");
}

TEST(PlanOverlays, ANoteOnWhatOthersChange) {
  FileSystem files;
  ASSERT_TRUE(add_overlays(files, kept({"/srv/share"}), ann(), plan_named("try")));
  EXPECT_EQ(files.notes, (Words{"/srv/share lies on nfs: what others change there meanwhile may be seen or not"}));
}

}  // namespace
}  // namespace plan
