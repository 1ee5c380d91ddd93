// Copy-on-write: nothing reaches the host through an overlay, by links, races or what a payload writes into it.
#include "escape.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace escape;
namespace fs = std::filesystem;

namespace {

class OverlayEscape : public EscapeTest {
 protected:
  Words with_attack(Words options, const Words& words) const {
    return Words{sbx_binary()} + options + Words{"--ro", payload("attack") + ":/attack", "--", "/attack"} + words;
  }
};

}  // namespace

// A mount point below a link of the project's, with an overlay to make it in: not where the link leads.
TEST_F(OverlayEscape, MountPointsAreNotMadeThroughLinks) {
  dir.make("victim"), dir.make("project/x"), dir.write("file", "x");
  for (const auto& [name, to] : {std::pair{"up", std::string("../victim")}, std::pair{"absolute", dir / "victim"},
                                 std::pair{"magic", std::string("/proc/self/cwd")}, std::pair{"root", std::string("/")}})
    fs::create_symlink(to, dir / "project/" + name);
  const Tree before = read_tree(dir.path());
  for (const char* kind : {"--tmp-overlay", "--overlay"})
    for (const char* parent : {"up", "absolute", "magic", "root"})
      for (const std::string& source : {dir / "file", dir / "victim"}) {
        const std::string inside = dir / "project/" + parent + "/made";
        const Outcome outcome = run({.argv = {sbx_binary(), kind, dir / "project", "--rw", dir / "victim", "--ro", source + ":" + inside, "--", "true"}});
        EXPECT_EQ(changes(before, read_tree(dir.path())), "") << kind << parent << all(outcome);
      }
  const Outcome control = run({.argv = {"bwrap", "--bind", "/", "/", "--ro-bind", dir / "file", dir / "project/up/made", "true"}});
  EXPECT_NE(changes(before, read_tree(dir.path())), "") << "control: " << all(control);
}

