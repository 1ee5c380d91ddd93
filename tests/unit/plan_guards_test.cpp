// What lies over a writable bind: protected parts, hidden files, sbx's own directories; and what is said about the rest.
#include "plan/guards.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace plan {
namespace {

using Words = std::vector<std::string>;

profile::List items(const Words& values) {
  profile::List list;
  for (const std::string& value : values) list.push_back({value, {"t"}});
  return list;
}

Host alice(Words present = {}) {
  Host host;
  host.uid = host.gid = 1000;
  host.user = "alice", host.home = "/home/alice";
  host.cwd = host.project = "/w";
  host.present = std::move(present);
  return host;
}

// The project at /w, writable; the rest of the system read-only.
FileSystem with_project() {
  return {.prepare = {}, .steps = {Tmpfs{.inside = "/"}, Bind{.outside = "/usr", .inside = "/usr"}, Bind{.outside = "/w", .inside = "/w", .read_only = false}},
          .notes = {}};
}

FileSystem guarded(const profile::Profile& profile, const Host& host, FileSystem files = with_project()) {
  const Result<> done = add_guards(files, profile, host);
  EXPECT_TRUE(done) << done.error().message;
  return files;
}

// "pin /w/.git", "pin ro /w/.git/config", "mask /w/x" in their order.
Words guards_of(const FileSystem& files) {
  Words out;
  for (const MountStep& step : files.steps) {
    if (const Pin* pin = std::get_if<Pin>(&step)) out.push_back((pin->read_only ? "pin ro " : "pin ") + pin->inside);
    if (const Mask* mask = std::get_if<Mask>(&step)) out.push_back("mask " + mask->inside);
  }
  return out;
}

TEST(PlanGuards, EveryParentBelowTheBindIsPinned) {
  profile::Profile profile;
  profile.protect = items({"/w/a/b/c"});
  const FileSystem files = guarded(profile, alice({"/w/a/b/c"}));
  EXPECT_EQ(guards_of(files), (Words{"pin /w/a", "pin /w/a/b", "pin ro /w/a/b/c"}));
  EXPECT_TRUE(std::get<Pin>(files.steps.back()).watch) << "what is read-only must not be taken away";
  EXPECT_TRUE(files.notes.empty());
}

TEST(PlanGuards, APlaceIsPinnedOnce) {
  profile::Profile profile;
  profile.protect = items({"/w/.git/hooks", "$PROJECT/.git/config", "/w/.git/config", "/w/.envrc"});
  EXPECT_EQ(guards_of(guarded(profile, alice({"/w/.git/config", "/w/.git/hooks", "/w/.envrc"}))),
            (Words{"pin ro /w/.envrc", "pin /w/.git", "pin ro /w/.git/config", "pin ro /w/.git/hooks"}));
}

TEST(PlanGuards, AProtectedDirectoryHoldsForWhatIsInIt) {
  profile::Profile profile;
  profile.protect = items({"/w/.git", "/w/.git/config"});
  const Words guards = guards_of(guarded(profile, alice({"/w/.git", "/w/.git/config"})));
  EXPECT_EQ(guards.front(), "pin ro /w/.git");
  EXPECT_EQ(std::ranges::count(guards, "pin /w/.git"), 0) << "a later, writable pin would undo the first";
}

TEST(PlanGuards, WhatIsMissingIsSaid) {
  profile::Profile profile;
  profile.protect = items({"/w/.envrc"});
  profile.hide = items({"/w/secret\n?"});
  const FileSystem files = guarded(profile, alice());
  EXPECT_TRUE(guards_of(files).empty());
  EXPECT_EQ(files.notes, (Words{"not protected, because it does not exist: /w/.envrc", "not hidden, because it does not exist: /w/secret\\n"}));
}

TEST(PlanGuards, WhatIsNotWritableNeedsNoProtection) {
  profile::Profile profile;
  profile.protect = items({"/usr/lib", "/elsewhere"});
  const FileSystem files = guarded(profile, alice({"/usr/lib", "/elsewhere"}));
  EXPECT_TRUE(guards_of(files).empty());
  EXPECT_TRUE(files.notes.empty());
}

TEST(PlanGuards, ProtectionFollowsTheBindToItsPlaceOutside) {
  profile::Profile profile;
  profile.protect = items({"/inside/x"});
  FileSystem files = with_project();
  files.steps.push_back(Bind{.outside = "/data", .inside = "/inside", .read_only = false});
  EXPECT_EQ(guards_of(guarded(profile, alice({"/data/x"}), files)), (Words{"pin ro /inside/x"}));
  EXPECT_TRUE(guards_of(guarded(profile, alice({"/inside/x"}), files)).empty()) << "the name means /data/x";
}

TEST(PlanGuards, AWorktreesGitFileIsProtectedToo) {
  profile::Profile profile;
  profile.protect = items({"/w/.envrc"});
  Host host = alice({"/w/.git", "/w/.envrc"});
  host.git_is_file = true;
  EXPECT_EQ(guards_of(guarded(profile, host)), (Words{"pin ro /w/.envrc", "pin ro /w/.git"}));
}

TEST(PlanGuards, HiddenFilesAreWatched) {
  profile::Profile profile;
  profile.hide = items({"/w/secret", "~/x"});
  const FileSystem files = guarded(profile, alice({"/w/secret"}));
  const Words guards = guards_of(files);
  ASSERT_FALSE(guards.empty());
  EXPECT_EQ(guards.back(), "mask /w/secret");
  EXPECT_TRUE(std::get<Mask>(files.steps.back()).watch);
  EXPECT_TRUE(files.notes.empty()) << "the home is a tmpfs of our own: there is nothing to hide";
}

TEST(PlanGuards, WhatShouldBeHiddenMustExist) {
  profile::Profile profile;
  profile.hide = items({"/w/secret\n"});
  FileSystem files = with_project();
  const Result<> done = add_guards(files, profile, alice());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "hide /w/secret\\n: No such file or directory");
  EXPECT_FALSE(done.error().hint.empty());
}

