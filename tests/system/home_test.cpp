// --home, --rootfs and --workdir, and the directories sbx finds missing: HOME unset, the working directory deleted.
#include "harness/surroundings.h"

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class HomeTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    home_ = dir.make("home");
    dir.write("home/.gitconfig", "[user]\n");
    dir.write("home/.netrc", "password");
    dir.write("home/.config/git/ignore", "*.o\n");
    dir.write("home/note", "note\n");
  }
  Outcome run_with_home(Words arguments, const std::string& cwd = "/") {
    Command command = sbx(std::move(arguments));
    command.cwd = cwd;
    command.environment = {"HOME=" + home_};
    return run(command);
  }
  Outcome run_script(const std::string& mode, const std::string& script) { return run_with_home({"--home", mode, "--", "sh", "-c", script}); }
  std::string home_;
};

TEST_F(HomeTest, Private) {
  const Outcome outcome = run_script("private", "ls -A ~; cat ~/.gitconfig; echo x >>~/.gitconfig || echo held; touch ~/new && stat -c %a ~");
  EXPECT_EQ(outcome.out, ".config\n.gitconfig\n[user]\nheld\n700\n") << outcome.err;
  EXPECT_FALSE(fs::exists(home_ + "/new"));
}

TEST_F(HomeTest, Empty) { EXPECT_EQ(run_script("empty", "ls -A ~; touch ~/new && ls ~").out, "new\n"); }

TEST_F(HomeTest, ReadOnly) { EXPECT_EQ(run_script("ro", "cat ~/note; touch ~/new || echo held").out, "note\nheld\n"); }

TEST_F(HomeTest, Host) {
  EXPECT_EQ(run_script("host", "touch ~/new && cat ~/note").out, "note\n");
  EXPECT_TRUE(fs::exists(home_ + "/new"));
}

TEST_F(HomeTest, KeptHomesLastAndAreApart) {
  EXPECT_EQ(run_script("keep", "ls -A ~; echo kept >~/file; stat -c %a ~").out, "700\n");
  EXPECT_EQ(run_script("keep", "cat ~/file").out, "kept\n");
  EXPECT_EQ(run_script("keep:other", "ls -A ~").out, "");
  EXPECT_EQ(read_file(home_ + "/.local/share/sbx/homes/default/file"), "kept\n");
  EXPECT_TRUE(fs::is_directory(home_ + "/.local/share/sbx/homes/other"));
}

TEST_F(HomeTest, AKeptHomeDoesNotLeaveItsPlace) {
  for (const char* name : {"keep:..", "keep:a/b", "keep:", "keep:.x", "elsewhere"}) {
    const Outcome outcome = run_script(name, "true");
    EXPECT_EQ(outcome.status, 125) << name;
    EXPECT_PRED2(contains, outcome.err, "hint: ") << outcome.err;
  }
}

TEST_F(HomeTest, OwnDirectoriesAreOutOfReachInAHostHome) {
  dir.write("home/.config/sbx/profiles/mine.toml", "description = \"x\"\n");
  dir.write("home/.local/share/sbx/homes/default/secret", "x");
  EXPECT_EQ(run_script("host", "ls -A ~/.config/sbx ~/.local/share/sbx | grep -v :; touch ~/.config/sbx/x || echo held").out, "\nheld\n");
}

// Whatever a place is called, and through whatever link it is shown.
TEST_F(HomeTest, OwnDirectoriesAreOutOfReachThroughLinks) {
  dir.make("home/.config/sbx"), dir.make("home/.local/state/sbx/v");
  fs::create_directory_symlink("home", dir / "link");
  const auto tried = [&](const std::string& home, const std::string& shown, const std::string& script) {
    Command command = sbx({"--home", "none", "--rw", shown, "--", "sh", "-c", script});
    command.cwd = dir.path(), command.environment = {"HOME=" + home};
    return run(command);
  };
  EXPECT_EQ(tried(home_, (dir / "link") + ":/w", "touch /w/.config/sbx/evil.toml").status, 1);
  EXPECT_EQ(tried(home_, (dir / "link/.config") + ":/w", "touch /w/sbx/evil.toml").status, 1);
  EXPECT_EQ(tried(dir / "link", home_ + ":/w", "touch /w/.config/sbx/evil.toml").status, 1);
  for (const char* directory : {".config", ".local", ".local/state"})
    EXPECT_EQ(tried(home_, "home:/w", std::string("mv /w/") + directory + " /w/away && mkdir -p /w/.config/sbx && touch /w/.config/sbx/evil.toml").status, 1) << directory;
  EXPECT_FALSE(fs::exists(home_ + "/.config/sbx/evil.toml"));
  Command covered = sbx({"--home", "none", "--rw", "home:/w", "--tmpfs", "/w/.config", "--", "sh", "-c", "mv /w/.local /w/away || mv /w/.config /w/away"});
  covered.cwd = dir.path(), covered.environment = {"HOME=" + home_};
  EXPECT_EQ(run(covered).status, 1) << "what lies over a place does not free the way to it";
  EXPECT_EQ(tried(home_, (dir / "link") + ":/w", "touch /w/.config/other && echo made").out, "made\n") << "control";
  // What the payload could lead elsewhere, and what is sbx's own.
  for (const auto& [home, shown] : {std::pair{dir / "link", std::string(".")}, std::pair{home_, (dir / "link/.local/state/sbx/v") + ":/w"}}) {
    const Outcome refused = tried(home, shown, "true");
    EXPECT_EQ(refused.status, 125) << refused.err;
    EXPECT_PRED2(contains, refused.err, "hint: ");
  }
}

