// Copy-on-write: --overlay and --tmp-overlay, what is kept and what is thrown away, what lies below and inside them, and
// what is refused before anything runs.
#include "harness/surroundings.h"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class OverlayTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    if (IsSkipped()) return;
    for (const char* each : {"p/sub", "p/gone", "state", "home"}) dir.make(each);
    dir.write("p/file", "host\n");
    dir.write("p/sub/inner", "inner\n");
    dir.write("p/gone/old", "old\n");
    before_ = read_tree(project());
  }
  std::string project() const { return dir / "p"; }
  Outcome overlay(Words options, const std::string& script) {
    for (const std::string& word : {std::string("--"), std::string("sh"), std::string("-c"), script}) options.push_back(word);
    return in_project(std::move(options));
  }
  Outcome in_project(Words words) {
    Command command = sbx(std::move(words));
    command.cwd = project();
    command.environment = {"HOME=" + (dir / "home"), "XDG_STATE_HOME=" + (dir / "state")};
    return run(command);
  }
  void expect_untouched() const { EXPECT_EQ(changes(before_, read_tree(project())), ""); }
  std::string kept(const std::string& name, int number = 0) const {
    return dir / ("state/sbx/sandboxes/" + name + "/changes/" + std::to_string(number));
  }
  Tree before_;
};

constexpr const char* write_all = "echo new >file && rm -r gone && mkdir gone && echo more >gone/new && cat file gone/* && ls gone";

}  // namespace

// A directory of the host's that is removed and made again shows nothing of the old one: only a mark can do that.
TEST_F(OverlayTest, ThrownAway) {
  const Outcome outcome = overlay({"--tmp-overlay", "."}, write_all);
  EXPECT_EQ(outcome.out, "new\nmore\nnew\n") << outcome.err;
  EXPECT_EQ(outcome.err, "");
  expect_untouched();
  const std::string kept_ones = dir / "state/sbx/sandboxes";  // made where changes lie on disk
  EXPECT_TRUE(!fs::exists(kept_ones) || fs::is_empty(kept_ones)) << "nothing is left";
}

TEST_F(OverlayTest, Kept) {
  const Outcome outcome = overlay({"--overlay", ".", "--name", "try"}, write_all);
  EXPECT_EQ(outcome.out, "new\nmore\nnew\n") << outcome.err;
  EXPECT_PRED2(contains, outcome.err, "sbx diff try") << outcome.err;
  expect_untouched();
  EXPECT_EQ(read_file(kept("try") + "/upper/file"), "new\n");
  const std::string origin = read_file(kept("try") + "/origin");
  EXPECT_PRED2(contains, origin, "outside " + project() + "\n");
  EXPECT_PRED2(contains, origin, "engine kernel\n");
}

TEST_F(OverlayTest, NobodyElseReadsTheChanges) {
  overlay({"--overlay", ".", "--name", "try"}, "echo secret >file");
  for (const char* each : {"state/sbx/sandboxes/try", "state/sbx/sandboxes/try/changes", "state/sbx/sandboxes/try/changes/0"})
    EXPECT_EQ(fs::status(dir / each).permissions() & fs::perms::mask, fs::perms::owner_all) << each;
}

TEST_F(OverlayTest, TheSameCommandContinues) {
  overlay({"--overlay", ".", "--name", "try"}, "echo one >a");
  const std::string origin = read_file(kept("try") + "/origin");
  EXPECT_EQ(overlay({"--overlay", ".", "--name", "try"}, "cat a; echo two >b").out, "one\n");
  EXPECT_EQ(overlay({"--name", "try", "-w", project()}, "cat a b").out, "one\ntwo\n") << "without being asked for again";
  EXPECT_EQ(read_file(kept("try") + "/origin"), origin) << "the first start counts";
  EXPECT_FALSE(fs::exists(kept("try", 1)));
  expect_untouched();
}

TEST_F(OverlayTest, AContinuedPlaceCannotBecomeAnother) {
  overlay({"--overlay", ".", "--name", "try"}, "echo one >a");
  const Outcome outcome = overlay({"--overlay", (dir / "home") + ":" + project(), "--name", "try"}, "true");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "the sandbox 'try' has changes to") << outcome.err;
  EXPECT_EQ(read_file(kept("try") + "/upper/a"), "one\n");
}

