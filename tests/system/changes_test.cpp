// diff, commit and discard of what an overlay kept: what each shows and leaves, on the host and in the upper.
#include "harness/kept.h"

#include <filesystem>
#include <sys/stat.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

constexpr const char* project_script =
    "mkdir -p src/deep old swap; seq 1 100 >src/a; echo hello >src/b; echo 1 >old/1; echo 2 >old/2; ln -s a src/l; echo run >tool;"
    "echo bin >gone; echo in >swap/in; echo f >turns; echo same >same; printf 'a\\0b' >blob";
constexpr const char* work_script =
    "sed -i 's/^50$/fifty/;3d' src/a; echo new >src/new; rm -r old; mkdir old; echo 3 >old/3; echo 2 >old/2; ln -sf b src/l; chmod +x tool; rm gone;"
    "rm -r swap; echo flat >swap; rm turns; mkdir turns; echo c >turns/c; touch same; echo same >same; printf 'a\\0c' >blob;"
    "mkdir -m 700 fresh; touch fresh/empty; mkfifo pipe; printf x >'new\nline'; printf y >\"$(printf 'b\\377d')\"";
constexpr const char* listing =
    "M  blob\nA  b\\xffd\nA  fresh/\nA  fresh/empty\nD  gone\nA  new\\nline\nD  old/1\nA  old/3\nA  pipe\nM  src/a\nL  src/l\nA  src/new\n"
    "T  swap\nD  swap/in\nP  tool  0644 becomes 0755\nT  turns/\nA  turns/c\n";

class ChangesTest : public KeptTest {
 protected:
  void SetUp() override {
    KeptTest::SetUp();
    if (IsSkipped()) return;
    make_project(project_script);
    before_ = contents_of(project());
    begin();
    run_in_overlay(work_script);
    after_ = merged();
  }
  Contents before_, after_;
};

TEST_F(ChangesTest, DiffNamesWhatChangedAndNothingElse) {
  EXPECT_EQ(diff(), listing);
  EXPECT_EQ(diff({"src"}), "M  src/a\nL  src/l\nA  src/new\n");
  EXPECT_EQ(diff({project() + "/swap"}), "T  swap\nD  swap/in\n");
  EXPECT_EQ(diff({"src/b"}), "");
  EXPECT_EQ(describe_difference(contents_of(project()), before_), "");
  const Outcome elsewhere = sbx_try({"diff", "try", "/etc"});
  EXPECT_EQ(elsewhere.status, 125);
  EXPECT_EQ(elsewhere.err, "sbx: /etc is not in a directory that is overlaid\nhint: the sandbox keeps what it changed in " + project() + "\n");
}

TEST_F(ChangesTest, GitAppliesThePatch) {
  if (!has_program("git")) GTEST_SKIP() << "git is not installed";
  const Outcome patch = sbx_try({"diff", "try", "--patch"});
  EXPECT_EQ(patch.status, 0);
  dir.write("patch", patch.out);
  const Outcome applied = run({.argv = {"git", "apply", "--whitespace=nowarn", dir / "patch"}, .cwd = project(), .environment = {"GIT_CEILING_DIRECTORIES=" + dir.path()}});
  EXPECT_EQ(applied.status, 0) << applied.err << patch.out;
  Contents patched = contents_of(project()), wanted = after_;
  for (const char* path : {"blob", "pipe", "fresh"}) patched.erase(path), wanted.erase(path);  // said to be not in it
  EXPECT_EQ(describe_difference(patched, wanted), "");
  EXPECT_PRED2(contains, patch.out, "# not in this patch: blob: binary file, 3 bytes, now 3 bytes\n");
  EXPECT_PRED2(contains, patch.out, "# not in this patch: pipe: a new fifo\n");
}

TEST_F(ChangesTest, StatAndJson) {
  EXPECT_PRED2(contains, sbx_try({"diff", "try", "--stat", "src"}).out, " src/a   | 3 +--\n");
  const std::string json = sbx_try({"diff", "try", "--json"}).out;
  EXPECT_PRED2(contains, json, "\"path\": \"b\\\\xffd\",\n    \"path_hex\": \"62ff64\",");
  EXPECT_PRED2(contains, json, "\"path\": \"new\\nline\",");
  EXPECT_PRED2(contains, json, "\"kind\": \"mode\",\n    \"old\": {\n      \"type\": \"file\",\n      \"mode\": \"0644\",\n      \"size\": 4\n    },\n    \"new\": {\n      \"type\": \"file\",\n      \"mode\": \"0755\",");
}

