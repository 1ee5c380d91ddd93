// Files: limits are errors and not truncations, replacing is all or nothing, and what is absent is told from what fails.
#include "sys/file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace sys {
namespace {

namespace fs = std::filesystem;

class SysFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string place = fs::temp_directory_path() / "sbx-file.XXXXXX";
    ASSERT_NE(::mkdtemp(place.data()), nullptr);
    top_ = place;
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(top_, ignored);
  }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(top_ + "/" + name) << content;
    return top_ + "/" + name;
  }
  std::string top_;
};

TEST_F(SysFile, AFileAtItsLimitIsReadAndABiggerOneIsAnError) {
  for (const std::size_t size : {0, 1, 8191, 8192, 8193, 20000}) {
    const std::string content(size, 'x'), file = write("f", content);
    EXPECT_EQ(read_file(file, size == 0 ? 1 : size).value_or("error"), content) << size;
    if (size == 0) continue;
    const auto too_large = read_file(file, size - 1);
    ASSERT_FALSE(too_large) << size;
    EXPECT_EQ(too_large.error().message, file + " is larger than " + std::to_string(size - 1) + " bytes");
  }
}

TEST_F(SysFile, AbsentIsNotFailed) {
  const std::string file = write("f", "x");
  EXPECT_FALSE(*read_file_if_exists(top_ + "/missing", 10));
  EXPECT_FALSE(*read_file_if_exists(file + "/below", 10));
  EXPECT_FALSE(*stat_path(top_ + "/missing"));
  EXPECT_FALSE(*open_if_exists(top_ + "/missing", O_RDONLY));
  EXPECT_FALSE(*read_link(file)) << "not a link";
  const std::string too_long = top_ + "/" + std::string(300, 'x');
  EXPECT_EQ(stat_path(too_long).error().code, ENAMETOOLONG);
  EXPECT_EQ(read_file_if_exists(too_long, 10).error().code, ENAMETOOLONG);
  EXPECT_EQ(read_file(top_, 10).error().code, EISDIR);
  EXPECT_EQ(read_file(top_ + "/a\nb", 10).error().message, "open " + top_ + "/a\\nb: No such file or directory");
}

TEST_F(SysFile, Kinds) {
  const std::string file = write("f", "123");
  fs::create_symlink("f", top_ + "/link");
  EXPECT_EQ((*stat_path(file))->kind, FileKind::file);
  EXPECT_EQ((*stat_path(file))->size, 3U);
  EXPECT_EQ((*stat_path(top_))->kind, FileKind::directory);
  EXPECT_EQ((*stat_path(top_ + "/link"))->kind, FileKind::file);
  EXPECT_EQ((*stat_path(top_ + "/link", false))->kind, FileKind::symlink);
  EXPECT_EQ((*stat_path("/dev/null"))->kind, FileKind::other);
  EXPECT_EQ(**read_link(top_ + "/link"), "f");
  EXPECT_EQ(*real_path(top_ + "/link"), fs::canonical(file).string());
}

TEST_F(SysFile, ReplacingIsAllOrNothing) {
  const std::string file = write("f", "old");
  ASSERT_TRUE(write_file_atomically(file, "new", 0640));
  EXPECT_EQ(*read_file(file, 100), "new");
  EXPECT_EQ((*stat_path(file))->mode & 0640U, (*stat_path(file))->mode);
  fs::create_directory(top_ + "/directory");
  EXPECT_FALSE(write_file_atomically(top_ + "/directory", "x", 0644));
  EXPECT_FALSE(write_file_atomically(top_ + "/missing/f", "x", 0644));
  EXPECT_EQ(*list_directory(top_), (std::vector<std::string>{"directory", "f"})) << "no temporary file is left";
}

TEST_F(SysFile, ATemporaryOfAnotherIsNotTouched) {
  const std::string other = write("f." + std::to_string(::getpid()) + ".tmp", "mine");
  const auto done = write_file_atomically(top_ + "/f", "x", 0644);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, EEXIST);
  EXPECT_EQ(*read_file(other, 100), "mine");
}

TEST_F(SysFile, ADirectoryIsListedSortedAndWhole) {
  std::vector<std::string> names;
  for (int i = 1000; i < 2000; ++i) names.push_back(std::string(50, 'n') + std::to_string(i));
  for (auto name = names.rbegin(); name != names.rend(); ++name) write(*name, "");
  EXPECT_EQ(*list_directory(top_), names) << "more than one block of the kernel's";
  const Fd dir(::open(top_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(*list_directory(dir, "shown"), names);
  EXPECT_EQ(*list_directory(dir, "shown"), names) << "from the start again";
  EXPECT_EQ(list_directory(top_ + "/missing").error().code, ENOENT);
}

TEST_F(SysFile, DirectoriesAreMadeWhereTheyAreMissing) {
  ASSERT_TRUE(make_directories(top_ + "/a/b/c", 0700));
  ASSERT_TRUE(make_directories(top_ + "/a/b/c", 0700));
  EXPECT_EQ((*stat_path(top_ + "/a/b"))->mode, 0700U);
  write("f", "");
  EXPECT_FALSE(make_directories(top_ + "/f/x", 0700));
}

TEST_F(SysFile, NothingIsMadeOverWhatIsThere) {
  const Fd dir(::open(top_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(make_file_at(dir, "f", "content", 0600, "/f"));
  EXPECT_EQ(*read_file(top_ + "/f", 100), "content");
  EXPECT_EQ(make_file_at(dir, "f", "other", 0600, "/shown").error().message, "create /shown: File exists");
  fs::create_symlink("/etc/passwd", top_ + "/link");
  EXPECT_FALSE(make_file_at(dir, "link", "x", 0600, "/link"));
  EXPECT_EQ(make_directory_at(dir, "f", 0755, "/f").error().code, EEXIST);
  ASSERT_TRUE(make_symlink_at(dir, "to", "anywhere", "/to"));
  EXPECT_EQ(**read_link(top_ + "/to"), "anywhere");
}

TEST_F(SysFile, ADeletedWorkingDirectoryIsAnError) {
  const std::string before = fs::current_path(), gone = top_ + "/gone";
  fs::create_directory(gone);
  ASSERT_TRUE(change_directory(gone));
  EXPECT_EQ(*working_directory(), fs::canonical(gone).string());
  fs::remove(gone);
  EXPECT_EQ(working_directory().error().code, ENOENT);
  ASSERT_TRUE(change_directory(before));
}

TEST_F(SysFile, DescriptorsCloseOnExec) {
  const auto fd = open_file("/dev/null", O_RDWR);
  ASSERT_TRUE(fd);
  EXPECT_EQ(::fcntl(fd->get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(stat_fd(900, "descriptor 900").error().code, EBADF);
  const auto full = open_file("/dev/full", O_WRONLY);
  ASSERT_TRUE(full);
  EXPECT_EQ(write_all(full->get(), "/dev/full", "x").error().message, "write /dev/full: No space left on device");
}

}  // namespace
}  // namespace sys
