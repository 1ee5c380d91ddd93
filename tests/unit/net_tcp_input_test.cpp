// What a segment of the guest does: acceptance, windows, bytes early and late, ends and resets.
#include "net_tcp_script.h"

#include <gtest/gtest.h>

using namespace script;

TEST(TcpInput, NothingIsSaidBeforeTheHostHasConnected) {
  Script s;
  s.c.open(Script::syn(), own_isn);
  s.segment(Script::syn());
  EXPECT_TRUE(s.sent.empty());
  s.c.connected();
  ASSERT_EQ(s.sent.size(), 1U);
  const Header& reply = s.sent[0].header;
  EXPECT_EQ(reply.flags, flag::syn | flag::ack);
  EXPECT_EQ(reply.seq, own_isn);
  EXPECT_EQ(reply.ack, g);
  EXPECT_EQ(reply.mss, 1460);
  EXPECT_TRUE(reply.scaled && reply.sack_permitted);
  EXPECT_EQ(reply.scale, 10);
  EXPECT_EQ(s.c.wanted(), 0U) << "nothing is read before the guest has answered";
}

TEST(TcpInput, OptionsThatTheGuestDidNotOfferAreNotSent) {
  Script s;
  s.c.open({.seq = guest_isn, .flags = flag::syn, .window = 64000}, own_isn);
  s.c.connected();
  EXPECT_FALSE(s.sent[0].header.scaled);
  EXPECT_FALSE(s.sent[0].header.sack_permitted);
}

TEST(TcpInput, DataInASynIsNotAcknowledged) {
  Script s;
  s.c.open(Script::syn(), own_isn);
  s.segment(Script::syn(), "fast open");
  s.c.connected();
  EXPECT_EQ(s.sent[0].header.ack, g);
  EXPECT_EQ(s.host, "");
}

TEST(TcpInput, RefusedIsAResetOrSilence) {
  Script refused;
  refused.c.open(Script::syn(), own_isn);
  refused.c.refused(Connection::Refusal::reset);
  ASSERT_EQ(refused.sent.size(), 1U);
  EXPECT_EQ(refused.sent[0].header.flags, flag::rst | flag::ack);
  EXPECT_EQ(refused.sent[0].header.ack, g);
  EXPECT_EQ(refused.events, "X");
  Script silent;
  silent.c.open(Script::syn(), own_isn);
  silent.c.refused(Connection::Refusal::silent);
  EXPECT_TRUE(silent.sent.empty());
  EXPECT_EQ(silent.events, "X");
}

TEST(TcpInput, OneAckForAllSegmentsOfATurn) {
  Script s;
  s.establish();
  for (std::uint32_t i = 0; i < 5; ++i) {
    net::Slice chunk = s.pool.for_frame();
    chunk.keep_front(1000);
    s.c.receive({.seq = g + 1000 * i, .ack = h, .flags = flag::ack, .window = 512}, std::move(chunk));
  }
  EXPECT_TRUE(s.sent.empty());
  s.turn();
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.ack, g + 5000);
  s.turn();
  EXPECT_EQ(s.sent.size(), 1U);
}

TEST(TcpInput, WhatTheSocketDoesNotTakeIsAcknowledgedAndKept) {
  Script s;
  s.establish();
  s.host_room = 3;
  s.data(g, "abcdef");
  EXPECT_EQ(s.host, "abc");
  EXPECT_EQ(s.sent.back().header.ack, g + 6);
  s.data(g + 6, "ghi");
  EXPECT_EQ(s.host, "abc") << "the order is kept";
  ASSERT_FALSE(s.c.to_host().empty());
  EXPECT_EQ(s.c.to_host().first->slice.size(), 6U) << "small remainders share a chunk";
  s.host_room = SIZE_MAX;
  s.c.host_writable();
  EXPECT_EQ(s.host, "abcdefghi");
  EXPECT_EQ(s.pool.bytes_in_use(), 0U);
}

