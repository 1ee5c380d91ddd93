// The journal of a commit and the list of what it left: what is written is read again, and no path leads out.
#include "store/journal.h"

#include <gtest/gtest.h>

namespace store {
namespace {

const std::string token = "0123456789abcdef";

TEST(StoreJournal, ComesBackWhole) {
  const Journal journal{.token = token, .force = true, .privileged = true, .paths = {"a", "a/b\nc", "\xff \\n"}};
  const auto again = decode_journal(encode(journal));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, journal);
  EXPECT_EQ(again->temporary(), ".sbx-0123456789abcdef");
}

TEST(StoreJournal, NoPathLeadsOut) {
  for (const char* path : {"/etc", "../a", "a/../b", "a/./b", "a//b", "a/", ".", "..", ""}) {
    EXPECT_FALSE(is_inner_path(path)) << path;
    EXPECT_FALSE(decode_journal("token " + token + "\npath " + path + "\n")) << path;
  }
  for (const char* path : {"a", "a/b", "...", "..a", "a/.b"}) EXPECT_TRUE(is_inner_path(path)) << path;
}

TEST(StoreJournal, DamageIsAnError) {
  for (const char* text : {"", "token\n", "token /../../etc/passwd\n", "token 0123\n", "token 0123456789ABCDEF\n", "path a\n"})
    EXPECT_FALSE(decode_journal(text)) << text;
}

TEST(StoreJournal, LedgerComesBackWhole) {
  const Ledger ledger{{"", {1, 2}}, {"a/b", {INT64_MAX, 999'999'999}}, {"c\nd", {0, 0}}};
  const auto again = decode_ledger(encode(ledger));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, ledger);
  for (const char* text : {"1 a\n", "1.000000000 /etc\n", "1.000000000 ..\n", "x\n"}) EXPECT_FALSE(decode_ledger(text)) << text;
}

}  // namespace
}  // namespace store
