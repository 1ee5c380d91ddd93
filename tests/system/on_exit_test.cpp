// --on-exit: what becomes of what an overlay keeps once the command has ended, and who is asked.
#include "harness/kept.h"

#include <filesystem>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class OnExitTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    if (IsSkipped()) return;
    SKIP_IF(no_user_overlay());
    dir.write("p/file", "host\n");
    const timespec tick{.tv_sec = 0, .tv_nsec = 20'000'000};  // a file system's clock has ticks
    ::nanosleep(&tick, nullptr);
  }
  Command with(Words options, const std::string& script) const {
    for (const char* word : {"--overlay", ".", "--", "sh", "-c"}) options.emplace_back(word);
    options.push_back(script);
    Command command = sbx(std::move(options));
    command.cwd = dir / "p";
    command.environment = {"XDG_STATE_HOME=" + (dir / "state")};
    return command;
  }
  Outcome ended(Words options, const std::string& script) const { return run(with(std::move(options), script)); }
  // On a terminal; `answers` as they are typed, one at each question.
  Outcome asked(const Words& answers) const {
    Command command = with({"--name", "try", "--on-exit", "ask"}, "echo new >file");
    command.terminal = true;
    Process process(command);
    for (const std::string& answer : answers) {
      EXPECT_TRUE(process.wait_for("show, commit, keep or discard? ")) << process.out();
      process.send(answer);
    }
    return process.finish();
  }
  std::string file() const { return read_file(dir / "p/file"); }
  bool kept() const { return fs::exists(dir / "state/sbx/sandboxes/try/changes/0/upper/file"); }
};

}  // namespace

TEST_F(OnExitTest, Keep) {
  EXPECT_EQ(ended({"--name", "try", "--on-exit", "keep"}, "echo new >file").status, 0);
  EXPECT_EQ(file(), "host\n");
  EXPECT_TRUE(kept());
}

TEST_F(OnExitTest, Commit) {
  const Outcome outcome = ended({"--name", "try", "--on-exit", "commit", "--report", dir / "report"}, "echo new >file; exit 3");
  EXPECT_EQ(outcome.status, 3) << outcome.err;
  EXPECT_EQ(outcome.out, "1 path committed\n") << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(file(), "new\n");
  EXPECT_FALSE(kept());
  EXPECT_PRED2(contains, read_file(dir / "report"), "\"modified\": 1,");
}

TEST_F(OnExitTest, ACommitThatIsRefusedKeeps) {
  const Outcome outcome = ended({"--name", "try", "--on-exit", "commit", "--rw", (dir / "p") + ":/host"}, "echo new >file; echo mine >/host/file");
  EXPECT_NE(outcome.status, 0);
  EXPECT_PRED2(contains, outcome.err, "it changed on the host meanwhile");
  EXPECT_EQ(file(), "mine\n");
  EXPECT_TRUE(kept());
}

TEST_F(OnExitTest, WhatWasEndedIsNotCommitted) {
  const Outcome outcome = ended({"--name", "try", "--on-exit", "commit", "--timeout", "3s"}, "echo new >file; sleep 60");
  EXPECT_EQ(outcome.status, 124);
  EXPECT_PRED2(contains, outcome.err, "kept, not committed");
  EXPECT_EQ(file(), "host\n");
  EXPECT_TRUE(kept());
}

TEST_F(OnExitTest, Discard) {
  EXPECT_EQ(ended({"--on-exit", "discard"}, "echo new >file; mkdir shut; touch shut/x; chmod 0 shut").status, 0);
  EXPECT_EQ(file(), "host\n");
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/sandboxes")) << "not even the name";
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/trash"));
}

// Where only root of a namespace with the range may look, and remove.
TEST_F(OnExitTest, FilesOfSubordinateIds) {
  SKIP_IF(no_id_range());
  const Words range{"--user", "root", "--userns", "range", "--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE", "--name", "try"};
  const std::string tail = ", kept as 'try': 'sbx diff try' shows them, 'sbx commit try' makes them yours\n";
  EXPECT_EQ(ended(range, "mkdir e; touch e/x; chmod 700 e; chown -R 9 e").err, "sbx: 2 paths changed (2 added)" + tail);
  Words discarding = range;
  discarding.insert(discarding.end(), {"--on-exit", "discard"});
  const Outcome outcome = ended(discarding, "ls e; echo new >file");
  EXPECT_EQ(outcome.out, "x\nthe changes of 'try' are discarded\n") << outcome.err;
  EXPECT_TRUE(fs::is_empty(dir / "state/sbx/trash"));
  EXPECT_EQ(file(), "host\n");
}

TEST_F(OnExitTest, AskedOnATerminal) {
  const Outcome outcome = asked({"what\n", "show\n", "commit\n"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_PRED2(contains, outcome.out, "sbx: 1 path changed (1 modified) in 'try': ");
  EXPECT_PRED2(contains, outcome.out, "M  file\r\n");
  EXPECT_PRED2(contains, outcome.out, "1 path committed\r\n");
  EXPECT_EQ(file(), "new\n");
}

TEST_F(OnExitTest, AskedAndDiscarded) {
  EXPECT_PRED2(contains, asked({"d\n"}).out, "discarded");
  EXPECT_FALSE(kept());
  EXPECT_EQ(file(), "host\n");
}

TEST_F(OnExitTest, NoAnswerKeeps) {
  for (const char* answer : {"keep\n", "\x04", "\x03"}) {
    asked({answer});
    EXPECT_TRUE(kept()) << answer;
    EXPECT_EQ(file(), "host\n");
  }
}

TEST_F(OnExitTest, Refused) {
  struct Case { Words options; std::string said; };
  for (const Case& each : std::vector<Case>{{{"--on-exit", "ask"}, "nobody could be asked\nhint: write --on-exit keep, commit or discard"},
                                            {{"--set", "filesystem.on_exit=ask"}, "nobody could be asked"},
                                            {{"--on-exit", "perhaps"}, "perhaps"}}) {
    const Outcome outcome = ended(each.options, "echo ran >file");
    EXPECT_EQ(outcome.status, 125) << each.said;
    EXPECT_PRED2(contains, outcome.err, each.said);
  }
  EXPECT_FALSE(fs::exists(dir / "state/sbx/sandboxes")) << "nothing ran";
  const Outcome outcome = run(sbx({"--on-exit", "commit", "--", "true"}));
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "nothing is kept, because nothing is overlaid\nhint: add --overlay DIR");
}