TEST_F(ChangesTest, CommitOfAll) {
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.out, "17 paths committed\n") << outcome.err;
  EXPECT_EQ(describe_difference(contents_of(project()), after_), "");
  EXPECT_EQ(diff(), "");
  EXPECT_EQ(describe_difference(merged(), after_), "");  // the sandbox sees what it saw
}

TEST_F(ChangesTest, CommitPieceByPiece) {
  for (const char* path : {"old/3", "src/new", "turns/c", "swap", "src", "fresh/empty", "gone", "old", "tool"}) {
    const Outcome outcome = sbx_try({"commit", "try", path});
    ASSERT_EQ(outcome.status, 0) << path << ": " << outcome.err;
    ASSERT_EQ(describe_difference(merged(), after_), "") << path;
    ASSERT_EQ(diff({path}), "") << path;
  }
  EXPECT_EQ(sbx_try({"commit", "try"}).status, 0);
  EXPECT_EQ(describe_difference(contents_of(project()), after_), "");
  EXPECT_EQ(diff(), "");
}

TEST_F(ChangesTest, DiscardPieceByPiece) {
  for (const char* path : {"old", "src/a", "turns", "swap", "fresh", "tool", "gone"}) {
    const Outcome outcome = sbx_try({"discard", "try", path});
    ASSERT_EQ(outcome.status, 0) << path << ": " << outcome.err;
    ASSERT_EQ(diff({path}), "") << path;
    const Contents seen = merged();
    for (const auto& [name, value] : before_)
      if (name == path || name.starts_with(std::string(path) + "/")) { ASSERT_EQ(seen.contains(name) ? seen.at(name) : "gone", value) << name; }
  }
  EXPECT_EQ(describe_difference(contents_of(project()), before_), "");
  EXPECT_EQ(diff(), "M  blob\nA  b\\xffd\nA  new\\nline\nA  pipe\nL  src/l\nA  src/new\n");
}

TEST_F(ChangesTest, DiscardOfAll) {
  const Outcome outcome = sbx_try({"discard", "try"});
  EXPECT_EQ(outcome.out, "the changes of 'try' are discarded\n") << outcome.err;
  EXPECT_FALSE(fs::exists(place() + "/changes"));
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/trash"));
  EXPECT_EQ(describe_difference(contents_of(project()), before_), "");
  EXPECT_EQ(sbx_try({"diff", "try"}).err, "sbx: the sandbox 'try' keeps no changes\nhint: --overlay DIR keeps what is changed in DIR\n");
}

TEST_F(ChangesTest, TimesAreTheSandboxes) {
  struct stat file {}, directory {}, file_after {}, directory_after {};
  ASSERT_EQ(::stat((upper() + "/src/a").c_str(), &file) + ::stat((upper() + "/src").c_str(), &directory), 0);
  ASSERT_EQ(sbx_try({"commit", "try"}).status, 0);
  ASSERT_EQ(::stat((project() + "/src/a").c_str(), &file_after) + ::stat((project() + "/src").c_str(), &directory_after), 0);
  EXPECT_EQ(file.st_mtim.tv_nsec, file_after.st_mtim.tv_nsec);
  EXPECT_EQ(directory.st_mtim.tv_nsec, directory_after.st_mtim.tv_nsec);
}

TEST_F(ChangesTest, WhatTheHostChangedIsNotOverwritten) {
  dir.write("project/src/a", "of the host\n");
  fs::remove(project() + "/blob");
  dir.write("project/old/1", "changed\n");
  const Contents host = contents_of(project());
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_PRED2(contains, outcome.err, "sbx: src/a: it changed on the host meanwhile\n");
  EXPECT_PRED2(contains, outcome.err, "sbx: old/1: it changed on the host meanwhile\n");
  EXPECT_PRED2(contains, outcome.err, "sbx: blob: it was removed on the host meanwhile, or its directory changed\n");
  EXPECT_PRED2(contains, outcome.err, "nothing was committed: ");
  EXPECT_EQ(describe_difference(contents_of(project()), host), "");
  EXPECT_EQ(sbx_try({"commit", "try", "tool"}).status, 0);  // what is not in the way
  EXPECT_EQ(sbx_try({"commit", "try", "--force"}).status, 0);
  EXPECT_EQ(describe_difference(contents_of(project()), after_), "");
}