TEST_F(OverlayTest, SbxGivesANameWhereNoneIsGiven) {
  const Outcome outcome = overlay({"--overlay", "."}, "echo new >file");
  EXPECT_PRED2(contains, outcome.err, "1 path changed (1 modified), kept as 'sbx-") << outcome.err;
  ASSERT_FALSE(fs::is_empty(dir / "state/sbx/sandboxes"));
}

TEST_F(OverlayTest, ANameThatNobodyNeedsIsGone) {
  const Outcome outcome = overlay({"--overlay", "."}, "cat file");
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/sandboxes"));
}

TEST_F(OverlayTest, AFailedLaunchLeavesNothingAndForgetsNothing) {
  EXPECT_EQ(overlay({"--overlay", ".", "--name", "try", "--ro", "/nowhere/at/all"}, "true").status, 125);
  EXPECT_FALSE(fs::exists(dir / "state/sbx/sandboxes/try"));
  overlay({"--overlay", ".", "--name", "try"}, "echo one >a");
  EXPECT_EQ(overlay({"--overlay", ".", "--name", "try", "--ro", "/nowhere/at/all"}, "true").status, 125);
  EXPECT_EQ(read_file(kept("try") + "/upper/a"), "one\n");
}

TEST_F(OverlayTest, RmAsksBeforeItForgets) {
  overlay({"--overlay", ".", "--name", "try"}, "mkdir -p a/b/c && echo x >a/b/c/d && chmod 0 a/b");
  const Words environment{"XDG_STATE_HOME=" + (dir / "state")};
  const auto rm = [&](Words words) {
    Command command = sbx(std::move(words));
    command.environment = environment;
    return run(command);
  };
  const Outcome refused = rm({"rm", "try"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_PRED2(contains, refused.err, "keeps changes") << refused.err;
  EXPECT_TRUE(fs::exists(kept("try")));
  EXPECT_EQ(rm({"rm", "--force", "try"}).status, 0);
  EXPECT_FALSE(fs::exists(dir / "state/sbx/sandboxes/try"));
}

TEST_F(OverlayTest, SeveralOverOneDirectory) {
  Command first = sbx({"--overlay", ".", "--name", "one", "--", "sh", "-c", "echo one >file; echo ready; cat; cat file"});
  first.cwd = project();
  first.environment = {"XDG_STATE_HOME=" + (dir / "state")};
  Process process(first);
  process.send("");  // its input stays open
  ASSERT_TRUE(process.wait_for("ready"));
  EXPECT_EQ(overlay({"--overlay", ".", "--name", "two"}, "cat file; echo two >file").out, "host\n");
  EXPECT_EQ(overlay({"--tmp-overlay", "."}, "cat file").out, "host\n");
  process.close_input();
  EXPECT_PRED2(contains, process.finish().out, "one\n");
  expect_untouched();
}

TEST_F(OverlayTest, HomeAndProjectTogether) {
  dir.make("home/work");
  dir.write("home/work/code", "code\n");
  const Outcome outcome = overlay({"--overlay", dir / "home", "--overlay", dir / "home/work", "--name", "both"},
                                  "cd " + (dir / "home") + " && echo rc >.rc && echo new >work/code && cat .rc work/code");
  EXPECT_EQ(outcome.out, "rc\nnew\n") << outcome.err;
  EXPECT_EQ(read_file(dir / "home/work/code"), "code\n");
  EXPECT_FALSE(fs::exists(dir / "home/.rc"));
  EXPECT_EQ(read_file(kept("both", 0) + "/upper/.rc"), "rc\n");
  EXPECT_EQ(read_file(kept("both", 1) + "/upper/code"), "new\n");
}

// The changes lie below the overlaid home itself, where the payload must not reach them.
TEST_F(OverlayTest, TheHomeThatHoldsTheChanges) {
  Command command = sbx({"--overlay", dir / "home", "--name", "try", "--", "sh", "-c",
                         "echo x >~/new; ls -A ~/.local/state/sbx; touch ~/.local/state/sbx/x || echo held"});
  command.environment = {"HOME=" + (dir / "home"), "XDG_STATE_HOME="};
  command.argv.insert(command.argv.begin() + 1, {"--set", "environment.set.HOME=" + (dir / "home")});
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.out, "held\n") << outcome.err;
  EXPECT_EQ(read_file(dir / "home/.local/state/sbx/sandboxes/try/changes/0/upper/new"), "x\n");
  EXPECT_FALSE(fs::exists(dir / "home/new"));
}

TEST_F(OverlayTest, HiddenByName) {
  dir.write("p/sub/secret", "secret\n");
  fs::permissions(dir / "p/sub", fs::perms::owner_all | fs::perms::group_read);
  const Outcome outcome = overlay({"--overlay", ".", "--name", "try", "--hide", project() + "/sub/secret", "--hide", project() + "/none?"},
                                  "ls sub; cat sub/secret 2>/dev/null || echo hidden; stat -c %a sub");
  EXPECT_EQ(outcome.out, "inner\nhidden\n740\n") << outcome.err;
  EXPECT_TRUE(fs::is_empty(kept("try") + "/upper")) << "what is hidden is no change";
}

// The sandbox never saw it: what it did in its place does not get to it, by whatever way.
TEST_F(OverlayTest, WhatWasHiddenIsNotCommittedOver) {
  for (const char* work : {"rm -r sub", "echo mine >sub/secret", "rm -r sub; mkdir sub; echo mine >sub/secret; echo new >sub/new", "rm -r sub; echo flat >sub"}) {
    dir.write("p/sub/secret", "secret\n");
    const Outcome outcome = overlay({"--overlay", ".", "--name", "try", "--hide", project() + "/sub/secret"}, std::string(work) + "; echo x >other");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    ASSERT_EQ(overlay({"--overlay", ".", "--name", "try"}, "true").status, 0);  // shown later, it stays what was not seen
    for (const Words& extra : {Words{}, Words{"--force"}, Words{"sub"}, Words{"--force", "sub/secret"}}) {
      Words words{"commit", "try"};
      words.insert(words.end(), extra.begin(), extra.end());
      const Outcome refused = in_project(words);
      EXPECT_EQ(refused.status, 1) << work << refused.err;
      EXPECT_PRED2(contains, refused.err, "sub/secret: it was hidden from the sandbox\n");
      EXPECT_EQ(read_file(dir / "p/sub/secret"), "secret\n") << work;
    }
    EXPECT_EQ(in_project({"commit", "try", "other"}).status, 0) << "control";
    EXPECT_EQ(in_project({"discard", "try"}).status, 0);
    fs::remove(dir / "p/other");
  }
}

TEST_F(OverlayTest, NothingIsCommittedIntoWhatWasHidden) {
  dir.write("p/.ssh/id", "key\n");
  ASSERT_EQ(overlay({"--overlay", ".", "--name", "try", "--hide", project() + "/.ssh"}, "mkdir .ssh; echo mine >.ssh/authorized_keys").status, 0);
  EXPECT_EQ(in_project({"commit", "try"}).status, 1);
  EXPECT_EQ(in_project({"commit", "try", "--force", ".ssh/authorized_keys"}).status, 1);
  EXPECT_FALSE(fs::exists(dir / "p/.ssh/authorized_keys"));
}

// By a link that is replaced, or a directory that is not there yet.
TEST_F(OverlayTest, SbxsOwnDirectoriesAreNotCommitted) {
  dir.make("home/dotfiles/config");
  fs::create_directory_symlink("dotfiles/config", dir / "home/.config");
  const std::string work = "cd ~; rm .config; mkdir -p .config/sbx; echo x >.config/sbx/evil; mkdir -p dotfiles/config/sbx; echo y >dotfiles/other";
  const Outcome outcome = overlay({"--home", "none", "--overlay", dir / "home", "--name", "try"}, "HOME=" + (dir / "home") + "; " + work);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Outcome refused = in_project({"commit", "try", "--force"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_PRED2(contains, refused.err, ".config: it was hidden from the sandbox");
  EXPECT_TRUE(fs::is_symlink(dir / "home/.config"));
  EXPECT_EQ(in_project({"commit", "try", dir / "home/dotfiles/other"}).status, 0) << "control";
}

// What the host renames over a hidden file stays hidden.
TEST_F(OverlayTest, HiddenStaysHidden) {
  dir.write("p/secret", "secret\n");
  Command command = sbx({"--tmp-overlay", ".", "--hide", project() + "/secret", "--", "sh", "-c", "echo ready; cat; cat secret || echo hidden"});
  command.cwd = project();
  Process process(command);
  process.send("");  // its input stays open
  ASSERT_TRUE(process.wait_for("ready"));
  dir.write("p/other", "secret again\n");
  fs::rename(dir / "p/other", dir / "p/secret");
  process.close_input();
  const Outcome outcome = process.finish();
  EXPECT_PRED2(contains, outcome.out, "hidden\n") << outcome.err;
  EXPECT_FALSE(contains(outcome.out, "secret")) << outcome.out;
}

TEST_F(OverlayTest, ProtectedPathsStayReadOnly) {
  dir.make("p/.git/hooks");
  dir.write("p/.git/config", "[core]\n");
  const Outcome outcome = overlay({"--profile", "build", "--overlay", ".", "--name", "try"},
                                  "echo x >>.git/config || echo held; touch .git/hooks/pre-commit || echo held; echo x >.git/index && cat .git/index");
  EXPECT_EQ(outcome.out, "held\nheld\nx\n") << outcome.err;
  EXPECT_FALSE(fs::exists(dir / "p/.git/index"));
}

TEST_F(OverlayTest, VolumeWithO) {
  const Outcome outcome = overlay({"-v", project() + ":/data:O"}, "echo new >/data/file && cat /data/file");
  EXPECT_EQ(outcome.out, "new\n") << outcome.err;
  expect_untouched();
}

// A mount point that is missing is made in the changes, never in the directory.
TEST_F(OverlayTest, BindsBelowAreMadeInTheChanges) {
  dir.make("out");
  const Outcome outcome = overlay({"--tmp-overlay", ".", "--rw", (dir / "out") + ":" + project() + "/build/out"}, "echo x >build/out/file");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(read_file(dir / "out/file"), "x\n");
  expect_untouched();
}

TEST_F(OverlayTest, TheCommandLineBeatsTheProfile) {
  dir.write("mine.toml", "extends = [\"build\"]\n[filesystem]\noverlay = [\"$PROJECT\"]\n");
  EXPECT_EQ(overlay({"--profile", dir / "mine.toml", "--rw", "."}, "echo direct >direct").status, 0);
  EXPECT_EQ(read_file(dir / "p/direct"), "direct\n");
  EXPECT_EQ(overlay({"--profile", dir / "mine.toml", "--tmp-overlay", "."}, "echo thrown >direct").err, "");
  EXPECT_EQ(read_file(dir / "p/direct"), "direct\n");
}

TEST_F(OverlayTest, KilledItCanBeLookedAt) {
  Command command = sbx({"--overlay", ".", "--name", "try", "--", "sh", "-c", "echo new >file; echo ready; sleep 60"});
  command.cwd = project();
  command.environment = {"XDG_STATE_HOME=" + (dir / "state")};
  {
    Process process(command);
    ASSERT_TRUE(process.wait_for("ready"));
    process.kill(SIGKILL);
    process.finish();
  }
  Command ps = sbx({"ps", "--all"});
  ps.environment = command.environment;
  EXPECT_TRUE(eventually([&] { return contains(run(ps).out, "ended 137"); }));
  EXPECT_EQ(read_file(kept("try") + "/upper/file"), "new\n");
  EXPECT_EQ(overlay({"--name", "try", "-w", project()}, "cat file").out, "new\n");
}

TEST_F(OverlayTest, Refused) {
  struct Case { Words options; std::string said; };
  fs::create_directory_symlink(project(), dir / "link");
  for (const Case& each : std::vector<Case>{
           {{"--overlay", "/nowhere"}, "overlay of /nowhere: No such file or directory"},
           {{"--tmp-overlay", "file"}, "/file: Not a directory"},
           {{"--overlay", "/"}, "the root is an empty one"},
           {{"--overlay", "/", "--set", "filesystem.root=host"}, "the host's root cannot be overlaid as a whole"},
           {{"--overlay", ".:/"}, "/ cannot be overlaid by another directory"},
           {{"--overlay", ".", "--overlay", ".:/elsewhere"}, "overlap"},
           {{"--overlay", dir / "state/sbx/sandboxes"}, "this is where sbx itself keeps changes"},
           {{"-v", ".:/x:o"}, "mode 'o' is not one of ro, rw, O"}}) {
    const Outcome outcome = overlay(each.options, "echo ran");
    EXPECT_EQ(outcome.status, 125) << each.said;
    EXPECT_EQ(outcome.out, "") << each.said;
    EXPECT_PRED2(contains, outcome.err, each.said);
  }
  EXPECT_EQ(overlay({"--overlay", "/nowhere?"}, "echo ran").out, "ran\n");
}

TEST_F(OverlayTest, TheReportTellsTheEngine) {
  EXPECT_EQ(overlay({"--tmp-overlay", ".", "--report", dir / "state/report"}, "true").status, 0);
  EXPECT_PRED2(contains, read_file(dir / "state/report"), "\"overlay\"");
  EXPECT_PRED2(contains, read_file(dir / "state/report"), "\"kernel\"");
}

namespace {

class FuseOverlayTest : public OverlayTest {
 protected:
  void SetUp() override {
    OverlayTest::SetUp();
    if (!has_program("fuse-overlayfs") || ::access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "fuse-overlayfs cannot be used here";
  }
  const Words fuse_{"--set", "filesystem.overlay_engine=fuse"};
};

}  // namespace

TEST_F(FuseOverlayTest, KeptAndContinued) {
  Words options = fuse_;
  for (const char* word : {"--overlay", ".", "--name", "try", "--report"}) options.emplace_back(word);
  options.push_back(dir / "state/report");
  const Outcome outcome = overlay(options, write_all);
  EXPECT_EQ(outcome.out, "new\nmore\nnew\n") << outcome.err;
  expect_untouched();
  EXPECT_PRED2(contains, read_file(kept("try") + "/origin"), "engine fuse\n");
  EXPECT_PRED2(contains, read_file(dir / "state/report"), "\"fuse\"");
  EXPECT_TRUE(eventually([] { return children().empty(); })) << "fuse-overlayfs ends with the sandbox";
  EXPECT_EQ(overlay({"--overlay", ".", "--name", "try"}, "cat file; ls gone").out, "new\nnew\n") << "by the engine it has";
  const Outcome other = overlay({"--set", "filesystem.overlay_engine=kernel", "--name", "try"}, "true");
  EXPECT_EQ(other.status, 125);
  EXPECT_PRED2(contains, other.err, "were made by the engine fuse") << other.err;
}

TEST_F(FuseOverlayTest, ThrownAway) {
  Words options = fuse_;
  for (const std::string& word : {std::string("--tmp-overlay"), std::string("."), std::string("--hide"), project() + "/sub/inner"}) options.push_back(word);
  const Outcome outcome = overlay(options, std::string(write_all) + "; ls sub");
  EXPECT_EQ(outcome.out, "new\nmore\nnew\n") << outcome.err;
  expect_untouched();
}

TEST_F(FuseOverlayTest, AKilledLauncherLeavesNoServer) {
  Words words = fuse_;
  for (const char* word : {"--tmp-overlay", ".", "--", "sh", "-c", "echo ready; sleep 60"}) words.emplace_back(word);
  Command command = sbx(words);
  command.cwd = project();
  {
    Process process(command);
    ASSERT_TRUE(process.wait_for("ready"));
    process.kill(SIGKILL);
    process.finish();
  }
  EXPECT_TRUE(eventually([] { return children().empty(); }));
}
