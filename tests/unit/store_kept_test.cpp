// Uppers made by hand, kept and dropped: what a sandbox put under a mark's name, and paths as deep as there are descriptors.
#include "store/commit.h"
#include "store/discard.h"
#include "sys/process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace store {
namespace {

namespace fs = std::filesystem;

class StoreKeptTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string place = fs::temp_directory_path() / "sbx-kept.XXXXXX";
    ASSERT_NE(::mkdtemp(place.data()), nullptr);
    top_ = fs::canonical(place);
    fs::create_directories(top_ / "upper");
    fs::create_directories(top_ / "lower");
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(top_, ignored);
  }

  Overlay opened(Engine engine) {
    struct stat lower = {};
    EXPECT_EQ(::stat((top_ / "lower").c_str(), &lower), 0);
    Origin origin;
    origin.inside = origin.outside = top_ / "lower";
    origin.engine = engine, origin.started = {.seconds = lower.st_ctim.tv_sec + 1000, .nanoseconds = 0};
    origin.device = lower.st_dev, origin.inode = lower.st_ino;
    std::ofstream(top_ / "origin") << encode(origin);
    auto overlay = open_overlay(sys::Fd(::open(top_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), top_);
    EXPECT_TRUE(overlay) << overlay.error().message;
    return overlay ? *std::move(overlay) : Overlay{};
  }

  fs::path top_;
};

TEST_F(StoreKeptTest, ADirectoryIsNoWhiteout) {
  std::ofstream(top_ / "lower/keep") << "kept";
  std::ofstream(top_ / "lower/gone") << "gone";
  fs::create_directories(top_ / "upper/.wh.keep");
  std::ofstream(top_ / "upper/.wh.gone");
  fs::create_directories(top_ / "upper/d/.wh..wh..opq");
  std::ofstream(top_ / "upper/.wh.full") << "not empty";
  const Overlay overlay = opened(Engine::fuse);
  const auto changes = find_changes(overlay);
  ASSERT_TRUE(changes) << changes.error().message;
  std::string seen;
  for (const Change& each : *changes) seen += text(each.path, each.kind == ChangeKind::deleted ? " deleted" : "", each.refused.empty() ? "" : " refused", "\n");
  EXPECT_EQ(seen, ".wh.full refused\n.wh.keep refused\nd\nd/.wh..wh..opq refused\ngone deleted\n");
  const auto committed = commit_changes(overlay, *changes, select_changes(*changes, {"gone"}), {}, [](std::size_t, std::size_t) {});
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_FALSE(fs::exists(top_ / "lower/gone"));
  const auto left = find_changes(overlay);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->size(), 4U);
  const auto dropped = discard_changes(overlay, *left, *left);
  ASSERT_TRUE(dropped) << dropped.error().message;
  EXPECT_TRUE(fs::is_empty(top_ / "upper"));
  EXPECT_TRUE(fs::exists(top_ / "lower/keep"));
}

// Two descriptors a level, and some more: enough for what applies the changes or what finishes, not for both at once.
TEST_F(StoreKeptTest, ADeepTreeIsCommittedWithFewDescriptors) {
  constexpr std::size_t levels = 100, most = 2 * levels + 64;
  fs::path deep;
  for (std::size_t i = 0; i < levels; ++i) deep /= "d";
  fs::create_directories(top_ / "upper" / deep);
  std::ofstream(top_ / "upper" / deep / "f") << "deep";
  const Overlay overlay = opened(Engine::kernel);
  const auto limit = sys::resource_limit(RLIMIT_NOFILE, "number of open files");
  ASSERT_TRUE(limit);
  ASSERT_TRUE(sys::set_resource_limit(RLIMIT_NOFILE, most, limit->second, "number of open files"));
  const auto changes = find_changes(overlay);
  Result<Committed> committed = fail("nothing was found");
  if (changes) committed = commit_changes(overlay, *changes, *changes, {}, [](std::size_t, std::size_t) {});
  EXPECT_TRUE(sys::raise_open_files());
  const auto raised = sys::resource_limit(RLIMIT_NOFILE, "number of open files");
  EXPECT_TRUE(sys::set_resource_limit(RLIMIT_NOFILE, limit->first, limit->second, "number of open files"));
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_FALSE(committed->stopped);
  EXPECT_TRUE(fs::exists(top_ / "lower" / deep / "f"));
  EXPECT_FALSE(fs::exists(top_ / "journal"));
  EXPECT_TRUE(raised && raised->first == limit->second);
}

}  // namespace
}  // namespace store
