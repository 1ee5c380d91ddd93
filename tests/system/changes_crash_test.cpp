// A commit or discard that is killed, or whose calls fail, wherever that happens: each path is as it was or as the
// sandbox left it, nothing is lost, and the next one finishes. With SBX_SOAK=1 every call's turn comes.
#include "harness/kept.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <signal.h>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

constexpr const char* project_script =
    "mkdir -p a/b old swap; echo 1 >a/1; echo 2 >a/b/2; echo 3 >old/3; ln -s 1 a/l; echo in >swap/in; echo f >turns; echo keep >keep; echo run >tool";
constexpr const char* work_script =
    "echo one >a/1; echo two >a/b/2; echo new >a/b/new; rm -r old; mkdir old; echo 4 >old/4; ln -sf 2 a/l; rm -r swap; echo flat >swap;"
    "rm turns; mkdir turns; echo c >turns/c; chmod +x tool; setfattr -n user.k -v v tool 2>/dev/null || :; mkdir -m 700 deep; mkdir deep/er; echo x >deep/er/x";

class ChangesCrashTest : public KeptTest {
 protected:
  void prepare() {
    for (const char* part : {"project", "state", "seen"}) {
      run({.argv = {"chmod", "-R", "u+rwx", dir / part}});
      fs::remove_all(dir / part);
    }
    dir.make("project");
    make_project(project_script);
    before_ = contents_of(project());
    begin();
    run_in_overlay(work_script);
  }
  Words failing(int index, bool killed) const {
    Words out{"SBX_FAIL=launcher:" + std::to_string(index), "SBX_FAIL_LOG=" + (dir / "fired")};
    if (killed) out.emplace_back("SBX_FAIL_KILL=1");
    return out;
  }
  // Nothing is neither old nor new, and what is still old is still pending.
  void expect_old_or_new(const std::string& when) {
    const Contents now = contents_of(project());
    const std::string pending = sbx_try({"diff", "try"}).out;
    for (const auto& all : {before_, after_})
      for (const auto& [path, value] : all) {
        const auto is = [&](const Contents& as) { return now.contains(path) == as.contains(path) && (!as.contains(path) || now.at(path) == as.at(path)); };
        EXPECT_TRUE(is(before_) || is(after_)) << when << ": " << path;
        if (!is(after_)) { EXPECT_PRED2(contains, pending, "  " + path) << when; }
      }
  }
  void expect_committed(const std::string& when) {
    EXPECT_EQ(describe_difference(contents_of(project()), after_), "") << when;
    EXPECT_EQ(diff(), "") << when;
    EXPECT_FALSE(fs::exists(place() + "/changes/0/journal")) << when;
  }
  // The calls from 1 on until none fires; else so many, spread over them.
  template <class Try>
  void for_calls(int count, const Try& attempt) {
    const bool all = std::getenv("SBX_SOAK") != nullptr;
    int last = 1;
    for (int step = 4096; step > 0; step /= 2)  // how many calls it makes
      if (attempt(last + step)) last += step;
    ASSERT_GT(last, 50);
    std::mt19937 random(static_cast<unsigned>(::getpid()));
    for (int round = 0; round < (all ? last : count) && !HasFailure(); ++round)
      attempt(all ? round + 1 : 1 + static_cast<int>(random() % static_cast<unsigned long>(last)));
  }
  bool fired() {
    const bool yes = fs::exists(dir / "fired") && !fs::is_empty(dir / "fired");
    fs::remove(dir / "fired");
    return yes;
  }
  Contents before_, after_;
};

TEST_F(ChangesCrashTest, CommitKilledAtAnyCall) {
  prepare();
  after_ = merged();
  for_calls(40, [&](int index) {
    prepare();
    const Outcome killed = sbx_try({"commit", "try"}, failing(index, true), sbx_failpoints_binary());
    if (!fired()) return false;
    const std::string when = "call " + std::to_string(index);
    EXPECT_EQ(killed.signal, SIGKILL) << when;
    expect_old_or_new(when);
    const Outcome again = sbx_try({"commit", "try"});
    EXPECT_EQ(again.status, 0) << when << ": " << again.err;
    expect_committed(when);
    return true;
  });
}

