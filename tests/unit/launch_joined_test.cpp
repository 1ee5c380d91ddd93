// What a launcher says about its sandbox arrives whole, and damage is noticed.
#include "launch/joined.h"

#include <gtest/gtest.h>

#include <random>

namespace launch {
namespace {

Joined full() {
  Joined joined;
  joined.instance = "1763803281000000", joined.hostname = "web", joined.names = {"web", "db_1", "a.b"}, joined.joins = "first";
  joined.identity = {.writer = plan::MapWriter::init, .uids = {{0, 1000, 1}, {1, 4'000'000'000U, 65536}}, .gids = {{0, 1001, 1}},
                     .uid = 0, .gid = 4'294'967'294U, .switch_ids = true, .drop_groups = false};
  joined.nested_userns = true, joined.ipv6 = true, joined.mode = plan::NetworkMode::user;
  joined.addressing.guest4 = net::Address::from_v4(0x0a000202), joined.addressing.host6 = net::Address{{0xfd, 1}};
  return joined;
}

TEST(LaunchJoined, ComesBack) {
  const auto back = decode_joined(encode(full()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->instance, full().instance);
  EXPECT_EQ(back->hostname, "web");
  EXPECT_EQ(back->names, full().names);
  EXPECT_EQ(back->joins, "first");
  EXPECT_EQ(back->identity.uids, full().identity.uids);
  EXPECT_EQ(back->identity.gids, full().identity.gids);
  EXPECT_EQ(back->identity.gid, full().identity.gid);
  EXPECT_TRUE(back->identity.switch_ids && back->nested_userns && back->ipv6);
  EXPECT_FALSE(back->identity.drop_groups);
  EXPECT_EQ(back->mode, plan::NetworkMode::user);
  EXPECT_EQ(back->addressing.guest4, full().addressing.guest4);
  EXPECT_EQ(back->addressing.host6, full().addressing.host6);
}

TEST(LaunchJoined, WhatIsCutOffOrTooLongIsDamage) {
  const std::string bytes = encode(full());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_joined(std::string_view(bytes).substr(0, size))) << size;
  EXPECT_FALSE(decode_joined(bytes + "x"));
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto decoded = decode_joined(damaged);
    EXPECT_TRUE(!decoded || encode(*decoded) == damaged);
  }
}

// They are written to files in which a line has a meaning.
TEST(LaunchJoined, NamesAreNames) {
  for (const char* bad : {"", "a b", "a\n127.0.0.1 bank.example", "-a", "../a"}) {
    Joined joined = full();
    joined.names.emplace_back(bad);
    EXPECT_FALSE(decode_joined(encode(joined))) << bad;
    joined = full(), joined.hostname = bad;
    EXPECT_FALSE(decode_joined(encode(joined))) << bad;
  }
}

}  // namespace
}  // namespace launch