TEST_F(ChangesTest, ANewNameWhoseDirectoryChanged) {
  dir.write("project/src/theirs", "x");
  const Outcome outcome = sbx_try({"commit", "try", "src/new"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_PRED2(contains, outcome.err, "sbx: src/new: it is new, and its directory changed on the host meanwhile\n");
}

// Nothing in it looks new: only the directory itself says that it was moved there.
TEST_F(ChangesTest, ADirectoryThatWasMovedToANewName) {
  run_in_overlay("mkdir cfg; echo mine >cfg/b");
  fs::rename(project() + "/src", project() + "/cfg");
  const Outcome outcome = sbx_try({"commit", "try", "cfg"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_PRED2(contains, outcome.err, "sbx: cfg/b: the host has another directory cfg meanwhile, or changed it\n");
  EXPECT_EQ(read_file(project() + "/cfg/b"), "hello\n");
  EXPECT_EQ(sbx_try({"commit", "try", "cfg", "--force"}).status, 0);
  EXPECT_EQ(read_file(project() + "/cfg/b"), "mine\n");
}

// That a commit touched a directory says nothing of what the host did there before.
TEST_F(ChangesTest, WhatTheHostRemovedStaysAConflict) {
  fs::remove(project() + "/blob");
  ASSERT_EQ(sbx_try({"commit", "try", "tool", "gone", "src"}).status, 0);
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_PRED2(contains, outcome.err, "sbx: blob: it was removed on the host meanwhile, or its directory changed\n");
  EXPECT_FALSE(fs::exists(project() + "/blob"));
}

TEST_F(ChangesTest, ItsOwnCommitIsNoConflict) {
  ASSERT_EQ(sbx_try({"commit", "try", "src/new"}).status, 0);
  run_in_overlay("echo more >>src/new; echo x >src/newer");
  EXPECT_EQ(diff({"src"}), "M  src/a\nL  src/l\nM  src/new\nA  src/newer\n");
  const Outcome outcome = sbx_try({"commit", "try", "src"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(read_file(project() + "/src/new"), "new\nmore\n");
  // The host's own copy: what the sandbox writes to later is no part of it.
  run_in_overlay("echo later >>src/new");
  EXPECT_EQ(read_file(project() + "/src/new"), "new\nmore\n");
}

TEST_F(ChangesTest, AnotherDirectoryOfThatName) {
  fs::rename(project(), dir / "away");
  fs::copy(dir / "away", project(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const Outcome outcome = sbx_try({"commit", "try"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_PRED2(contains, outcome.err, project() + " is another directory than the one the sandbox saw\n");
  fs::remove_all(project());
  EXPECT_EQ(sbx_try({"commit", "try"}).status, 125);
  EXPECT_EQ(sbx_try({"discard", "try"}).status, 0);
}

TEST_F(ChangesTest, ARunningSandboxIsReadOnly) {
  const Outcome held = run({.argv = {"python3", "-c",
      "import fcntl,subprocess,sys\nf=open(sys.argv[1]+'/lock','w')\nfcntl.lockf(f,fcntl.LOCK_EX)\n"
      "for verb in 'diff','commit','discard':\n  p=subprocess.run([sys.argv[2],verb,'try'],capture_output=True,text=True)\n  print(verb,p.returncode,p.stderr,end='')\n",
      place(), sbx_binary()}, .environment = {"XDG_STATE_HOME=" + (dir / "state")}});
  const std::string refused = " 125 sbx: the sandbox 'try' runs, or another sbx is at its changes\nhint: sbx stop try, then again\n";
  EXPECT_EQ(held.out, "diff 0 commit" + refused + "discard" + refused) << held.err;
}

TEST_F(ChangesTest, RemovingTheSandboxAsksFirst) {
  dir.write("state/sbx/sandboxes/try/record", "status ended\ncode 0\n");
  const Outcome refused = sbx_try({"rm", "try"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_PRED2(contains, refused.err, "sbx: the sandbox 'try' keeps changes\n");
  EXPECT_TRUE(fs::exists(upper()));
  EXPECT_EQ(sbx_try({"rm", "--force", "try"}).status, 0);
  EXPECT_FALSE(fs::exists(place()));
}

}  // namespace
