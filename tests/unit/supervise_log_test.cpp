// The log of a detached sandbox: all of a little, the end of much, and no writer that waits.
#include "supervise/log.h"

#include "sys/file.h"
#include "sys/process.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace supervise {
namespace {

namespace fs = std::filesystem;

class SuperviseLog : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/sbx-log-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    directory_ = *sys::open_file(path_, O_RDONLY | O_DIRECTORY);
    auto ends = *sys::make_pipe("test");
    writer_ = std::move(ends.second);
    log_ = *Log::open(directory_, std::move(ends.first));
  }
  void TearDown() override { fs::remove_all(path_); }
  void write(std::string_view bytes) { ASSERT_TRUE(sys::write_all(writer_.get(), "pipe", bytes)); }
  std::string content(const char* name) { return *sys::read_file(path_ + "/" + name, 1 << 25); }

  std::string path_;
  sys::Fd directory_, writer_;
  Log log_;
};

TEST_F(SuperviseLog, TakesWhatIsThere) {
  write("one\n");
  EXPECT_TRUE(log_.copy(directory_));
  write("two\n");
  EXPECT_TRUE(log_.drain(directory_));
  EXPECT_EQ(content("log"), "one\ntwo\n");
  writer_.reset();
  EXPECT_TRUE(log_.copy(directory_));
  EXPECT_FALSE(log_.source().valid());
}

TEST_F(SuperviseLog, KeepsTheEndOfMuch) {
  const std::string block(32 << 10, 'x');
  constexpr std::uint64_t blocks = 3 * most_log_bytes / (32 << 10);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    write(block);
    ASSERT_TRUE(log_.copy(directory_));
  }
  write("last\n");
  ASSERT_TRUE(log_.drain(directory_));
  EXPECT_EQ(content("log"), "last\n");
  EXPECT_EQ(content("log.1").size(), most_log_bytes);
  EXPECT_FALSE(log_.lost());
}

TEST_F(SuperviseLog, WhatCannotBeWrittenIsTold) {
  fs::remove_all(path_ + "/log");
  const std::string block(32 << 10, 'x');
  for (std::uint64_t i = 0; i <= most_log_bytes / block.size(); ++i) {  // the full one cannot be renamed
    write(block);
    ASSERT_TRUE(log_.copy(directory_));
  }
  EXPECT_TRUE(log_.lost());
}

}  // namespace
}  // namespace supervise