TEST_F(HomeTest, UnsetHomeIsTakenFromPasswd) {
  const Outcome outcome = run_shell("unset HOME; exec \"$sbx\" -- sh -c 'echo $HOME'");
  const Outcome known = run_shell("getent passwd $(id -u) | cut -d: -f6");
  EXPECT_EQ(outcome.out, known.out) << outcome.err;
}

TEST_F(HomeTest, AHomeThatCannotBeIsAnError) {
  for (const char* home : {"/", "relative", ""}) {
    Command command = sbx({"--home", "private", "--", "sh", "-c", "echo $HOME"});
    command.environment = {std::string("HOME=") + home};
    const Outcome outcome = run(command);
    if (std::string(home) == "/") EXPECT_EQ(outcome.status, 125);
    else EXPECT_TRUE(outcome.out.starts_with("/")) << home << outcome.err;  // from /etc/passwd
  }
}

TEST_F(HomeTest, WorkdirIsEnteredAndChecked) {
  EXPECT_EQ(run_with_home({"-w", "/usr/bin", "--", "pwd"}).out, "/usr/bin\n");
  EXPECT_EQ(run_with_home({"--", "pwd"}, home_).out, "/\n");
  EXPECT_EQ(run_with_home({"--ro", home_, "--", "pwd"}, home_).out, home_ + "\n");
  EXPECT_EQ(run_with_home({"--ro", home_ + ":/h", "--", "pwd"}, home_ + "/.config").out, "/h/.config\n");
  const Outcome missing = run_with_home({"-w", "/nowhere", "--", "true"});
  EXPECT_EQ(missing.status, 125);
  EXPECT_PRED2(contains, missing.err, "working directory chdir /nowhere: No such file or directory");
  EXPECT_EQ(run_with_home({"-w", "relative", "--", "true"}).status, 125);
  EXPECT_EQ(run_with_home({"-w", "/etc/passwd", "--", "true"}).status, 125);
}

TEST_F(HomeTest, ADeletedWorkingDirectory) {
  EXPECT_EQ(run_shell("mkdir gone; cd gone; rmdir ../gone; exec \"$sbx\" -- pwd").out, "/\n");
  const Outcome outcome = run_shell("mkdir gone; cd gone; rmdir ../gone; exec \"$sbx\" --profile dev -- pwd");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "working directory was deleted");
  EXPECT_PRED2(contains, outcome.err, "hint: ");
}

TEST_F(HomeTest, AReadOnlyWorkingDirectoryIsEnough) {
  ASSERT_EQ(::chmod(home_.c_str(), 0555), 0);
  EXPECT_EQ(run_with_home({"--ro", home_, "--", "pwd"}, home_).out, home_ + "\n");
  // The payload could open it, and make sbx's own directories there.
  const Outcome refused = run_with_home({"--rw", home_, "--", "pwd"}, home_);
  EXPECT_EQ(refused.status, 125);
  EXPECT_PRED2(contains, refused.err, "hint: chmod u+wx " + home_ + "\n");
  ASSERT_EQ(::chmod(home_.c_str(), 0755), 0);
}

TEST_F(HomeTest, ARootOfItsOwn) {
  for (const char* name : {"dev", "proc", "sys", "tmp", "run", "bin", "etc", "var/tmp", "root"}) dir.make(std::string("root/") + name);
  fs::copy_file(payload("probe"), dir / "root/bin/probe");
  dir.write("root/etc/passwd", "root:x:0:0::/root:/bin/probe\n");
  const Outcome outcome = run_with_home({"--profile", "container", "--userns", "single", "--rootfs", dir / "root", "--", "/bin/probe", "list", "/", "and", "cat", "/etc/passwd", "and", "write", "/made"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(value_of(outcome, "write"), "/made 0");
  EXPECT_EQ(value_of(outcome, "line"), "root:x:0:0::/root:/bin/probe");
  EXPECT_EQ(values_of(outcome, "entry"), (Words{"bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var"}));
  EXPECT_TRUE(fs::exists(dir / "root/made"));
  fs::remove(dir / "root/made");
  const Tree before = read_tree(dir / "root");
  EXPECT_EQ(run_with_home({"--profile", "container", "--userns", "single", "--rootfs", dir / "root", "--", "/bin/probe", "write", "/tmp/x"}).status, 0);
  EXPECT_EQ(changes(before, read_tree(dir / "root")), "");
}

TEST_F(HomeTest, ARootWithTheRange) {
  SKIP_IF(no_id_range());
  for (const char* name : {"dev", "proc", "sys", "tmp", "run", "bin", "root"}) dir.make(std::string("root/") + name);
  fs::copy_file(payload("probe"), dir / "root/bin/probe");
  const Outcome outcome = run_with_home({"--profile", "container", "--rootfs", dir / "root", "--", "/bin/probe", "ids", "and", "caps"});
  EXPECT_EQ(value_of(outcome, "uid"), "0 0 0") << outcome.err;
  EXPECT_NE(value_of(outcome, "CapEff"), "0000000000000000");
  EXPECT_EQ(value_of(outcome, "CapAmb"), "0000000000000000");
}

TEST_F(HomeTest, ARootThatIsNone) {
  EXPECT_PRED2(contains, run_with_home({"--rootfs", dir / "none", "--", "true"}).err, "root file system " + (dir / "none") + ": No such file or directory");
  EXPECT_PRED2(contains, run_with_home({"--rootfs", home_ + "/note", "--", "true"}).err, "Not a directory");
  const Outcome outcome = run_with_home({"--userns", "single", "--rootfs", dir.make("bare"), "--", "true"});
  EXPECT_EQ(outcome.status, 125);  // it has no /dev to mount on, and nothing is made in it
  EXPECT_PRED2(contains, outcome.err, "hint: ");
  EXPECT_TRUE(fs::is_empty(dir / "bare"));
}

}  // namespace
