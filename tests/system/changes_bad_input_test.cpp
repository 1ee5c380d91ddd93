// Uppers as a hostile sandbox could leave them, and hosts that take nothing: right, or refused with the name; never
// anything outside the directory.
#include "harness/kept.h"

#include <filesystem>
#include <sys/stat.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class ChangesBadInputTest : public KeptTest {
 protected:
  void start(const std::string& script) {
    make_project(script);
    begin();
  }
  void forged(const std::string& script) {
    const Outcome outcome = forge(script);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
};

TEST_F(ChangesBadInputTest, SymbolicLinksLeadNowhere) {
  dir.write("outside/file", "untouched");
  start("mkdir d; echo x >d/file; ln -s ../outside out; ln -s ../outside/file link");
  // What is a link on the host is a directory in the upper, and what is a directory a link.
  forged("mkdir out; echo evil >out/file; ln -s ../../../../../../../outside d; echo evil >link; ln -s /etc/passwd new");
  const Tree before = read_tree(dir / "outside");
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(changes(before, read_tree(dir / "outside")), "");
  EXPECT_TRUE(fs::is_symlink(project() + "/d"));
  EXPECT_EQ(read_file(project() + "/out/file"), "evil\n");
  EXPECT_EQ(fs::read_symlink(project() + "/new"), "/etc/passwd");
}

TEST_F(ChangesBadInputTest, ALinkOnTheHostMeanwhile) {
  dir.write("outside/file", "untouched");
  start("mkdir d; echo x >d/file");
  run_in_overlay("echo evil >d/file");
  fs::rename(project() + "/d", dir / "moved");
  fs::create_symlink(dir / "outside", project() + "/d");
  for (const Words& words : {Words{"commit", "try"}, Words{"commit", "try", "--force"}}) sbx_try(words);
  EXPECT_EQ(read_file(dir / "outside/file"), "untouched");
  EXPECT_EQ(read_file(dir / "moved/file"), "x\n");
}

TEST_F(ChangesBadInputTest, HardLinksAreNotSharedWithWhatStays) {
  start("echo x >x");
  run_in_overlay("echo one >a; ln a b; ln a c");
  EXPECT_EQ(sbx_try({"commit", "try", "a"}).status, 0);
  run_in_overlay("echo two >b");
  EXPECT_EQ(read_file(project() + "/a"), "one\n");
  EXPECT_EQ(sbx_try({"commit", "try"}).status, 0);
  EXPECT_EQ(read_file(project() + "/b"), "two\n");
  EXPECT_EQ(read_file(project() + "/c"), "two\n");
}

