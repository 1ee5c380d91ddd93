// Whole connections in the simulated world: byte-exact both ways for many seeds, and every way to end.
#include "net_tcp_world.h"

#include <gtest/gtest.h>

namespace {

using world::Options;
using world::World;
constexpr net::tcp::Time second = 1000000;

// Both directions to their end; everything delivered, closed, and all memory back.
void expect_complete(const Options& options) {
  World w(options);
  w.start();
  w.run(3600 * second);
  SCOPED_TRACE("seed " + std::to_string(options.seed));
  EXPECT_EQ(w.fault, "");
  EXPECT_EQ(w.host_received, options.upload);
  EXPECT_EQ(w.guest.received, options.download);
  EXPECT_TRUE(w.finished);
  EXPECT_TRUE(w.guest.fin_received);
  EXPECT_TRUE(w.host_closed);
  EXPECT_FALSE(w.host_was_reset);
  EXPECT_TRUE(w.is_closed) << "at " << w.stack.now << " after " << w.steps << " steps, state " << static_cast<int>(w.connection->state());
  EXPECT_EQ(w.pool.bytes_in_use(), 0U);
  EXPECT_EQ(w.pool.nodes_in_use(), 0U);
}

}  // namespace

TEST(Tcp, CleanPathCarriesBothWaysWithoutRetransmission) {
  for (const bool v6 : {false, true}) {
    Options options{.v6 = v6, .mss = static_cast<std::uint16_t>(v6 ? 1440 : 1460), .upload = 5'000'000, .download = 5'000'000};
    World w(options);
    w.start();
    w.run(60 * second);
    EXPECT_EQ(w.fault, "");
    EXPECT_EQ(w.host_received, options.upload);
    EXPECT_EQ(w.guest.received, options.download);
    EXPECT_EQ(w.stack.counters.retransmitted, 0U);
    EXPECT_EQ(w.guest.retransmits, 0U);
    EXPECT_TRUE(w.is_closed);
    EXPECT_EQ(w.pool.bytes_in_use(), 0U);
  }
}

TEST(Tcp, EmptyStreamsOpenAndClose) { expect_complete({}); }

TEST(Tcp, SurvivesLossReorderingAndDuplication) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    world::Random dice(seed);
    expect_complete({.seed = seed, .v6 = dice.chance(500), .sack = dice.chance(700), .scaled = dice.chance(800),
                     .mss = static_cast<std::uint16_t>(dice.chance(500) ? 1440 : 536), .upload = dice.below(600'000),
                     .download = dice.below(600'000), .loss = static_cast<unsigned>(dice.below(60)),
                     .doubled = static_cast<unsigned>(dice.below(40)), .reordered = static_cast<unsigned>(dice.below(200)),
                     .frame_segments = static_cast<unsigned>(1 + dice.below(44)), .split = dice.chance(500)});
  }
}

TEST(Tcp, SurvivesSlowReadersAndZeroWindows) {
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    world::Random dice(seed);
    expect_complete({.seed = seed, .v6 = dice.chance(500), .upload = dice.below(800'000), .download = dice.below(800'000),
                     .loss = static_cast<unsigned>(dice.chance(500) ? dice.below(30) : 0),
                     .guest_buffer = static_cast<std::uint32_t>(2000 + dice.below(60'000)), .guest_pauses = 30, .host_pauses = 30,
                     .host_buffer = static_cast<std::uint32_t>(1 + dice.below(20'000))});
  }
}

TEST(Tcp, SurvivesAShrinkingWindow) {
  for (std::uint64_t seed = 200; seed < 230; ++seed) {
    world::Random dice(seed);
    expect_complete({.seed = seed, .upload = dice.below(100'000), .download = dice.below(500'000),
                     .loss = static_cast<unsigned>(dice.chance(300) ? dice.below(30) : 0),
                     .guest_buffer = 60'000, .guest_pauses = 20, .shrinks = true});
  }
}

TEST(Tcp, SurvivesAPoolThatIsTooSmall) {
  for (std::uint64_t seed = 300; seed < 315; ++seed)
    expect_complete({.seed = seed, .upload = 1'500'000, .download = 500'000, .loss = 10, .host_pauses = 30,
                     .host_buffer = 5000, .pool_bytes = 2u << 20});
}

TEST(Tcp, VisitorsOfAPublishedPortAreCarried) {
  for (std::uint64_t seed = 400; seed < 410; ++seed)
    expect_complete({.seed = seed, .v6 = seed % 2 == 0, .sack = seed % 3 != 0, .scaled = seed % 4 != 0, .inbound = true,
                     .upload = 200'000, .download = 200'000, .loss = 20});
}
