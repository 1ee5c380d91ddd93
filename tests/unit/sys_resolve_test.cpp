// The walker against openat2(2): the same file, the same absence or the same errno for every path, and nothing
// outside the root while directories are renamed under both.
#include "sys/resolve.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace sys {
namespace {

namespace fs = std::filesystem;

class ResolveTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string place = fs::temp_directory_path() / "sbx-resolve.XXXXXX";
    ASSERT_NE(::mkdtemp(place.data()), nullptr);
    top_ = fs::canonical(place);
    fs::create_directories(top_ / "root/a/b/c");
    fs::create_directories(top_ / "outside");
    std::ofstream(top_ / "outside/secret") << "secret";
    std::ofstream(top_ / "root/file") << "file";
    std::ofstream(top_ / "root/a/b/c/deep") << "deep";
    root_ = Fd(::open((top_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(top_, ignored);
  }

  void link(const std::string& to, const std::string& name) { fs::create_symlink(to, top_ / "root" / name); }

  // "inode N", "absent" or "errno N".
  static std::string describe(const Result<std::optional<Fd>>& found) {
    if (!found) return "errno " + std::to_string(found.error().code);
    if (!*found) return "absent";
    struct stat facts {};
    EXPECT_EQ(::fstat((**found).get(), &facts), 0);
    return "inode " + std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  }

  std::string walked(const std::string& path, LastLink last = LastLink::follow) const {
    return describe(walk_in_root(root_, path, last));
  }
  // When anybody on the machine mounts something, the kernel may begin a lookup again (LOOKUP_RCU is given up)
  // and counts the links it had followed a second time: ELOOP from 21 links on, in 1 of 400 lookups (6.18).
  std::string opened(const std::string& path, LastLink last) const {
    std::string answer;
    for (int again = 0; again < 20; ++again) {
      answer = describe(find_in_root(root_, path, last));
      if (answer != "errno " + std::to_string(ELOOP)) break;
    }
    return answer;
  }
  void expect_same(const std::string& path) const {
    for (const LastLink last : {LastLink::follow, LastLink::keep})
      EXPECT_EQ(walked(path, last), opened(path, last))
          << "'" << path << "'" << (last == LastLink::keep ? ", keeping the last link" : "");
  }
  std::string inode(const std::string& name) const {
    struct stat facts {};
    EXPECT_EQ(::lstat((top_ / name).c_str(), &facts), 0) << name;
    return "inode " + std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  }

  fs::path top_;
  Fd root_;
};

TEST_F(ResolveTest, PlainPaths) {
  for (const char* path : {"/", ".", "a", "/a/b/c/deep", "a//b/./c", "file", "missing", "a/missing/x", "file/x", ""}) expect_same(path);
  EXPECT_EQ(walked("/a/b/c/deep"), inode("root/a/b/c/deep"));
  EXPECT_EQ(walked("missing"), "absent");
}

TEST_F(ResolveTest, DotDotStopsAtTheRoot) {
  for (const char* path : {"..", "../..", "a/../..", "a/b/../../../../outside/secret", "../outside", "a/b/../b/../b/c/deep",
                           "file/..", "file/../a", "missing/..", "a/b/c/../../../file"})
    expect_same(path);
  EXPECT_EQ(walked("../../.."), inode("root"));
  EXPECT_EQ(walked("../outside/secret"), "absent");
  EXPECT_EQ(walked("file/.."), "absent");
}

TEST_F(ResolveTest, TrailingSlashesNeedADirectory) {
  link("file", "to_file");
  link("a/b", "to_b");
  link("file/", "to_file_slash");
  link("a/.", "to_a_dot");
  for (const char* path : {"a/", "file/", "file/.", "a/.", "to_file/", "to_b/", "to_b/.", "to_file_slash", "to_a_dot", "to_a_dot/b"}) expect_same(path);
  EXPECT_EQ(walked("to_b/", LastLink::keep), inode("root/a/b"));
}

TEST_F(ResolveTest, LinksStayInTheRoot) {
  link("/a/b", "absolute");
  link("../a/b", "climbing");
  link("a/b", "relative");
  link((top_ / "outside/secret").string(), "named_outside");
  link("../outside/secret", "climbing_out");
  link("/", "to_root");
  link("../../../../../..", "up");
  link("nowhere", "dangling");
  link("file", "to_file");
  for (const char* name : {"absolute", "climbing", "relative", "named_outside", "climbing_out", "to_root", "up", "dangling", "to_file"})
    for (const char* rest : {"", "/c", "/c/deep", "/..", "/../..", "/file", "/missing", "/a/../up/a"}) expect_same(std::string(name) + rest);
  EXPECT_EQ(walked("absolute"), inode("root/a/b"));
  EXPECT_EQ(walked("up/a/b"), inode("root/a/b"));
  EXPECT_EQ(walked("named_outside"), "absent");
  EXPECT_EQ(walked("climbing_out"), "absent");
  EXPECT_EQ(walked("dangling", LastLink::keep), inode("root/dangling"));
}

TEST_F(ResolveTest, LoopsAndLongChainsEndAlike) {
  link("loop", "loop");
  link("pong", "ping");
  link("ping", "pong");
  link("file", "link1");
  for (int i = 2; i <= 60; ++i) link("link" + std::to_string(i - 1), "link" + std::to_string(i));
  for (const char* path : {"loop", "ping", "ping/x", "link39", "link40", "link41", "link42", "link60"}) expect_same(path);
  EXPECT_EQ(walked("link40"), inode("root/file"));
  EXPECT_EQ(walked("link41"), "errno " + std::to_string(ELOOP));
}

TEST_F(ResolveTest, TenThousandComponents) {
  std::string climbing;
  for (int i = 0; i < 200; ++i) climbing += "a/b/../../";
  expect_same(climbing + "file");
  for (int i = 0; i < 4; ++i) climbing += climbing;  // longer than PATH_MAX: only the walker takes it
  EXPECT_EQ(walked(climbing + "file"), inode("root/file"));
  EXPECT_EQ(walked(std::string(300, 'x')), "errno " + std::to_string(ENAMETOOLONG));
}

TEST_F(ResolveTest, ClosedDirectoriesAreErrors) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may search any directory";
  fs::permissions(top_ / "root/a", fs::perms::none);
  expect_same("a/b");
  EXPECT_EQ(walked("a/b"), "errno " + std::to_string(EACCES));
  fs::permissions(top_ / "root/a", fs::perms::owner_all);
}

TEST_F(ResolveTest, MagicLinksAreRefused) {
  root_ = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd reader(ends[0]), writer(ends[1]);
  const std::string fd = "/proc/self/fd/" + std::to_string(reader.get());
  for (const std::string& path : {std::string("/proc/self/exe"), std::string("/proc/self/root/etc"), std::string("/proc/self/cwd"),
                                  std::string("/proc/self/ns/net"), fd, fd + "/x"})
    expect_same(path);
  for (const char* path : {"/proc/self/status", "/proc/mounts", "/proc/net/dev", "/proc/thread-self/comm"}) {
    EXPECT_TRUE(walked(path).starts_with("inode ")) << path << ": " << walked(path);
    EXPECT_TRUE(describe(find_in_root(root_, path)).starts_with("inode ")) << path;
  }
  EXPECT_EQ(walked("/proc/self/exe"), "errno " + std::to_string(ELOOP));
}

// A directory that is moved out of the root and back, and exchanged with a link that climbs, while paths through
// it are resolved: what is found lies in the root, or nothing is found.
TEST_F(ResolveTest, ARenameRaceNeverLeadsOutside) {
  link("../../../../outside", "a/climber");
  fs::create_directories(top_ / "outside/c");
  std::ofstream(top_ / "outside/c/deep") << "outside";
  const std::string here = top_ / "root/a/b", there = top_ / "outside/b", climber = top_ / "root/a/climber";
  const std::jthread mover([&](const std::stop_token& done) {
    while (!done.stop_requested()) {
      ::rename(here.c_str(), there.c_str());
      ::rename(there.c_str(), here.c_str());
      ::renameat2(AT_FDCWD, here.c_str(), AT_FDCWD, climber.c_str(), RENAME_EXCHANGE);
      ::renameat2(AT_FDCWD, here.c_str(), AT_FDCWD, climber.c_str(), RENAME_EXCHANGE);
    }
  });
  const std::string secret = inode("outside/secret"), outside = inode("outside"), top = inode(".");
  int found = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string path = i % 2 == 0 ? "a/b/c/../../../../outside/secret" : "a/b/../../../outside";
    for (const auto& result : {walk_in_root(root_, path, LastLink::follow), find_in_root(root_, path)}) {
      const std::string what = describe(result);
      found += what.starts_with("inode ") ? 1 : 0;
      ASSERT_NE(what, secret);
      ASSERT_NE(what, outside);
      ASSERT_NE(what, top);
      ASSERT_FALSE(what == "errno " + std::to_string(EAGAIN)) << "a race is no reason to fail";
    }
    const std::string up = describe(walk_in_root(root_, "a/b/c/../../..", LastLink::follow));
    ASSERT_TRUE(up == inode("root") || up == "absent") << up;
  }
  EXPECT_EQ(found, 0) << "there is no 'outside' in the root";
}

}  // namespace
}  // namespace sys