TEST_F(ChangesBadInputTest, ForgedAttributes) {
  start("echo x >x; mkdir d; echo y >d/y");
  forged("echo >redirected; setfattr -n user.overlay.redirect -v /etc/passwd redirected; echo >meta; setfattr -n user.overlay.metacopy meta;"
         "echo >later; setfattr -n user.overlay.unknown -v 1 later; mkdir d; setfattr -n user.overlay.opaque -v y d; setfattr -n user.overlay.origin -v junk d");
  EXPECT_EQ(diff(), "D  d/y\nA  later  ! cannot be kept: it has the attribute user.overlay.unknown\n"
                    "A  meta  ! cannot be kept: it has the attribute user.overlay.metacopy\n"
                    "A  redirected  ! cannot be kept: it has the attribute user.overlay.redirect\n");
  const Outcome outcome = sbx_try({"commit", "try", "--force"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_PRED2(contains, outcome.err, "sbx: meta: it has the attribute user.overlay.metacopy\n");
  EXPECT_TRUE(fs::exists(project() + "/d/y"));
  EXPECT_EQ(sbx_try({"commit", "try", "d"}).status, 0);
  EXPECT_FALSE(fs::exists(project() + "/d/y"));
}

TEST_F(ChangesBadInputTest, WhatTheSandboxCalledSo) {
  start("echo x >x");
  forged("echo 1 >a; setfattr -n user.overlay.overlay.opaque -v y a; setfattr -n user.k -v v a");
  EXPECT_EQ(diff(), "A  a  ! cannot be kept: it has the attribute user.overlay.opaque\n");
  EXPECT_EQ(sbx_try({"commit", "try", "--force"}).status, 1);
  EXPECT_FALSE(fs::exists(project() + "/a"));
}

TEST_F(ChangesBadInputTest, WhiteoutsOfNothingAndOfDirectories) {
  start("mkdir -p d/e; echo 1 >d/e/1; echo 2 >d/2");
  forged("mknod nothing c 0 0; mknod d c 0 0");
  EXPECT_EQ(diff(), "D  d/\nD  d/2\nD  d/e/\nD  d/e/1\n");
  EXPECT_EQ(sbx_try({"commit", "try"}).status, 0);
  EXPECT_EQ(describe_difference(contents_of(project()), {}), "");
}

TEST_F(ChangesBadInputTest, SocketsAreLeftOut) {
  start("echo x >x");
  run_in_overlay("mkdir s; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s/sock\")'; mkfifo s/fifo");
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_PRED2(contains, outcome.err, "sbx: s/sock: a socket is not kept\n");
  EXPECT_TRUE(fs::is_fifo(project() + "/s/fifo"));
  EXPECT_FALSE(fs::exists(project() + "/s/sock"));
}

TEST_F(ChangesBadInputTest, SetUserIdIsAskedFor) {
  start("cp /bin/true tool; chmod 755 tool");
  run_in_overlay("chmod u+s tool; cp tool other; chmod g+s other");
  EXPECT_EQ(diff(), "A  other  ! set-uid, set-gid or capabilities\nP  tool  0755 becomes 04755  ! set-uid, set-gid or capabilities\n");
  const Outcome refused = sbx_try({"commit", "try", "--force"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_PRED2(contains, refused.err, "--allow-setuid");
  EXPECT_FALSE(fs::exists(project() + "/other"));
  EXPECT_EQ(sbx_try({"commit", "try", "--allow-setuid"}).status, 0);
  struct stat facts {};
  EXPECT_EQ(::stat((project() + "/tool").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777u, 04755u);
}

TEST_F(ChangesBadInputTest, DeepTrees) {
  start("echo x >x");
  run_in_overlay("p=.; i=0; while [ $i -lt 100 ]; do p=$p/d; i=$((i+1)); done; mkdir -p $p; echo bottom >$p/f");
  EXPECT_EQ(sbx_try({"commit", "try"}).out, "101 paths committed\n");
  EXPECT_EQ(run({.argv = {"find", project(), "-name", "f"}}).out.size(), project().size() + 1 + 200 + 2);
}

TEST_F(ChangesBadInputTest, TooDeepIsSaidAndStillDiscarded) {
  start("echo x >x");
  forged("i=0; while [ $i -lt 1500 ]; do mkdir d; cd d; i=$((i+1)); done; touch bottom");
  const Outcome outcome = sbx_try({"diff", "try"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "are more than 400 levels deep");
  const Outcome discarded = sbx_try({"discard", "try"});
  EXPECT_EQ(discarded.status, 0) << discarded.err;
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/trash"));
}

TEST_F(ChangesBadInputTest, UnreadableFilesAreRead) {
  start("echo x >x");
  run_in_overlay("mkdir shut; echo in >shut/f; chmod 0 shut/f; chmod 0 shut");
  EXPECT_EQ(diff(), "A  shut/\nA  shut/f\n");
  EXPECT_EQ(sbx_try({"commit", "try"}).status, 0);
  struct stat facts {};
  EXPECT_EQ(::stat((project() + "/shut").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777u, 0u);
  EXPECT_EQ(::chmod((project() + "/shut").c_str(), 0700), 0);
}

TEST_F(ChangesBadInputTest, DamagedOrigin) {
  start("echo x >x");
  dir.write("state/sbx/sandboxes/try/changes/0/origin", "inside /\n");
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "damaged origin: no outside");
  EXPECT_EQ(sbx_try({"discard", "try"}).status, 0);
}

// Inside one user namespace, where the test may mount.
TEST_F(ChangesBadInputTest, DiskFullAndReadOnlyTarget) {
  start("echo x >x");
  const std::string script =
      "mount -t tmpfs -o size=1m tmpfs " + project() + "; cd " + dir.path() + "; echo old >project/big; S=" + place() + "/changes/0;"
      "sed -i \"s/^device.*/device $(stat -c %d project)/;s/^inode.*/inode $(stat -c %i project)/;s/^started.*/started $(date +%s.%N)/\" $S/origin; sleep .02;"
      "mount -t overlay o -o lowerdir=project,upperdir=$S/upper,workdir=$S/work,userxattr merged; head -c 700000 /dev/urandom >merged/big;"
      "head -c 700000 /dev/urandom >merged/more; echo small >merged/small; cp -a merged copy; umount merged;"
      "$SBX commit try; echo full $?; cat project/x 2>/dev/null; ls project; $SBX diff try; mount -t tmpfs -o remount,size=8m tmpfs " + project() + ";"
      "mount -t tmpfs -o remount,ro tmpfs " + project() + "; $SBX commit try; echo readonly $?; mount -t tmpfs -o remount,rw tmpfs " + project() + "; $SBX commit try; echo again $?; diff -r project copy && echo same";
  const Outcome outcome = run({.argv = {"unshare", "-Urm", "sh", "-c", script}, .environment = {"SBX=" + sbx_binary(), "XDG_STATE_HOME=" + (dir / "state")}});
  EXPECT_PRED2(contains, outcome.out, "full 125\n") << outcome.err;
  EXPECT_PRED2(contains, outcome.err, "No space left on device; ") << outcome.err;
  EXPECT_PRED2(contains, outcome.out, "readonly 125\n") << outcome.err;
  EXPECT_PRED2(contains, outcome.out, "again 0\nsame\n") << outcome.err;
}

TEST_F(ChangesBadInputTest, OfFuseOverlayfs) {
  make_project("mkdir d; echo 1 >d/1; echo 2 >d/2; echo g >gone; echo w >.wh.plain");
  begin("fuse");
  forged("mkdir d; touch d/.wh..wh..opq; echo 3 >d/3; touch .wh.gone; setfattr -n user.fuseoverlayfs.opaque -v y d");
  EXPECT_EQ(diff(), "D  d/1\nD  d/2\nA  d/3\nD  gone\n");
  EXPECT_EQ(sbx_try({"commit", "try", "d/3"}).status, 0);
  EXPECT_EQ(diff(), "D  d/1\nD  d/2\nD  gone\n");
  EXPECT_EQ(sbx_try({"commit", "try"}).status, 0);
  EXPECT_EQ(diff(), "");
  EXPECT_EQ(run({.argv = {"find", upper(), "-mindepth", "1"}}).out, "");
}

TEST_F(ChangesBadInputTest, FilesOfSubordinateIds) {
  SKIP_IF(no_id_range());
  make_project("echo x >x");
  begin("kernel", "range");
  const Outcome forged = run({.argv = {"unshare", "-U", "--map-users=auto", "--map-groups=auto", "-r", "sh", "-ec",
      "cd " + upper() + "; mkdir -m 700 theirs; echo secret >theirs/f; chmod 600 theirs/f; chown -R 5:5 theirs"}});
  if (forged.status != 0) GTEST_SKIP() << forged.err;
  EXPECT_EQ(diff(), "A  theirs/\nA  theirs/f\n");
  EXPECT_EQ(sbx_try({"discard", "try"}).status, 0);
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/trash"));
}

}  // namespace