TEST(TcpInput, TheWindowShutsAndItsEdgeNeverGoesLeft) {
  Script s;
  s.establish();
  s.host_room = 0;
  std::uint32_t next = g, edge = 0;
  const std::string block(30000, 'x');
  for (int i = 0; i < 20; ++i) {
    s.data(next, block);
    next = s.sent.back().header.ack;
    EXPECT_TRUE(i == 0 || !net::tcp::before(s.edge(), edge));
    edge = s.edge();
  }
  EXPECT_EQ(s.sent.back().header.window, 0U);
  EXPECT_LE(s.c.held(), Connection::first_window + 16384);
  s.data(next, "more");
  EXPECT_EQ(s.sent.back().header.ack, next) << "nothing behind the window is taken";
  s.sent.clear();
  s.host_room = 1;
  s.c.host_writable();
  s.turn();
  EXPECT_TRUE(s.sent.empty()) << "one byte is no window to tell of";
  s.host_room = SIZE_MAX;
  s.c.host_writable();
  s.turn();
  ASSERT_EQ(s.sent.size(), 1U) << "but room is, at once";
  EXPECT_TRUE(s.sent[0].header.has(flag::ack));
  EXPECT_GT(s.sent[0].header.window, 100U);
  EXPECT_EQ(s.host.size(), next - g);
}

TEST(TcpInput, SingleBytesDoNotCreepPastTheWindow) {
  Script s;
  s.establish();
  s.host_room = 0;
  std::uint32_t next = g;
  while (next < g + 2 * Connection::first_window) {
    s.data(next, "x");
    if (s.sent.back().header.ack == next) break;
    next = s.sent.back().header.ack;
  }
  EXPECT_LE(next - g, Connection::first_window + 17 * 1024);
  EXPECT_LE(s.pool.bytes_in_use(), 2U * Connection::first_window);
}

TEST(TcpInput, TheWindowGrowsWhileTheSocketKeepsUp) {
  Script s;
  s.establish();
  const std::string block(60000, 'x');
  for (std::uint32_t i = 0; i < 400; ++i) s.data(g + i * 60000, block);
  EXPECT_GT(std::uint32_t{s.sent.back().header.window} << 10, 3u << 20);
}

TEST(TcpInput, EarlyBytesAreToldBySackAndGivenInOrder) {
  Script s;
  s.establish();
  s.data(g + 3, "def");
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.ack, g);
  ASSERT_EQ(s.sent[0].header.block_count, 1);
  EXPECT_EQ(s.sent[0].header.blocks[0], (net::tcp::Block{g + 3, g + 6}));
  s.data(g + 9, "jkl");
  EXPECT_EQ(s.sent.back().header.blocks[0], (net::tcp::Block{g + 9, g + 12})) << "the latest comes first";
  EXPECT_EQ(s.sent.back().header.block_count, 2);
  s.data(g + 1, "bcdefg");
  EXPECT_EQ(s.sent.back().header.blocks[0], (net::tcp::Block{g + 1, g + 7}));
  s.data(g, "a");
  EXPECT_EQ(s.host, "abcdefg");
  s.data(g + 5, "fghijk");
  EXPECT_EQ(s.host, "abcdefghijkl");
  EXPECT_EQ(s.sent.back().header.ack, g + 12);
  EXPECT_EQ(s.sent.back().header.block_count, 0);
  EXPECT_EQ(s.pool.nodes_in_use(), 0U);
}

TEST(TcpInput, EarlySegmentThatSpansOthersReplacesThem) {
  Script s;
  s.establish();
  s.data(g + 2, "c");
  s.data(g + 4, "e");
  s.data(g + 1, "bcdef");
  s.data(g, "a");
  EXPECT_EQ(s.host, "abcdef");
  EXPECT_EQ(s.pool.nodes_in_use(), 0U);
}

TEST(TcpInput, WithoutSackEveryEarlySegmentIsADuplicateAck) {
  Script s;
  Header plain = Script::syn();
  plain.sack_permitted = false;
  s.establish(plain);
  for (std::uint32_t i = 1; i <= 3; ++i) s.data(g + 10 * i, "x");
  EXPECT_EQ(s.sent.size(), 3U);
  for (const Sent& sent : s.sent) EXPECT_EQ(sent.header.block_count, 0);
}

