// The table of flows against a map, with numbers that come again and generations that tell.
#include "net/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace {

net::FlowKey key(unsigned inside_port, unsigned outside) {
  return {{net::Address::from_v4(0x0a000002), static_cast<std::uint16_t>(inside_port)},
          {net::Address::from_v4(0x01000000 + outside / 8), static_cast<std::uint16_t>(outside % 8)}};
}

net::FlowTable make(std::size_t capacity) {
  auto made = net::FlowTable::make(capacity, {3, 4}, "flows");
  EXPECT_TRUE(made);
  return std::move(*made);
}

}  // namespace

TEST(FlowTable, FindsWhatWasAdded) {
  net::FlowTable table = make(8);
  const auto one = table.add(key(1, 1)), two = table.add(key(2, 1));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(table.find(key(1, 1)), one);
  EXPECT_EQ(table.find(key(2, 1)), two);
  EXPECT_FALSE(table.find(key(3, 1)));
  EXPECT_EQ(table.key(*two), key(2, 1));
  EXPECT_EQ(table.size(), 2U);
}

TEST(FlowTable, EveryPartOfTheKeyCounts) {
  net::FlowTable table = make(8);
  net::FlowKey other = key(1, 1);
  ASSERT_TRUE(table.add(other));
  other.inside.address.bytes[15] ^= 1;
  EXPECT_FALSE(table.find(other));
  other = key(1, 1), other.outside.address.bytes[3] ^= 1;
  EXPECT_FALSE(table.find(other));
  other = key(1, 1), ++other.outside.port;
  EXPECT_FALSE(table.find(other));
}

TEST(FlowTable, FullIsFullUntilANumberIsReleased) {
  net::FlowTable table = make(2);
  const auto one = table.add(key(1, 0));
  ASSERT_TRUE(one && table.add(key(2, 0)));
  EXPECT_FALSE(table.add(key(3, 0)));
  table.remove(*one);
  EXPECT_FALSE(table.find(key(1, 0)));
  EXPECT_FALSE(table.add(key(3, 0)));  // an event of this turn may still name it
  table.release(*one);
  EXPECT_EQ(table.add(key(3, 0)), one);
}

TEST(FlowTable, AnOldEventIsNotTheNewFlows) {
  net::FlowTable table = make(1);
  const auto id = table.add(key(1, 0));
  ASSERT_TRUE(id);
  const std::uint32_t generation = table.generation(*id);
  EXPECT_TRUE(table.is_live(*id, generation));
  table.remove(*id);
  EXPECT_FALSE(table.is_live(*id, generation));
  table.release(*id);
  ASSERT_EQ(table.add(key(2, 0)), id);
  EXPECT_FALSE(table.is_live(*id, generation));
  EXPECT_TRUE(table.is_live(*id));
  EXPECT_FALSE(table.is_live(17, 0));
}

TEST(FlowTable, LikeAMap) {
  std::mt19937 random(11);
  net::FlowTable table = make(200);
  std::map<unsigned, net::FlowTable::Id> model;
  for (int step = 0; step < 50'000; ++step) {
    const auto which = static_cast<unsigned>(random() % 300);
    const auto found = table.find(key(which, which));
    ASSERT_EQ(found.has_value(), model.contains(which));
    if (found) {
      ASSERT_EQ(*found, model[which]);
      table.remove(*found);
      table.release(*found);
      model.erase(which);
    } else if (const auto id = table.add(key(which, which))) {
      model[which] = *id;
    } else {
      ASSERT_EQ(model.size(), 200U);
    }
    ASSERT_EQ(table.size(), model.size());
  }
}
