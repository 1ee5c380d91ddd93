// The project of `dev`: writable, but what the host's tools would run later is held; what is no project is refused.
#include "harness/surroundings.h"

#include <filesystem>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class ProjectTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    home_ = dir.make("home");
    make_project("home/work");
    work_ = home_ + "/work";
  }
  void make_project(const std::string& name) const {
    dir.write(name + "/.git/config", "[core]\n");
    dir.write(name + "/.git/hooks/pre-commit.sample", "#!/bin/sh\n");
    dir.write(name + "/.git/HEAD", "ref: refs/heads/main\n");
    dir.write(name + "/.envrc", "export A=1\n");
    dir.write(name + "/src/main.c", "int main(void) {}\n");
  }
  Outcome run_in(const std::string& cwd, Words arguments) {
    Command command = sbx(std::move(arguments));
    command.cwd = cwd;
    command.environment = {"HOME=" + home_};
    return run(command);
  }
  Outcome run_script(const std::string& script, const std::string& cwd = {}) {
    return run_in(cwd.empty() ? work_ : cwd, {"--profile", "dev", "--", "sh", "-c", script});
  }
  void expect_refused(const std::string& cwd) {
    const Outcome outcome = run_in(cwd, {"--profile", "dev", "--", "true"});
    EXPECT_EQ(outcome.status, 125) << cwd;
    EXPECT_PRED2(contains, outcome.err, "project " + cwd + ":");
    EXPECT_PRED2(contains, outcome.err, "hint: name the directory to work in with --rw DIR");
  }
  std::string home_, work_;
};

TEST_F(ProjectTest, IsWritableAndTheWorkingDirectory) {
  EXPECT_EQ(run_script("pwd; echo new >made; rm .git/HEAD; cat made").out, work_ + "\nnew\n");
  EXPECT_EQ(read_file(work_ + "/made"), "new\n");
  EXPECT_EQ(run_script("pwd", work_ + "/src").out, work_ + "/src\n");
  EXPECT_EQ(run_script("ls ..", work_ + "/src").out, "made\nsrc\n");
}

TEST_F(ProjectTest, WithoutGitItIsTheWorkingDirectory) {
  dir.write("home/plain/inner/file", "");
  EXPECT_EQ(run_script("touch made; ls; ls ..", home_ + "/plain/inner").out, "file\nmade\ninner\n");
}

TEST_F(ProjectTest, GuardedFilesAreReadOnly) {
  const Outcome outcome = run_script("for f in .git/config .envrc .git/hooks/x .git/hooks/pre-commit.sample; do echo evil >>$f || echo held $f; done; "
                                     "rm -rf .git/hooks .git/config .envrc 2>/dev/null; ls -A . .git; cat .git/config");
  for (const char* name : {".git/config", ".envrc", ".git/hooks/x", ".git/hooks/pre-commit.sample"})
    EXPECT_PRED2(contains, outcome.out, std::string("held ") + name + "\n") << outcome.err;
  EXPECT_PRED2(contains, outcome.out, "[core]\n");
  EXPECT_EQ(read_file(work_ + "/.git/config"), "[core]\n");
}

TEST_F(ProjectTest, GuardedFilesCannotBeReplaced) {
  const Outcome outcome = run_script("mv .git moved || echo 1; mv .git/hooks .git/old || echo 2; mv .envrc old || echo 3; "
                                     "mkdir evil; mv -T evil .git/hooks || echo 4; ln -sf /tmp/x .git/config || echo 5; "
                                     "mv --exchange .git src || echo 6; rmdir .git/hooks || echo 7; chmod 777 .git/hooks || echo 8");
  EXPECT_EQ(outcome.out, "1\n2\n3\n4\n5\n6\n7\n8\n") << outcome.err;
  EXPECT_FALSE(fs::exists(work_ + "/moved"));
}

TEST_F(ProjectTest, WhatDoesNotExistIsNoted) {
  const Outcome outcome = run_in(work_, {"--profile", "dev", "--dry-run", "--", "true"});
  EXPECT_PRED2(contains, outcome.out, "not protected, because it does not exist: " + work_ + "/.vscode");
  EXPECT_FALSE(contains(outcome.out, "does not exist: " + work_ + "/.git/config"));
}

