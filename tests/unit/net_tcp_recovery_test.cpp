// Losses on the way to the guest: SACK, duplicate ACKs, tail probes and timeouts.
#include "net_tcp_script.h"

#include <gtest/gtest.h>

using namespace script;

namespace {

// Ten frames of ten segments in flight, each its own letter.
constexpr std::uint32_t frame = 14600;
void fill(Script& s) {
  s.establish();
  s.acks(h, 4000);
  for (char letter = 'a'; letter < 'k'; ++letter) s.gives(std::string(frame, letter));
  s.sent.clear();
}
void sacks(Script& s, std::uint32_t number, std::vector<net::tcp::Block> blocks) {
  Header header{.seq = g, .ack = number, .flags = flag::ack, .window = 4000};
  for (const auto& block : blocks) header.blocks[header.block_count++] = block;
  s.segment(header);
}

}  // namespace

TEST(TcpRecovery, OnlyTheGapsAreSentAgainAndOnce) {
  Script s;
  fill(s);
  sacks(s, h + frame, {{h + 2 * frame, h + 3 * frame}, {h + 4 * frame, h + 5 * frame}});
  ASSERT_EQ(s.sent.size(), 2U);
  EXPECT_EQ(s.sent[0].header.seq, h + frame);
  EXPECT_EQ(s.sent[0].bytes, std::string(frame, 'b'));
  EXPECT_EQ(s.sent[1].header.seq, h + 3 * frame);
  EXPECT_EQ(s.sent[1].bytes, std::string(frame, 'd'));
  sacks(s, h + frame, {{h + 5 * frame, h + 6 * frame}, {h + 2 * frame, h + 3 * frame}, {h + 4 * frame, h + 5 * frame}});
  EXPECT_EQ(s.sent.size(), 2U);
}

TEST(TcpRecovery, FewerThanThreeSegmentsMayBeReordering) {
  Script s;
  fill(s);
  sacks(s, h, {{h + 1460, h + 3 * 1460}});
  EXPECT_TRUE(s.sent.empty());
  sacks(s, h, {{h + 1460, h + 4 * 1460}});
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].bytes.size(), 1460U);
}

TEST(TcpRecovery, ThreeDuplicateAcksSendTheFirstSegmentAgain) {
  Script s;
  fill(s);
  s.acks(h + frame, 4000);
  s.acks(h + frame, 4000);
  s.acks(h + frame, 4000);
  EXPECT_TRUE(s.sent.empty());
  s.acks(h + frame, 4000);
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.seq, h + frame);
  EXPECT_EQ(s.sent[0].bytes, std::string(1460, 'b'));
  s.acks(h + frame + 1460, 4000);
  ASSERT_EQ(s.sent.size(), 2U) << "a partial ACK names the next gap";
  EXPECT_EQ(s.sent[1].header.seq, h + frame + 1460);
}

TEST(TcpRecovery, AWindowUpdateIsNoDuplicateAck) {
  Script s;
  fill(s);
  for (std::uint16_t window = 4001; window < 4010; ++window) s.acks(h + frame, window);
  EXPECT_TRUE(s.sent.empty());
}

TEST(TcpRecovery, ARepairThatIsLostIsNoticedByWhatCameAfter) {
  Script s;
  fill(s);
  sacks(s, h, {{h + frame, h + 2 * frame}});
  ASSERT_EQ(s.sent.size(), 1U);
  s.gives(std::string(frame, 'k'));
  s.sent.clear();
  sacks(s, h, {{h + frame, h + 11 * frame}});
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.seq, h);
}

TEST(TcpRecovery, ATailThatIsLostIsProbedBeforeTheTimeout) {
  Script s;
  fill(s);
  s.pass(50);
  s.acks(h + 9 * frame, 4000);
  EXPECT_TRUE(s.sent.empty());
  s.pass(11 * ms);
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.seq, h + 10 * frame - 1460);
  s.pass(150 * ms);
  EXPECT_EQ(s.sent.size(), 1U) << "one probe, then the timer";
  s.pass(100 * ms);
  ASSERT_EQ(s.sent.size(), 2U);
  EXPECT_EQ(s.sent[1].header.seq, h + 9 * frame);
}