TEST(PlanGuards, HiddenBehindParentsThatCannotMove) {
  profile::Profile profile;
  profile.hide = items({"/w/a/b/secret"});
  const FileSystem files = guarded(profile, alice({"/w/a/b/secret"}));
  EXPECT_EQ(guards_of(files), (Words{"pin /w/a", "pin /w/a/b", "mask /w/a/b/secret"}));
  for (const MountStep& step : files.steps)
    EXPECT_TRUE(!std::holds_alternative<Pin>(step) || std::get<Pin>(step).watch) << inside_of(step);
}

TEST(PlanGuards, AWhiteoutTakesAllBelowIt) {
  FileSystem files = with_project();
  files.steps.push_back(Layered{.outside = "/etc", .inside = "/etc", .files = {{"ssl/own", "x"}, {"passwd", "x"}}, .hidden = {"ssl/private"}});
  profile::Profile profile;
  profile.hide = items({"/etc/ssl", "/etc/ssl/certs"});
  const FileSystem out = guarded(profile, alice(), files);
  const auto& layer = std::get<Layered>(out.steps.back());
  EXPECT_EQ(layer.hidden, (Words{"ssl"}));
  ASSERT_EQ(layer.files.size(), 1U);
  EXPECT_EQ(layer.files[0].inside, "passwd");
}

TEST(PlanGuards, HiddenInALayerIsAWhiteout) {
  FileSystem files = with_project();
  files.steps.push_back(Layered{.outside = "/etc", .inside = "/etc", .files = {}, .hidden = {"shadow"}});
  profile::Profile profile;
  profile.hide = items({"/etc/ssl/openssl.cnf"});
  const FileSystem out = guarded(profile, alice(), files);
  EXPECT_EQ(std::get<Layered>(out.steps.back()).hidden, (Words{"shadow", "ssl/openssl.cnf"}));
  EXPECT_TRUE(out.notes.empty());
}

