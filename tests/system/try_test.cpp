// A try from its start to its end, with sbx's own overlays of both engines: run, diff, run again, commit a part, discard.
// What diff says is what the sandbox saw, and the host has what was committed and nothing else.
#include "harness/kept.h"

#include <filesystem>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

constexpr const char* project_script =
    "mkdir -p src/deep old swap .git/hooks; seq 1 100 >src/a; echo hello >src/b; echo 1 >old/1; echo 2 >old/2; ln -s a src/l; echo run >tool;"
    "echo bin >gone; echo in >swap/in; echo f >turns; echo same >same; echo '[core]' >.git/config; echo secret >src/deep/secret; echo i >src/deep/i";
constexpr const char* work_script =
    "sed -i 's/^50$/fifty/;3d' src/a; echo new >src/new; rm -r old; mkdir old; echo 3 >old/3; echo 2 >old/2; ln -sf b src/l; chmod +x tool; rm gone;"
    "rm -r swap; echo flat >swap; rm turns; mkdir turns; echo c >turns/c; touch same; mkdir -m 700 fresh; touch fresh/empty; printf x >'new\nline';"
    "mv src/b src/moved; ln src/moved src/twin";
constexpr const char* listing =
    "A  fresh/\nA  fresh/empty\nD  gone\nA  new\\nline\nD  old/1\nA  old/3\nM  src/a\nD  src/b\nL  src/l\nA  src/moved\nA  src/new\nA  src/twin\n"
    "T  swap\nD  swap/in\nP  tool  0644 becomes 0755\nT  turns/\nA  turns/c\n";

class TryTest : public SystemTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    if (IsSkipped()) return;
    const bool fuse = GetParam() == std::string("fuse");
    if (fuse && (!has_program("fuse-overlayfs") || ::access("/dev/fuse", R_OK | W_OK) != 0)) GTEST_SKIP() << "fuse-overlayfs cannot be used here";
    if (!fuse) SKIP_IF(no_user_overlay());
    dir.make("project");
    dir.make("other");
    dir.write("other/file", "other\n");
    ASSERT_EQ(run({.argv = {"sh", "-ec", project_script}, .cwd = project()}).status, 0);
    before_ = contents_of(project());
    const timespec tick{.tv_sec = 0, .tv_nsec = 20'000'000};  // a file system's clock has ticks
    ::nanosleep(&tick, nullptr);
  }
  std::string project() const { return dir / "project"; }
  Outcome verb(Words words) { return at(project(), std::move(words)); }
  Outcome at(const std::string& cwd, Words words) {
    Command command = sbx(std::move(words));
    command.cwd = cwd;
    command.environment = {"XDG_STATE_HOME=" + (dir / "state")};
    return run(command);
  }
  Outcome attempt(Words options, const std::string& script) {
    options.insert(options.end(), {"--name", "try", "--set", "filesystem.overlay_engine=" + std::string(GetParam()), "--", "sh", "-ec", script});
    return verb(std::move(options));
  }
  // As the sandbox has it.
  Contents seen(Words options = {}) {
    dir.make("seen");
    fs::remove_all(dir / "seen");
    dir.make("seen");
    for (const std::string& word : {std::string("--rw"), dir / "seen", std::string("-w"), project()}) options.push_back(word);
    const Outcome copied = attempt(std::move(options), "cp -a . " + (dir / "seen"));
    EXPECT_EQ(copied.status, 0) << copied.err;
    return contents_of(dir / "seen");
  }
  std::string diff(Words paths = {}) {
    paths.insert(paths.begin(), {"diff", "try"});
    const Outcome outcome = verb(std::move(paths));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  }
  Contents before_;
};

TEST_P(TryTest, FromRunToDiscard) {
  const Outcome first = attempt({"--overlay", "."}, work_script);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(describe_difference(contents_of(project()), before_), "");
  EXPECT_EQ(diff(), listing);
  const Contents wanted = seen();
  EXPECT_EQ(diff(), listing) << "looking changes nothing";
  EXPECT_PRED2(contains, verb({"diff", "try", "--json"}).out, "\"path\": \"new\\nline\",");

  EXPECT_EQ(verb({"commit", "try", "src"}).out, "6 paths committed, 11 left: sbx diff try\n");
  Contents expected = before_;
  for (const auto& [path, value] : wanted)
    if (path.starts_with("src/")) expected[path] = value;
  expected.erase("src/b");
  EXPECT_EQ(describe_difference(contents_of(project()), expected), "");
  EXPECT_EQ(diff({"src"}), "");
  EXPECT_EQ(describe_difference(seen(), wanted), "") << "the sandbox sees what it saw";

  const Outcome second = attempt({}, "cd " + project() + "; echo more >>src/new; rm src/moved; mv fresh renamed; mv same src/same; echo 4 >old/4");
  ASSERT_EQ(second.status, 0) << second.err;
  const Contents after = seen();
  EXPECT_EQ(diff({"src", "renamed", "fresh", "old"}), "D  old/1\nA  old/3\nA  old/4\nA  renamed/\nA  renamed/empty\nD  src/moved\nM  src/new\nA  src/same\n");
  const Outcome rest = verb({"commit", "try"});
  EXPECT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(describe_difference(contents_of(project()), after), "");
  EXPECT_EQ(diff(), "");

  ASSERT_EQ(attempt({}, "cd " + project() + "; rm -r src; echo unwanted >file").status, 0);
  EXPECT_PRED2(contains, diff(), "A  file\n");
  EXPECT_EQ(verb({"discard", "try"}).status, 0);
  EXPECT_EQ(describe_difference(contents_of(project()), after), "");
  EXPECT_EQ(verb({"diff", "try"}).status, 125);
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/trash"));
}