TEST_F(ChangesCrashTest, CommitWhoseCallFails) {
  prepare();
  after_ = merged();
  for_calls(30, [&](int index) {
    prepare();
    const Outcome failed = sbx_try({"commit", "try"}, failing(index, false), sbx_failpoints_binary());
    if (!fired()) return false;
    const std::string when = "call " + std::to_string(index) + " " + failed.err;
    expect_old_or_new(when);
    const Outcome again = sbx_try({"commit", "try"});
    EXPECT_EQ(again.status, 0) << when << ": " << again.err;
    expect_committed(when);
    return true;
  });
}

TEST_F(ChangesCrashTest, DiscardKilledAtAnyCall) {
  for_calls(30, [&](int index) {
    prepare();
    sbx_try({"discard", "try"}, failing(index, true), sbx_failpoints_binary());
    if (!fired()) return false;
    const std::string when = "call " + std::to_string(index);
    const bool there = fs::exists(place() + "/changes");
    EXPECT_EQ(sbx_try({"discard", "try"}).status, there ? 0 : 125) << when;
    EXPECT_FALSE(fs::exists(place() + "/changes")) << when;
    EXPECT_TRUE(!fs::exists(dir / "state/sbx/trash") || fs::is_empty(dir / "state/sbx/trash")) << when;
    EXPECT_EQ(describe_difference(contents_of(project()), before_), "") << when;
    return true;
  });
}

TEST_F(ChangesCrashTest, DiscardAfterAKilledCommit) {
  prepare();
  after_ = merged();
  for_calls(20, [&](int index) {
    prepare();
    sbx_try({"commit", "try"}, failing(index, true), sbx_failpoints_binary());
    if (!fired()) return false;
    const std::string when = "call " + std::to_string(index);
    EXPECT_EQ(sbx_try({"discard", "try"}).status, 0) << when;
    const Contents now = contents_of(project());
    for (const auto& [path, value] : now) {
      const bool old = before_.contains(path) && before_.at(path) == value, as_new = after_.contains(path) && after_.at(path) == value;
      EXPECT_TRUE(old || as_new) << when << ": " << path;
    }
    return true;
  });
}

// A file that a commit has given the host may still be the upper's too: nothing may write to it before the commit is done.
TEST_F(ChangesCrashTest, NothingRunsOverACommitThatWasCutShort) {
  prepare();
  after_ = merged();
  int refused = 0, ran = 0;
  const auto continued = [&] { return sbx_try({"--name", "try", "--", "sh", "-c", "for f in " + project() + "/a/1 " + project() + "/keep; do echo more >>$f; done"}); };
  for_calls(20, [&](int index) {
    prepare();
    sbx_try({"commit", "try"}, failing(index, true), sbx_failpoints_binary());
    if (!fired()) return false;
    const std::string when = "call " + std::to_string(index);
    const bool open = fs::exists(place() + "/changes/0/journal");
    const Contents host = contents_of(project());
    const Outcome next = continued();
    EXPECT_EQ(next.status, open ? 125 : 0) << when << next.err;
    EXPECT_EQ(describe_difference(contents_of(project()), host), "") << when;
    ++(open ? refused : ran);
    if (!open) return true;
    EXPECT_EQ(next.err, "sbx: a commit of the changes of 'try' was interrupted\n"
                        "hint: sbx commit try carries it on, and sbx discard try drops what is left of it\n") << when;
    EXPECT_EQ(sbx_try({"commit", "try"}).status, 0) << when;
    expect_committed(when);
    EXPECT_EQ(continued().status, 0) << when;
    EXPECT_EQ(describe_difference(contents_of(project()), after_), "") << when;
    return true;
  });
  EXPECT_GT(refused, 0);
}

// By the clock, many times over, with a file that takes its time.
TEST_F(ChangesCrashTest, KilledAtAnyMoment) {
  prepare();
  after_ = merged();
  const int rounds = std::getenv("SBX_SOAK") != nullptr ? 200 : 15;
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    prepare();
    Command command{.argv = {sbx_binary(), "commit", "try"}, .environment = {"XDG_STATE_HOME=" + (dir / "state")}};
    {
      Process process(command);
      const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(random() % 12'000'000)};
      ::nanosleep(&pause, nullptr);
      process.kill(SIGKILL);
      process.finish();
    }
    expect_old_or_new("round " + std::to_string(round));
    EXPECT_EQ(sbx_try({"commit", "try"}).status, 0);
    expect_committed("round " + std::to_string(round));
  }
}

}  // namespace
