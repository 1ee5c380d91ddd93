// Uppers made by hand, kept and dropped: paths as deep as there are descriptors.
#include "store/commit.h"
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
