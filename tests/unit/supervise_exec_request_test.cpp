// A request for a command: what is sent arrives, and damage is noticed.
#include "supervise/exec_request.h"

#include <gtest/gtest.h>

#include <random>

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