TEST(TcpInput, UrgentBytesAreInline) {
  Script s;
  s.establish();
  s.data(g, "ab!c", flag::urg);
  EXPECT_EQ(s.host, "ab!c");
}

TEST(TcpInput, FinCountsOnlyBehindAllBytes) {
  Script s;
  s.establish();
  s.data(g + 3, "def", flag::fin);
  EXPECT_FALSE(s.c.guest_done());
  EXPECT_EQ(s.events, "");
  s.data(g, "abc");
  EXPECT_TRUE(s.c.guest_done());
  EXPECT_EQ(s.host, "abcdef");
  EXPECT_EQ(s.events, "F");
  EXPECT_EQ(s.sent.back().header.ack, g + 7);
}

TEST(TcpInput, FinIsPassedOnWhenTheQueueIsEmpty) {
  Script s;
  s.establish();
  s.host_room = 0;
  s.data(g, "abc", flag::fin);
  EXPECT_EQ(s.sent.back().header.ack, g + 4) << "accepted at once";
  EXPECT_EQ(s.events, "");
  s.host_room = SIZE_MAX;
  s.c.host_writable();
  EXPECT_EQ(s.host, "abc");
  EXPECT_EQ(s.events, "F");
}

TEST(TcpInput, HalfClosedByTheGuestItStillReceives) {
  Script s;
  s.establish();
  s.data(g, "request", flag::fin);
  s.guest_next = g + 8;
  s.sent.clear();
  EXPECT_NE(s.c.wanted(), 0U);
  s.gives("answer");
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].bytes, "answer");
  s.acks(h + 6);
  s.c.host_ended();
  EXPECT_TRUE(s.sent.back().header.has(flag::fin));
  EXPECT_EQ(s.sent.back().header.seq, h + 6);
  s.acks(h + 7);
  EXPECT_EQ(s.events, "FCX") << "the guest ended first: nothing to wait for";
}

TEST(TcpInput, HalfClosedByTheHostItStillSends) {
  Script s;
  s.establish();
  s.c.host_ended();
  s.acks(h + 1);
  s.data(g, "more");
  EXPECT_EQ(s.host, "more");
  s.data(g + 4, "", flag::fin);
  EXPECT_EQ(s.c.state(), State::time_wait);
  EXPECT_EQ(s.events, "FC");
  EXPECT_EQ(s.sent.back().header.ack, g + 5);
  s.sent.clear();
  s.data(g + 4, "", flag::fin);
  ASSERT_EQ(s.sent.size(), 1U) << "a late FIN is acknowledged again";
  EXPECT_EQ(s.sent[0].header.ack, g + 5);
  s.pass(1900 * ms);
  EXPECT_EQ(s.events, "FC");
  s.pass(200 * ms);
  EXPECT_EQ(s.events, "FCX");
}

TEST(TcpInput, BothMayEndAtTheSameTime) {
  Script s;
  s.establish();
  s.c.host_ended();
  s.data(g, "", flag::fin);              // does not acknowledge ours
  EXPECT_EQ(s.c.state(), State::established);
  s.guest_next = g + 1;
  s.acks(h + 1);
  EXPECT_EQ(s.c.state(), State::time_wait);
}

TEST(TcpInput, ALaterSynReplacesTimeWait) {
  Script s;
  s.establish();
  s.c.host_ended();
  s.acks(h + 1);
  s.data(g, "", flag::fin);
  Header again = Script::syn();
  again.seq = g - 100;
  EXPECT_EQ(s.segment(again), Connection::Received::done) << "an old one does not";
  again.seq = g + 1000;
  EXPECT_EQ(s.segment(again), Connection::Received::reopen);
  EXPECT_EQ(s.events, "FCX");
}

