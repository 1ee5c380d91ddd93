// A mask or a read-only pin lies on a host's file; when the host renames over that file, which editors do daily, the
// kernel takes the mount away. The sandbox must end before the payload profits.
#include "harness/surroundings.h"

#include <nlohmann/json.hpp>

#include <filesystem>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class MasksTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    dir.write("work/secret", "old secret\n");
    dir.write("work/inner/secret", "old secret\n");
    dir.write("work/.git/config", "[core]\n");
    dir.make("work/.git/hooks");
    work_ = dir / "work";
  }
  // Starts a payload that waits, changes the host's side, and expects the end by the mask.
  template <class Change>
  void expect_end(Words options, const Change& change, const std::string& lost) {
    options.insert(options.begin(), {"--report", dir / "report.json"});
    options.insert(options.end(), {"--", "sh", "-c", "echo ready; while :; do cat secret; sleep 0.01; done"});
    Command command = sbx(options);
    command.cwd = work_;
    Process process(command);
    ASSERT_TRUE(process.wait_for("ready")) << process.out();
    const auto start = std::chrono::steady_clock::now();
    change();
    const Outcome outcome = process.finish();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
    EXPECT_EQ(outcome.status, 125) << outcome.err;
    EXPECT_PRED2(contains, outcome.err, "mask on " + work_ + lost + " was lost");
    const auto report = nlohmann::json::parse(read_file(dir / "report.json"));
    EXPECT_EQ(report["exit"]["reason"], "mask");
    EXPECT_EQ(report["exit"]["code"], 125);
  }
  Words hiding(const std::string& what) const { return {"--rw", work_, "--hide", work_ + what, "-w", work_}; }
  std::string work_;
};

TEST_F(MasksTest, AHiddenFileThatIsReplaced) {
  expect_end(hiding("/secret"), [&] {
    dir.write("work/new", "new secret\n");
    fs::rename(work_ + "/new", work_ + "/secret");
  }, "/secret");
}

TEST_F(MasksTest, AHiddenFileThatIsRemoved) {
  expect_end(hiding("/secret"), [&] { fs::remove(work_ + "/secret"); }, "/secret");
}

TEST_F(MasksTest, AHiddenDirectoryWhoseNameIsTaken) {
  dir.make("work/closed");
  expect_end(hiding("/closed"), [&] { fs::remove(work_ + "/closed"); }, "/closed");
}

TEST_F(MasksTest, AProtectedFileThatIsReplaced) {
  expect_end({"--profile", "dev"}, [&] {
    dir.write("work/.git/config.lock", "[core]\nx = y\n");
    fs::rename(work_ + "/.git/config.lock", work_ + "/.git/config");
  }, "/.git/config");
}

TEST_F(MasksTest, OtherFilesMayBeReplaced) {
  Command command = sbx({"--rw", work_, "--hide", work_ + "/secret", "-w", work_, "--", "sh", "-c", "echo ready; read line; cat secret; exit 6"});
  command.cwd = work_;
  Process process(command);
  process.send("");
  ASSERT_TRUE(process.wait_for("ready"));
  dir.write("work/new", "x"), dir.write("work/other", "y");
  fs::rename(work_ + "/new", work_ + "/other");
  fs::remove(work_ + "/other");
  process.send("go\n");
  const Outcome outcome = process.finish();
  EXPECT_EQ(outcome.status, 6) << outcome.err;
  EXPECT_EQ(outcome.out, "ready\n");
}

// A parent that moves takes the mask with it; what then has the old name is not covered.
TEST_F(MasksTest, AParentThatIsReplaced) {
  expect_end(hiding("/inner/secret"), [&] {
    dir.write("work/fresh/secret", "new secret\n");
    fs::rename(work_ + "/inner", work_ + "/moved");
    fs::rename(work_ + "/fresh", work_ + "/inner");
  }, "/inner");
}

// As editors do that keep a backup under another name.
TEST_F(MasksTest, AHiddenFileThatIsMovedAway) {
  expect_end(hiding("/secret"), [&] {
    fs::rename(work_ + "/secret", work_ + "/secret~");
    dir.write("work/secret", "new secret\n");
  }, "/secret");
}

TEST_F(MasksTest, AProtectedFileThatIsMovedAway) {
  expect_end({"--profile", "dev"}, [&] { fs::rename(work_ + "/.git/config", work_ + "/.git/old"); }, "/.git/config");
}

TEST_F(MasksTest, LosingOneCanBeAllowed) {
  Words options = hiding("/secret");
  options.insert(options.end(), {"--allow-degraded", "hide", "--", "sh", "-c", "echo ready; read line; cat secret; exit 6"});
  Process process(sbx(options));
  process.send("");
  ASSERT_TRUE(process.wait_for("ready"));
  dir.write("work/new", "new secret\n");
  fs::rename(work_ + "/new", work_ + "/secret");
  process.send("go\n");
  const Outcome outcome = process.finish();
  EXPECT_EQ(outcome.status, 6) << outcome.err;
  EXPECT_PRED2(contains, outcome.out, "new secret");
}

TEST_F(MasksTest, TheProjectItselfMayBeMoved) {
  Command command = sbx({"--profile", "dev", "--", "sh", "-c", "echo ready; read line; cat .git/config; exit 6"});
  command.cwd = work_;
  Process process(command);
  process.send("");
  ASSERT_TRUE(process.wait_for("ready"));
  fs::rename(work_, dir / "elsewhere");
  process.send("go\n");
  EXPECT_EQ(process.finish().status, 6);
}

TEST_F(MasksTest, ThePayloadCannotMoveTheParentOfAMask) {
  const Outcome outcome = run_sbx({"--rw", work_, "--hide", work_ + "/inner/secret", "-w", work_, "--", "sh", "-c",
                                   "mv inner moved || echo stays; cat inner/secret moved/secret; ln secret other || true; rm inner/secret || echo held"});
  EXPECT_EQ(outcome.out, "stays\nheld\n") << outcome.err;
}

}  // namespace