TEST(TcpRecovery, AnAnswerThatTheGuestIsSlowToAcknowledgeIsNotSentTwice) {
  Script s;
  s.establish();
  s.pass(50);
  s.gives("answer");
  s.pass(190 * ms);
  EXPECT_EQ(s.sent.size(), 1U);
}

TEST(TcpRecovery, TimeoutsBackOffAndEndAfterFifteen) {
  Script s;
  s.establish();
  s.gives("lost");
  Time last = s.stack.now, gap = 0;
  for (int i = 0; i < 15; ++i) {
    const std::size_t before = s.sent.size();
    while (s.sent.size() == before) s.pass(10 * ms);
    EXPECT_GE(s.stack.now - last, std::min<Time>(gap, 119 * second));
    gap = (s.stack.now - last) * 19 / 10;
    last = s.stack.now;
    EXPECT_EQ(s.sent.back().bytes, "lost");
  }
  s.pass(130 * second);
  EXPECT_EQ(s.events, "RX");
  EXPECT_TRUE(s.sent.back().header.has(flag::rst));
  EXPECT_EQ(s.pool.bytes_in_use(), 0U);
}

TEST(TcpRecovery, AfterATimeoutTheRestFollowsTheAcks) {
  Script s;
  fill(s);
  s.pass(2 * second);
  ASSERT_GE(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.seq, h + 10 * frame - 1460) << "the tail probe";
  const std::uint64_t timeouts = s.stack.counters.timeouts;
  EXPECT_GT(timeouts, 0U);
  s.sent.clear();
  s.acks(h + 1460, 4000);
  std::string all;
  for (const Sent& sent : s.sent) all += sent.bytes;
  EXPECT_EQ(all.size(), 10U * frame - 1460) << "all up to the end, as nothing was told by SACK";
}

TEST(TcpRecovery, AFinIsSentAgainLikeData) {
  Script s;
  s.establish();
  s.gives("bytes");
  s.c.host_ended();
  s.sent.clear();
  s.pass(250 * ms);
  ASSERT_EQ(s.sent.size(), 2U);
  EXPECT_EQ(s.sent[0].bytes, "bytes");
  EXPECT_TRUE(s.sent[1].header.has(flag::fin));
  EXPECT_EQ(s.sent[1].header.seq, h + 5);
}

TEST(TcpRecovery, WhatTheTapRefusesIsSentAgainByTheTimer) {
  Script s;
  s.establish();
  s.refuse = true;
  s.gives("refused");
  s.refuse = false;
  EXPECT_EQ(s.stack.counters.refused_frames, 1U);
  s.pass(250 * ms);
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].bytes, "refused");
}

TEST(TcpRecovery, BlocksThatLieAreIgnored) {
  Script s;
  fill(s);
  sacks(s, h, {{h + 20 * frame, h + 30 * frame}, {h - 5000, h + 5000}, {h + 5000, h + 5000}, {h + 9000, h + 5000}});
  EXPECT_TRUE(s.sent.empty());
  EXPECT_EQ(s.stack.counters.fast_recoveries, 0U);
}

TEST(TcpRecovery, RangesMergeInAnyOrder) {
  Script s;
  fill(s);
  sacks(s, h, {{h + 6 * frame, h + 7 * frame}, {h + 2 * frame, h + 3 * frame}, {h + 4 * frame, h + 5 * frame}});
  sacks(s, h, {{h + 2 * frame, h + 7 * frame}});
  s.sent.clear();
  sacks(s, h + 2 * frame, {{h + 2 * frame + 1, h + 7 * frame}});
  sacks(s, h + 10 * frame, {});
  EXPECT_EQ(s.pool.nodes_in_use(), 0U);
  EXPECT_EQ(s.pool.bytes_in_use(), 0U);
}