TEST_P(TryTest, TheEndTellsHowMuch) {
  const std::string tail = ", kept as 'try': 'sbx diff try' shows them, 'sbx commit try' makes them yours\n";
  const Outcome first = attempt({"--overlay", ".", "--report", dir / "report"}, "echo x >src/new; rm gone; chmod +x tool; echo 1 >src/b; exit 3");
  EXPECT_EQ(first.status, 3);
  EXPECT_EQ(first.err, "sbx: 4 paths changed (1 added, 2 modified, 1 deleted)" + tail);
  const std::string counts = "\"changes\": {\n    \"added\": 1,\n    \"modified\": 2,\n    \"deleted\": 1\n  },";
  EXPECT_PRED2(contains, read_file(dir / "report"), counts);
  EXPECT_PRED2(contains, verb({"inspect", "try"}).out, "\"modified\": 2,");
  const Outcome quiet = attempt({"-q"}, "true");
  EXPECT_EQ(quiet.err, "");
  const Outcome closed = attempt({}, "cd " + project() + "; mkdir shut; echo y >shut/y; chmod 0 shut");
  EXPECT_EQ(closed.err, "sbx: 6 paths changed (3 added, 2 modified, 1 deleted)" + tail) << "where the user himself may not look";
  EXPECT_EQ(verb({"discard", "try"}).status, 0);
  const Outcome unchanged = attempt({"--overlay", ".", "--report", dir / "report"}, "cat src/b");
  EXPECT_EQ(unchanged.err, "");
  EXPECT_PRED2(contains, read_file(dir / "report"), "\"added\": 0,");
}

// What is hidden, protected or bound on top is no change, and is neither committed nor lost.
TEST_P(TryTest, WhatLiesOnTopIsNoChange) {
  const Words options{"--profile", "build", "--overlay", ".", "--hide", project() + "/src/deep/secret", "--rw", (dir / "other") + ":" + project() + "/put/here"};
  const Outcome ran = attempt(options, "echo w >src/deep/w; rm src/deep/i; echo x >.git/index; echo y >put/here/y; ! cat src/deep/secret 2>/dev/null");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read_file(dir / "other/y"), "y\n");
  EXPECT_EQ(diff(), "A  .git/index\nA  put/\nA  put/here/\nD  src/deep/i\nA  src/deep/w\n");
  EXPECT_EQ(verb({"commit", "try"}).status, 0);
  EXPECT_EQ(read_file(project() + "/src/deep/secret"), "secret\n");
  EXPECT_EQ(read_file(project() + "/.git/config"), "[core]\n");
  EXPECT_EQ(read_file(project() + "/src/deep/w"), "w\n");
  EXPECT_FALSE(fs::exists(project() + "/src/deep/i"));
  EXPECT_EQ(diff(), "");
}

TEST_P(TryTest, TwoDirectories) {
  const Outcome ran = attempt({"--overlay", ".", "--overlay", dir / "other"}, "echo new >src/new; echo changed >" + (dir / "other/file"));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(diff(), "A  " + project() + "/src/new\nM  " + (dir / "other/file") + "\n");
  EXPECT_EQ(diff({"."}), "A  " + project() + "/src/new\n") << "of where one stands";
  EXPECT_EQ(at(dir / "other", {"commit", "try", "file"}).status, 0);
  EXPECT_EQ(read_file(dir / "other/file"), "changed\n");
  EXPECT_FALSE(fs::exists(project() + "/src/new"));
  EXPECT_EQ(verb({"discard", "try", "src"}).out, "1 path discarded\n");
  EXPECT_EQ(diff(), "");
}

// What the user has changed meanwhile is his.
TEST_P(TryTest, AConflictIsSaid) {
  ASSERT_EQ(attempt({"--overlay", "."}, "echo sandbox >>src/a; echo sandbox >src/b").status, 0);
  dir.write("project/src/a", "mine\n");
  const Outcome refused = verb({"commit", "try"});
  EXPECT_NE(refused.status, 0);
  EXPECT_PRED2(contains, refused.err, "src/a: it changed on the host meanwhile");
  EXPECT_EQ(read_file(project() + "/src/b"), "hello\n");
  EXPECT_EQ(verb({"commit", "try", "src/b"}).status, 0);
  EXPECT_EQ(verb({"discard", "try", "src/a"}).status, 0);
  EXPECT_EQ(read_file(project() + "/src/a") + read_file(project() + "/src/b"), "mine\nsandbox\n");
  EXPECT_EQ(diff(), "");
}

INSTANTIATE_TEST_SUITE_P(Engines, TryTest, testing::Values("kernel", "fuse"), [](const auto& engine) { return std::string(engine.param); });

}  // namespace