TEST(TcpInput, OnlyAnExactResetIsObeyed) {
  Script s;
  s.establish();
  s.segment({.seq = g + 500, .flags = flag::rst});
  EXPECT_EQ(s.events, "");
  ASSERT_EQ(s.sent.size(), 1U) << "asked about, RFC 5961";
  EXPECT_EQ(s.sent[0].header.flags, flag::ack);
  s.sent.clear();
  s.segment({.seq = g - 1, .flags = flag::rst});
  EXPECT_TRUE(s.sent.empty());
  s.segment({.seq = g, .flags = flag::rst});
  EXPECT_EQ(s.events, "RX");
  EXPECT_TRUE(s.sent.empty()) << "a RST is not answered";
}

TEST(TcpInput, ASynInsideIsChallenged) {
  Script s;
  s.establish();
  Header again = Script::syn();
  again.seq = g + 100;
  s.segment(again);
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.flags, flag::ack);
  EXPECT_EQ(s.events, "");
}

TEST(TcpInput, AckOfWhatWasNotSentIsChallengedAndItsDataDropped) {
  Script s;
  s.establish();
  s.segment({.seq = g, .ack = h + 1, .flags = flag::ack, .window = 512}, "evil");
  EXPECT_EQ(s.host, "");
  s.segment({.seq = g, .ack = h - 0x70000000, .flags = flag::ack, .window = 512}, "evil");
  EXPECT_EQ(s.host, "");
  EXPECT_EQ(s.stack.counters.challenge_acks, 2U);
}

TEST(TcpInput, AKeepaliveProbeIsAnsweredAndItsWindowCounts) {
  Script s;
  s.establish();
  s.data(g, "abc");
  s.guest_next = g + 3;
  s.acks(h, 0);
  EXPECT_EQ(s.c.wanted(), 0U);
  s.sent.clear();
  s.segment({.seq = g + 2, .ack = h, .flags = flag::ack, .window = 512});
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.ack, g + 3);
  EXPECT_EQ(s.events, "K");
  EXPECT_NE(s.c.wanted(), 0U);
}

TEST(TcpInput, AZeroWindowProbeIsAnsweredAndNotTaken) {
  Script s;
  s.establish();
  s.host_room = 0;
  std::uint32_t next = g;
  const std::string block(30000, 'x');
  do s.data(next, block), next = s.sent.back().header.ack;
  while (s.sent.back().header.window != 0);
  s.sent.clear();
  s.data(next, "y");
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.ack, next);
}

TEST(TcpInput, ASocketThatFailsIsReadOutFirst) {
  Script s;
  s.establish();
  s.fails = true;
  s.data(g, "lost");
  EXPECT_EQ(s.events, "");
  EXPECT_NE(s.c.wanted(), 0U);
  s.gives("last words");
  EXPECT_EQ(s.sent.back().bytes, "last words");
  s.c.host_ended();
  EXPECT_TRUE(s.sent.back().header.has(flag::rst)) << "not an orderly end";
  EXPECT_EQ(s.events, "CX");
}

TEST(TcpInput, AVisitorIsTurnedAwayByTheGuestsReset) {
  Script s;
  s.c.open_inbound(own_isn);
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.flags, flag::syn);
  s.segment({.seq = 0, .ack = own_isn, .flags = flag::rst | flag::ack});
  EXPECT_EQ(s.events, "") << "not for our SYN";
  s.segment({.seq = 0, .ack = h, .flags = flag::rst | flag::ack});
  EXPECT_EQ(s.events, "RX");
}

TEST(TcpInput, TheLastChunksAreForReadingOnly) {
  Script s(2u << 20);
  s.establish();
  std::vector<net::Slice> all;
  while (net::Slice chunk = s.pool.large()) all.push_back(std::move(chunk));
  const std::string block(20000, 'x');
  for (std::uint32_t i = 1; i < 20; ++i) s.data(g + i * 20000, block);
  for (std::size_t i = 0; i < net::Pool::frame_reserve; ++i) {
    all.push_back(s.pool.for_frame());
    EXPECT_TRUE(all.back());
  }
  all.clear();
  s.data(g, block);
  EXPECT_GE(s.host.size(), block.size());
}
