// The table of pins: lifetimes, several names for an address, and who goes when it is full.
#include "net/pins.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

using net::Address;
using net::Pins;

namespace {

Address number(std::uint32_t value) { return Address::from_v4(0x01000000 + value); }

constexpr net::Milliseconds second = 1000;

}  // namespace

TEST(NetPins, AnAnswerHoldsForItsTtlAndTheGrace) {
  Pins pins;
  pins.add("a.example", number(1), 120, 0);
  EXPECT_TRUE(pins.has("a.example", number(1), 0));
  EXPECT_TRUE(pins.has("a.example", number(1), (120 + 300) * second - 1));
  EXPECT_FALSE(pins.has("a.example", number(1), (120 + 300) * second));
  EXPECT_FALSE(pins.has("a.example", number(2), 0));
  EXPECT_FALSE(pins.has("b.example", number(1), 0));
}

TEST(NetPins, LifetimesHaveBounds) {
  Pins pins;
  pins.add("short.example", number(1), 0, 0);
  EXPECT_TRUE(pins.has("short.example", number(1), (60 + 300) * second - 1));
  EXPECT_FALSE(pins.has("short.example", number(1), (60 + 300) * second));
  pins.add("long.example", number(2), 0x7fffffff, 0);
  EXPECT_TRUE(pins.has("long.example", number(2), (3600 + 300) * second - 1));
  EXPECT_FALSE(pins.has("long.example", number(2), (3600 + 300) * second));
}

TEST(NetPins, AShorterAnswerDoesNotShorten) {
  Pins pins;
  pins.add("a.example", number(1), 3600, 0);
  pins.add("A.Example.", number(1), 1, second);
  EXPECT_EQ(pins.count(), 1U);
  EXPECT_TRUE(pins.has("a.example", number(1), 3600 * second));
}

TEST(NetPins, AnAddressKeepsAllItsNames) {
  Pins pins;
  pins.add("a.example", number(1), 60, 0);
  pins.add("b.example", number(1), 60, 0);
  EXPECT_TRUE(pins.has("a.example", number(1), 0));
  EXPECT_TRUE(pins.has("b.example", number(1), 0));
  std::string seen;
  pins.find(number(1), 0, [&](std::string_view name) { return seen += std::string(name) + " ", false; });
  EXPECT_EQ(seen, "b.example a.example ");
}

TEST(NetPins, WhatIsUsedLivesOn) {
  Pins pins;
  pins.add("a.example", number(1), 60, 0);
  pins.add("b.example", number(1), 60, 0);
  pins.keep(number(1), 359 * second, [](std::string_view name) { return name == "a.example"; });
  EXPECT_TRUE(pins.has("a.example", number(1), (359 + 300) * second - 1));
  EXPECT_FALSE(pins.has("b.example", number(1), 360 * second));
}

TEST(NetPins, ANameHasAtMost64Addresses) {
  Pins pins;
  pins.add("other.example", number(1000), 60, 0);
  for (std::uint32_t i = 0; i < 64; ++i) pins.add("s3.example", number(i), 60, 0);
  pins.add("s3.example", number(0), 60, 0);    // used again: 1 is the oldest now
  pins.add("s3.example", number(64), 60, 0);
  EXPECT_EQ(pins.count(), 65U);
  EXPECT_TRUE(pins.has("s3.example", number(0), 0));
  EXPECT_FALSE(pins.has("s3.example", number(1), 0));
  EXPECT_TRUE(pins.has("s3.example", number(2), 0));
  EXPECT_TRUE(pins.has("s3.example", number(64), 0));
  EXPECT_TRUE(pins.has("other.example", number(1000), 0));
}

TEST(NetPins, AFullTableLosesTheOldest) {
  Pins pins(4, 3);
  pins.add("a.example", number(1), 60, 0);
  pins.add("b.example", number(2), 60, 0);
  pins.add("b.example", number(3), 60, 0);
  pins.add("c.example", number(4), 60, 0);
  pins.add("a.example", number(1), 60, 0);     // b's first is the oldest
  pins.add("c.example", number(5), 60, 0);
  EXPECT_FALSE(pins.has("b.example", number(2), 0));
  EXPECT_TRUE(pins.has("b.example", number(3), 0));
  EXPECT_EQ(pins.count(), 4U);
  pins.add("d.example", number(6), 60, 0);     // no name is left: b goes
  EXPECT_FALSE(pins.has("b.example", number(3), 0));
  EXPECT_TRUE(pins.has("a.example", number(1), 0));
  EXPECT_TRUE(pins.has("d.example", number(6), 0));
}

TEST(NetPins, ATableOfNothingButOneNamesPins) {
  Pins pins(2, 1);
  for (std::uint32_t i = 0; i < 10; ++i) {
    pins.add(i % 3 == 0 ? "a.example" : "b.example", number(i), 60, 0);
    EXPECT_TRUE(pins.has(i % 3 == 0 ? "a.example" : "b.example", number(i), 0));
  }
}

// Against a plain list: whatever the table says it has was added and not taken away, and the newest is always there.
TEST(NetPins, StaysWholeUnderChurn) {
  Pins pins(64, 16);
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    const std::string name = "n" + std::to_string(random() % 24);
    const Address address = number(static_cast<std::uint32_t>(random() % 96));
    const auto now = static_cast<net::Milliseconds>(round);
    if (random() % 4 == 0) {
      pins.keep(address, now, [&](std::string_view one) { return one == name; });
    } else {
      pins.add(name, address, 60, now);
      ASSERT_TRUE(pins.has(name, address, now));
    }
    ASSERT_LE(pins.count(), 64U);
  }
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < 96; ++i) pins.find(number(i), 0, [&](std::string_view) { return ++found, false; });
  EXPECT_EQ(found, pins.count());
}
