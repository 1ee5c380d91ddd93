// The origin of a kept overlay: what is written is read again; a line that lacks, or says nothing, is an error.
#include "store/origin.h"

#include <gtest/gtest.h>

namespace store {
namespace {

Origin full() {
  return {.inside = "/home/u/a dir\\", .outside = "/home/u/a\nb \xff", .engine = Engine::fuse, .owners = Owners::range,
          .started = {INT64_MAX, 7}, .device = UINT64_MAX, .inode = 3, .hidden = {"a dir/secret", "\xff\n"}};
}

TEST(StoreOrigin, ComesBackWhole) {
  const auto again = decode_origin(encode(full()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, full());
}

TEST(StoreOrigin, IsReadWithTheEye) {
  Origin origin = full();
  origin.started = {1700000000, 1020};
  EXPECT_EQ(encode(origin), "inside /home/u/a dir\\\\\noutside /home/u/a\\nb \xff\nengine fuse\nmap range\n"
                            "started 1700000000.000001020\ndevice 18446744073709551615\ninode 3\nhidden a dir/secret\nhidden \xff\\n\n");
}

TEST(StoreOrigin, AnotherVersionsKeysAreSkipped) {
  const auto origin = decode_origin("colour green\n" + encode(full()));
  ASSERT_TRUE(origin) << origin.error().message;
  EXPECT_EQ(*origin, full());
}

TEST(StoreOrigin, NothingIsGuessed) {
  const std::string good = encode(full());
  for (const std::string key : {"inside", "outside", "engine", "map", "started", "device", "inode"}) {
    const std::size_t at = good.find(key + " "), end = good.find('\n', at) + 1;
    const auto without = decode_origin(good.substr(0, at) + good.substr(end));
    ASSERT_FALSE(without) << key;
    EXPECT_EQ(without.error().message, "damaged origin: no " + key);
    EXPECT_FALSE(decode_origin(good + good.substr(at, end - at))) << key;
    EXPECT_FALSE(decode_origin(good.substr(0, at) + key + " x\n" + good.substr(end))) << key;
  }
  for (const std::string instant : {"1", "1.2", "1.0000000000", ".000000000", "-1.000000000", "1.00000000x"}) {
    const std::size_t at = good.find("started "), end = good.find('\n', at) + 1;
    EXPECT_FALSE(decode_origin(good.substr(0, at) + "started " + instant + "\n" + good.substr(end))) << instant;
  }
  EXPECT_FALSE(decode_origin(""));
  EXPECT_FALSE(decode_origin("\n"));
}

TEST(StoreOrigin, InstantsAreOrdered) {
  EXPECT_LT((Instant{1, 999'999'999}), (Instant{2, 0}));
  EXPECT_LT((Instant{2, 0}), (Instant{2, 1}));
}

}  // namespace
}  // namespace store