// The project swapped for a link between the look at it and the mount: the old one or an error.
TEST_F(OverlayEscape, TheLowerIsNotSwappedForALink) {
  dir.make("p/real"), dir.write("secret/key", "SECRET"), dir.write("p/real/key", "harmless");
  fs::create_symlink(dir / "secret", dir / "p/link");
  const int project = ::open((dir / "p/real").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const std::string cwd = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(project);
  Process swapper({.argv = {payload("attack"), "swap", dir / "p/real", dir / "p/link"}, .timeout = 60s});
  int harmless = 0, secret = 0, lost = 0;
  for (int i = 0; i < 100; ++i) {
    const Outcome outcome = run({.argv = with_attack({"--set", "filesystem.tmp_overlay=$PROJECT:/tmp/p"}, {"cat", "/tmp/p/key"}), .cwd = cwd});
    harmless += outcome.out.find("harmless") != std::string::npos;
    secret += outcome.out.find("SECRET") != std::string::npos;
  }
  EXPECT_EQ(secret, 0);
  EXPECT_GT(harmless, 0);
  for (int i = 0; i < 100; ++i)
    lost += run({.argv = with_attack({"--tmp-overlay", dir / "p/real:/tmp/p"}, {"cat", "/tmp/p/key"})}).out.find("SECRET") != std::string::npos;
  EXPECT_GT(lost, 0) << "control: by name, the same race is lost";
  swapper.kill(SIGKILL);
  swapper.finish();
  ::close(project);
}

// What one sandbox keeps is not seen by the next, whatever is bound there.
TEST_F(OverlayEscape, ChangesAreOutOfSight) {
  dir.make("home/p");
  const auto command = [&](Words options, const Words& words) {
    return run({.argv = with_attack(std::move(options), words), .cwd = dir / "home/p", .environment = {"HOME=" + (dir / "home"), "XDG_STATE_HOME="}});
  };
  dir.write("home/p/key", "harmless");
  const Outcome made = run({.argv = {sbx_binary(), "--overlay", dir / "home/p", "--name", "try", "--", "sh", "-c", "echo SECRET >" + (dir / "home/p/key")},
                            .environment = {"HOME=" + (dir / "home"), "XDG_STATE_HOME="}});
  const std::string upper = dir / "home/.local/state/sbx/sandboxes/try/changes/0/upper/key";
  EXPECT_EQ(made.status, 0) << all(made);
  for (const Words& options : {Words{"--ro", dir / "home"}, Words{"--rw", dir / "home"}, Words{"--tmp-overlay", dir / "home"}, Words{"--ro", dir.path()}}) {
    const Outcome outcome = command(options, {"cat", upper});
    EXPECT_EQ(outcome.out.find("SECRET"), std::string::npos) << all(outcome);
  }
  const Outcome control = attack_outside({"cat", upper});
  EXPECT_NE(control.out.find("SECRET"), std::string::npos) << "control: " << all(control);
  struct stat found {};
  ASSERT_EQ(::stat((dir / "home/.local/state/sbx/sandboxes/try/changes/0").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0700u) << "nor by other users";
}

// The server of a fuse overlay holds the host's directory open, and is of the payload's user.
TEST_F(OverlayEscape, TheServerIsOutOfReach) {
  if (!has_program("fuse-overlayfs") || ::access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "fuse-overlayfs cannot be used here";
  dir.write("p/key", "harmless");
  const std::string script = "for p in /proc/[0-9]*; do grep -q ^fuse-overlayfs $p/comm || continue; echo found; ls -l $p/fd $p/root/ && echo reached; head -c1 $p/mem; cat $p/environ && echo read; "
                             "echo SECRET >$p/fd/3/key && echo written; done 2>&1";
  for (const Words& options : {Words{}, Words{"--user", "root", "--userns", "single", "--cap-add", "DAC_OVERRIDE"}}) {
    const Outcome outcome = run({.argv = Words{sbx_binary(), "--tmp-overlay", dir / "p", "--set", "filesystem.overlay_engine=fuse"} + options + Words{"--", "sh", "-c", script}});
    EXPECT_NE(outcome.out.find("found\n"), std::string::npos) << all(outcome);
    for (const char* bad : {"reached\n", "read\n", "written\n"}) EXPECT_EQ(outcome.out.find(bad), std::string::npos) << bad << all(outcome);
    EXPECT_EQ(read_file(dir / "p/key"), "harmless");
  }
  const Outcome control = run({.argv = {sbx_binary(), "--tmp-overlay", dir / "p", "--set", "filesystem.overlay_engine=fuse", "--", "sh", "-c",
                                        "sleep 9 & ls -l /proc/$!/fd >/dev/null && echo reached; kill $!"}});
  EXPECT_NE(control.out.find("reached\n"), std::string::npos) << "control: " << all(control);
}

namespace {

// What a payload leaves to be committed: names that lead elsewhere, and rights that nobody gave it.
constexpr const char* hostile_work =
    "rm out; mkdir out; echo evil >out/authorized_keys; rm -r inner; ln -s \"$VICTIM\" inner; ln -s \"$VICTIM/target\" new; ln file hard; mkfifo pipe;"
    "cp /bin/true tool; chmod 4755 tool; mkdir 'a\nb'; echo x >\"a\nb/$(printf 'c\\377')\"; mkdir -p .git/hooks; echo evil >.git/hooks/post-checkout; echo done";

class HostileCommit : public OverlayEscape {
 protected:
  void SetUp() override {
    OverlayEscape::SetUp();
    if (IsSkipped()) return;
    dir.make("victim"), dir.write("victim/target", "mine"), dir.make("p/inner"), dir.write("p/inner/f", "f"), dir.write("p/file", "f");
    fs::create_symlink(dir / "victim", dir / "p/out");  // the user's own, out of the project
    victim_ = read_tree(dir / "victim");
    const Outcome outcome = in_project({"--overlay", ".", "--name", "try", "-e", "VICTIM=" + (dir / "victim"), "--", "sh", "-c", hostile_work});
    ASSERT_EQ(outcome.out, "done\n") << all(outcome);
  }
  Outcome in_project(const Words& words) const {
    Command command = sbx(words);
    command.cwd = dir / "p", command.environment = {"XDG_STATE_HOME=" + (dir / "state")}, command.timeout = 60s;
    return run(command);
  }
  std::string upper() const { return dir / "state/sbx/sandboxes/try/changes/0/upper"; }
  Tree victim_;
};

}  // namespace

TEST_F(HostileCommit, WritesNothingOutsideAndGivesNoRights) {
  struct stat kept {};
  ASSERT_EQ(::stat(fs::path(upper()).parent_path().c_str(), &kept), 0);
  EXPECT_EQ(kept.st_mode & 077, 0u) << "others may read it";
  EXPECT_PRED2(contains, in_project({"diff", "try"}).out, "post-checkout  ! git acts on it");
  ASSERT_EQ(run({.argv = {"cp", "-r", upper(), dir / "copy"}}).status, 0);
  const Outcome refused = in_project({"commit", "try"});
  EXPECT_EQ(refused.status, 1) << all(refused);
  EXPECT_PRED2(contains, refused.err, "tool: it would be set-uid, set-gid or have file capabilities\n");
  for (const char* path : {"out", "inner", "new", "hard", "pipe", "a\nb", ".git", "file"}) EXPECT_EQ(in_project({"commit", "try", path}).status, 0) << path;
  EXPECT_EQ(changes(victim_, read_tree(dir / "victim")), "");
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(dir / "p/out")));
  EXPECT_TRUE(fs::is_symlink(dir / "p/inner"));
  EXPECT_FALSE(fs::exists(dir / "p/tool"));
  const Outcome control = run({.argv = {"sh", "-c", "cd \"$1\" && mkdir q && ln -s \"$1/victim\" q/out && cp -r copy/out/. q/out", "sh", dir.path()}});
  EXPECT_NE(changes(victim_, read_tree(dir / "victim")), "") << "control: a plain copy writes there" << all(control);
}

// The project's directory becomes a link and back, by a process of the host, while a commit is at it.
TEST_F(HostileCommit, IsNotLedOutByARace) {
  dir.make("p/inner2/deep"), dir.write("p/inner2/deep/f", "f"), fs::create_symlink(dir / "victim", dir / "p/other"), dir.make("victim/deep");
  victim_ = read_tree(dir / "victim");
  int committed = 0;
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(in_project({"--overlay", ".", "--name", "race", "--", "sh", "-c", "for i in $(seq 200); do echo evil >inner2/deep/new$i; done"}).status, 0);
    Process swapper({.argv = {payload("attack"), "swap", dir / "p/inner2", dir / "p/other"}, .timeout = 60s});
    const Outcome outcome = in_project({"commit", "--force", "race"});
    swapper.kill(SIGKILL), swapper.finish();
    if (fs::is_symlink(dir / "p/inner2")) fs::rename(dir / "p/other", dir / "x"), fs::rename(dir / "p/inner2", dir / "p/other"), fs::rename(dir / "x", dir / "p/inner2");
    EXPECT_EQ(changes(victim_, read_tree(dir / "victim")), "") << round << all(outcome);
    in_project({"commit", "--force", "race"});
    committed += fs::exists(dir / "p/inner2/deep/new200");
    in_project({"discard", "race"});
  }
  EXPECT_GT(committed, 0) << "control: nothing was committed at all";
}