TEST(PlanGuards, OwnDirectoriesAreOutOfSight) {
  FileSystem files = with_project();
  files.steps.push_back(Bind{.outside = "/home/alice", .inside = "/home/alice", .read_only = false});
  const Words own{"/home/alice/.config/sbx", "/home/alice/.cache/sbx", "/home/alice/.local/state/sbx", "/home/alice/.local/share/sbx"};
  const std::string home = "/home/alice";
  const Words masks{"pin " + home + "/.config", "pin " + home + "/.cache", "pin " + home + "/.local", "pin " + home + "/.local/state",
                    "pin " + home + "/.local/share", "mask " + own[0], "mask " + own[1], "mask " + own[2], "mask " + own[3]};
  EXPECT_EQ(guards_of(guarded({}, alice(own), files)), masks);
  EXPECT_EQ(guards_of(guarded({}, alice(), files)), masks) << "what is not there yet is made first, not left to the payload";
  EXPECT_EQ(guarded({}, alice(), files).prepare, own);
  EXPECT_TRUE(guards_of(guarded({}, alice(own))).empty()) << "the home is not shown";
  Host moved = alice({"/w/cache/sbx"});
  moved.environment = {{"XDG_CACHE_HOME", "/w/cache"}, {"XDG_DATA_HOME", "relative"}};
  const Words moved_masks = guards_of(guarded({}, moved, files));
  EXPECT_EQ(std::ranges::count(moved_masks, "mask /w/cache/sbx"), 1);
  EXPECT_EQ(std::ranges::count(moved_masks, "mask /home/alice/.cache/sbx"), 0);
}

TEST(PlanGuards, AKeptHomeIsShownThoughItsParentIsNot) {
  FileSystem files = with_project();
  files.prepare = {"/home/alice/.local/share/sbx/homes/x"};
  files.steps.push_back(Bind{.outside = files.prepare[0], .inside = "/home/alice", .read_only = false});
  EXPECT_TRUE(guards_of(guarded({}, alice({"/home/alice/.local/share/sbx", "/home/alice/.cache/sbx"}), files)).empty());
}

// HOME is a link into the project.
TEST(PlanGuards, OwnDirectoriesAreFoundBehindALinkedHome) {
  Host host = alice({"/w/real/.config/sbx"});
  host.home = "/w/link";
  host.resolved = {{"/w", "/w"}, {"/w/link/.config/sbx", "/w/real/.config/sbx"}, {"/w/link/.cache/sbx", "/elsewhere/sbx"},
                   {"/w/link/.local/state/sbx", "/w/real/.local/state/sbx"}, {"/w/link/.local/share/sbx", "/w/real/.local/state/sbx"}};
  const FileSystem files = guarded({}, host);
  EXPECT_EQ(guards_of(files), (Words{"pin /w/real", "pin /w/real/.config", "pin /w/real/.local", "pin /w/real/.local/state",
                                     "mask /w/real/.config/sbx", "mask /w/real/.local/state/sbx"}));
  EXPECT_EQ(files.prepare, (Words{"/w/real/.local/state/sbx"}));
  const auto mask = std::ranges::find_if(files.steps, [](const MountStep& step) { return std::holds_alternative<Mask>(step); });
  EXPECT_TRUE(std::get<Mask>(*mask).optional) << "the empty home may cover it";
}

// Replaced by the payload, it would lead elsewhere the next time.
TEST(PlanGuards, ALinkToAnOwnDirectoryIsNotLeftWritable) {
  Host host = alice({"/dotfiles/sbx"});
  host.resolved = {{"/home/alice/.config/sbx", "/dotfiles/sbx"}};
  host.links = {"/home/alice/.config"};
  EXPECT_TRUE(guards_of(guarded({}, host)).empty()) << "the home is not shown";
  FileSystem files = with_project();
  files.steps.push_back(Bind{.outside = "/home/alice", .inside = "/x", .read_only = false});
  const Result<> refused = add_guards(files, {}, host);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "/home/alice cannot be shown writable: the symbolic link /home/alice/.config in it leads to sbx's own directory");
  EXPECT_FALSE(refused.error().hint.empty());
  std::get<Bind>(files.steps.back()).read_only = true;
  EXPECT_TRUE(add_guards(files, {}, host));
  files.steps.back() = Overlay{.outside = "/home/alice", .inside = "/x"};
  EXPECT_TRUE(add_guards(files, {}, host));
}