TEST_F(ProjectTest, AGitLinkThatIsASymbolicLinkIsRefusedOrHeld) {
  fs::rename(work_ + "/.git/hooks", work_ + "/.git/real");
  fs::create_symlink("real", work_ + "/.git/hooks");
  const Outcome outcome = run_script("rm .git/hooks && mkdir .git/hooks && echo replaced");
  EXPECT_FALSE(contains(outcome.out, "replaced"));
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, ".git/hooks");
}

TEST_F(ProjectTest, WhatIsNoProjectIsRefused) {
  expect_refused("/");
  expect_refused(home_);
  expect_refused(dir.path());
  expect_refused(dir.make("home/.ssh"));
  expect_refused(dir.make("home/.gnupg/private-keys-v1.d"));
  expect_refused("/etc");
  expect_refused("/proc");
}

TEST_F(ProjectTest, AHomeUnderGitIsRefusedToo) {
  dir.write("home/.git/config", "");
  fs::remove_all(home_ + "/work/.git");
  const Outcome outcome = run_in(work_, {"--profile", "dev", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "project " + home_ + ": is your home");
}

TEST_F(ProjectTest, AHomeThatIsASymbolicLinkIsStillTheHome) {
  fs::create_symlink("home", dir / "link");
  Command command = sbx({"--profile", "dev", "--", "true"});
  command.cwd = home_;
  command.environment = {"HOME=" + (dir / "link")};
  EXPECT_EQ(run(command).status, 125);
}

TEST_F(ProjectTest, AWorktreeSeesItsRepositoryReadOnly) {
  if (!has_program("git")) GTEST_SKIP() << "git is not installed";
  const Outcome made = run({.argv = {"sh", "-ec", "git init -q repo; cd repo; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one; git worktree add -q ../tree"},
                            .cwd = home_, .environment = {"HOME=" + home_}});
  ASSERT_EQ(made.status, 0) << made.err;
  const Outcome outcome = run_script("git log --format=%s; echo evil >>" + home_ + "/repo/.git/config || echo held; echo x >.git || echo pinned; mv .git y || echo stays", home_ + "/tree");
  EXPECT_EQ(outcome.out, "one\nheld\npinned\nstays\n") << outcome.err;
}

TEST_F(ProjectTest, AForgedGitFileBringsNothing) {
  dir.write("home/.ssh/id_ed25519", "key");
  dir.write("home/forged/.git", "gitdir: " + home_ + "/.ssh\n");
  const Outcome outcome = run_script("cat " + home_ + "/.ssh/id_ed25519; ls -A " + home_, home_ + "/forged");
  EXPECT_EQ(outcome.out, "forged\n");
  // A pointer back that the project itself could write, below it, is as good as none.
  dir.write("home/forged/own/commondir", home_ + "/.ssh\n");
  dir.write("home/forged/own/gitdir", home_ + "/forged/.git\n");
  dir.write("home/forged/.git", "gitdir: own\n");
  EXPECT_FALSE(contains(run_script("cat " + home_ + "/.ssh/id_ed25519", home_ + "/forged").out, "key"));
}

TEST_F(ProjectTest, NothingElseOfTheHomeIsThere) {
  dir.write("home/.netrc", "password");
  dir.write("home/.bashrc", "alias x=y\n");
  dir.write("home/documents/letter", "");
  EXPECT_EQ(run_script("ls -A ~; cat ~/.bashrc; touch ~/x ~/.bash_history && echo private").out, ".bashrc\nwork\nalias x=y\nprivate\n");
  EXPECT_FALSE(fs::exists(home_ + "/x"));
}

TEST_F(ProjectTest, ARunLeavesNoTrace) {
  const Tree before = read_tree(dir.path());
  EXPECT_EQ(run_script("cat src/main.c >/dev/null; echo x >/tmp/x; echo y >~/y; exit 3").status, 3);
  EXPECT_EQ(run_in(work_, {"--profile", "build", "--", "true"}).status, 0);
  EXPECT_EQ(run_in(work_, {"--profile", "dev", "--", "no-such-command"}).status, 127);
  EXPECT_EQ(run_in(work_, {"--profile", "dev", "--ro", "/none", "--", "true"}).status, 125);
  EXPECT_EQ(changes(before, read_tree(dir.path())), "");
}

}  // namespace
