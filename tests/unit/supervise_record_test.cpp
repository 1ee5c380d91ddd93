// The record of a named sandbox: what is written is read again, whatever is in it; damage is an error.
#include "supervise/record.h"

#include <gtest/gtest.h>

namespace supervise {
namespace {

Record full() {
  return {.status = Status::ended, .command = {"sh", "-c", "echo a\necho \\n b", "", " "}, .profiles = {"base", "dev"},
          .workdir = "/a dir\\", .joined = "web", .cgroup = "/sys/fs/cgroup/x/sbx-1-2", .started = 1, .ended = INT64_MAX, .init = 7, .detached = true,
          .code = 137, .reason = "signaled"};
}

TEST(SuperviseRecord, ComesBackWhole) {
  for (const Status status : {Status::starting, Status::running, Status::paused, Status::ended}) {
    Record record = full();
    record.status = status;
    if (status != Status::ended) record.code = 0;
    const auto again = decode_record(encode(record));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, record);
  }
  EXPECT_EQ(*decode_record(encode(Record{})), Record{});
  EXPECT_EQ(*decode_record(""), Record{});
}

TEST(SuperviseRecord, IsOneLinePerValue) {
  const std::string text = encode(full());
  EXPECT_TRUE(text.starts_with("status ended\nstarted 1\n")) << text;
  EXPECT_NE(text.find("command echo a\\necho \\\\n b\n"), std::string::npos) << text;
}

TEST(SuperviseRecord, AnotherVersionsKeysAreSkipped) {
  const auto record = decode_record("colour green\nstatus paused\n");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->status, Status::paused);
}

TEST(SuperviseRecord, DamageIsAnError) {
  for (const char* text : {"status", "status asleep\n", "started x\n", "started -1\n", "init 99999999999\n", "\n", "a\x01\n"})
    EXPECT_FALSE(decode_record(text)) << text;
}

}  // namespace
}  // namespace supervise
