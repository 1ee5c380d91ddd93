// A request for a command: what is sent arrives, and damage is noticed.
#include "supervise/exec_request.h"

#include "sys/memory.h"
#include "sys/process.h"

#include <gtest/gtest.h>

#include <random>
#include <sys/stat.h>

namespace supervise {
namespace {

ExecRequest full() {
  return {.argv = {"sh", "-c", std::string("a\0b", 3), ""}, .environment = {"A=1", "B="}, .workdir = "/tmp", .terminal = true,
          .terminal_for_all = false};
}

TEST(SuperviseExecRequest, ComesBack) {
  const auto decoded = decode_exec_request(encode(full()));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->argv, full().argv);
  EXPECT_EQ(decoded->environment, full().environment);
  EXPECT_EQ(decoded->workdir, "/tmp");
  EXPECT_TRUE(decoded->terminal);
  EXPECT_FALSE(decoded->terminal_for_all);
}

TEST(SuperviseExecRequest, WithoutACommandOrCutOffOrTooLongIsDamage) {
  EXPECT_FALSE(decode_exec_request(encode(ExecRequest{.argv = {}, .environment = {}, .workdir = {}})));
  const std::string whole = encode(full());
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_exec_request(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(decode_exec_request(whole + "x"));
}

ino_t inode_of(const sys::Fd& file) {
  struct stat facts{};
  return ::fstat(file.get(), &facts) == 0 ? facts.st_ino : 0;
}

TEST(SuperviseExecRequest, LongOrShortItComesWithItsDescriptors) {
  auto flag = sys::make_memory_file("flag", "", sys::MemoryFile::content);
  ASSERT_TRUE(flag);
  for (const std::size_t size : {std::size_t{1}, std::size_t{8} << 10, std::size_t{1} << 20}) {
    ExecRequest asked = full();
    asked.workdir = "/" + std::string(size, 'd');
    auto request = pack(asked, *flag);
    ASSERT_TRUE(request);
    EXPECT_LT(encode(*request).size(), 16U << 10) << "it fits a message";
    const auto received = unpack(*request);
    ASSERT_TRUE(received) << received.error().message;
    EXPECT_EQ(received->request.workdir, asked.workdir);
    for (int number = 0; number < 3; ++number) {
      struct stat own{};
      ASSERT_EQ(::fstat(number, &own), 0);
      EXPECT_EQ(inode_of(received->standard[static_cast<std::size_t>(number)]), own.st_ino);
    }
    EXPECT_EQ(inode_of(received->begun), inode_of(*flag));
  }
}

TEST(SuperviseExecRequest, WithOtherDescriptorsItIsDamage) {
  auto flag = sys::make_memory_file("flag", "", sys::MemoryFile::content);
  ASSERT_TRUE(flag);
  for (const int more : {-1, 1}) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{1} << 20}) {
      ExecRequest asked = full();
      asked.workdir = "/" + std::string(size, 'd');
      auto request = pack(asked, *flag);
      ASSERT_TRUE(request);
      if (more < 0) request->attached.pop_back();
      else request->attached.push_back(std::move(*sys::duplicate(0)));
      EXPECT_FALSE(unpack(*request)) << more << " " << size;
    }
  }
  auto two = pack(full(), *flag);
  ASSERT_TRUE(two);
  two->words.push_back(two->words[0]);
  EXPECT_FALSE(unpack(*two));
}

TEST(SuperviseExecRequest, RandomDamageIsAnErrorOrARequest) {
  std::mt19937 random(1);
  const std::string whole = encode(full());
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto request = decode_exec_request(bytes);
    EXPECT_TRUE(!request || !request->argv.empty());
  }
}

}  // namespace
}  // namespace supervise