TEST(PlanGuards, OwnDirectoriesAreFoundBehindALinkedSource) {
  const Host base = alice({"/home/alice/.config/sbx", "/home/alice/.cache/sbx", "/home/alice/.local/state/sbx", "/home/alice/.local/share/sbx"});
  for (const bool overlaid : {false, true}) {
    FileSystem files = with_project();
    if (overlaid) files.steps.push_back(Overlay{.outside = "/w/lk", .inside = "/x"});
    else files.steps.push_back(Bind{.outside = "/w/lk", .inside = "/x", .read_only = false});
    Host host = base;
    host.resolved = {{"/w/lk", "/home/alice"}};
    EXPECT_EQ(guards_of(guarded({}, host, files)), (Words{"pin /x/.config", "pin /x/.cache", "pin /x/.local", "pin /x/.local/state", "pin /x/.local/share",
                                                           "mask /x/.config/sbx", "mask /x/.cache/sbx", "mask /x/.local/state/sbx", "mask /x/.local/share/sbx"}));
    host.resolved = {{"/w/lk", "/home/alice/.config"}};
    EXPECT_EQ(guards_of(guarded({}, host, files)), (Words{"mask /x/sbx"}));
    files.steps.push_back(Tmpfs{.inside = "/x/sbx"});
    EXPECT_TRUE(guards_of(guarded({}, host, files)).empty()) << "a tmpfs lies over it";
  }
}

TEST(PlanGuards, NothingInAnOwnDirectoryIsWritable) {
  for (const char* real : {"/home/alice/.config/sbx", "/home/alice/.local/state/sbx/sandboxes/v"}) {
    Host host = alice({"/home/alice/.config/sbx"});
    host.resolved = {{"/w/lk\n", real}};
    FileSystem files = with_project();
    files.steps.push_back(Bind{.outside = "/w/lk\n", .inside = "/x", .read_only = false});
    const Result<> bound = add_guards(files, {}, host);
    ASSERT_FALSE(bound) << real;
    EXPECT_TRUE(bound.error().message.starts_with("/w/lk\\n cannot be shown writable: it lies in /home/alice/.")) << bound.error().message;
    EXPECT_FALSE(bound.error().hint.empty());
    std::get<Bind>(files.steps.back()).read_only = true;
    EXPECT_TRUE(add_guards(files, {}, host)) << real;
    files.steps.back() = Overlay{.outside = real, .inside = "/x"};
    EXPECT_FALSE(add_guards(files, {}, host)) << real;
  }
}

TEST(PlanGuards, LinksAreResolvedOnlyWhereSomethingOfTheHostsIsShown) {
  profile::Profile profile;
  profile.read_only = items({"/usr", "/opt?"});
  EXPECT_TRUE(paths_to_resolve(profile, alice()).value().empty());
  profile.read_write = items({"lk/../x:/w"});
  EXPECT_EQ(paths_to_resolve(profile, alice()).value(),
            (Words{"/w/lk/../x", "/home/alice/.config/sbx", "/home/alice/.cache/sbx", "/home/alice/.local/state/sbx", "/home/alice/.local/share/sbx"}));
}

TEST(PlanGuards, RelativeGuardsAreRefused) {
  for (const bool hide : {true, false}) {
    profile::Profile profile;
    (hide ? profile.hide : profile.protect) = items({"x"});
    FileSystem files = with_project();
    EXPECT_EQ(add_guards(files, profile, alice()).error().message, "'x': x is relative");
    EXPECT_FALSE(paths_to_probe(profile, alice()));
  }
}

TEST(PlanGuards, TheProbeIsAskedForEveryNameOutside) {
  profile::Profile profile;
  profile.read_write = items({"/data:/inside", "$PROJECT"});
  profile.protect = items({"/inside/x", "$PROJECT/.envrc"});
  profile.hide = items({"/etc/x"});
  const auto paths = paths_to_probe(profile, alice());
  ASSERT_TRUE(paths) << paths.error().message;
  for (const char* wanted : {"/data/x", "/w/.envrc", "/etc/x", "/home/alice/.config/sbx"})
    EXPECT_EQ(std::ranges::count(*paths, wanted) > 0, true) << wanted;
}

}  // namespace
}  // namespace plan
