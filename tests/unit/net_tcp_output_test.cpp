// What is read from the host, when, and how it goes to the guest.
#include "net_tcp_script.h"

#include <gtest/gtest.h>

using namespace script;

TEST(TcpOutput, OneFrameCarriesWholeSegmentsAndNoCopy) {
  Script s;
  s.establish();
  s.acks(h, 4000);
  EXPECT_EQ(s.c.wanted() % 1460, 0U);
  const std::size_t wanted = std::min(s.c.wanted(), s.c.frame_limit());
  EXPECT_EQ(wanted, 44U * 1460);
  net::Slice chunk = s.pool.large();
  chunk.drop_front(net::Pool::headroom);
  chunk.keep_front(wanted);
  const std::size_t used = s.pool.bytes_in_use();
  s.c.take(std::move(chunk), true);
  EXPECT_EQ(s.sent.size(), 0U) << "before the end of the turn";
  s.turn();
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].bytes.size(), wanted);
  EXPECT_EQ(s.sent[0].gso, 1460);
  EXPECT_EQ(s.pool.bytes_in_use(), used);
  EXPECT_TRUE(s.sent[0].header.has(flag::ack));
}

TEST(TcpOutput, PushOnTheLastOfABurstOnly) {
  Script s;
  s.establish();
  s.acks(h, 4000);
  for (const bool last : {false, true}) {
    for (const std::size_t size : {s.c.frame_limit(), std::size_t{10000}}) {
      net::Slice chunk = s.pool.large();
      chunk.keep_front(size);
      s.c.take(std::move(chunk), last && size == 10000);
    }
    s.turn();
  }
  ASSERT_EQ(s.sent.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(s.sent[i].header.has(flag::psh), i == 3) << i;
}

TEST(TcpOutput, TheGuestsWindowAndMssAreKept) {
  Script s;
  Header small = Script::syn();
  small.mss = 500;
  s.establish(small);
  EXPECT_EQ(s.c.wanted() % 500, 0U);
  s.acks(h, 5);                           // 640 bytes
  EXPECT_EQ(s.c.wanted(), 500U);
  s.gives(std::string(500, 'x'));
  EXPECT_EQ(s.sent.back().gso, 500);
  EXPECT_EQ(s.c.wanted(), 0U) << "140 bytes of window are not worth a segment while one is in flight";
}

TEST(TcpOutput, AFrameHoldsASegmentAtTheLargestMtu) {
  Script s;
  s.stack.mtu = 65521;
  Header large = Script::syn();
  large.mss = 65481;
  s.establish(large);
  s.acks(h, 4000);
  EXPECT_GT(s.c.frame_limit(), 65000U);
  s.gives(std::string(65000, 'x'));
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].bytes.size(), 65000U);
}

namespace {

// In frames of 64 KiB, as the engine reads them, within one turn.
void give_at_once(Script& s, std::size_t bytes) {
  while (bytes != 0) {
    const std::size_t size = std::min({s.c.wanted(), s.c.frame_limit(), bytes});
    ASSERT_NE(size, 0U);
    net::Slice chunk = s.pool.large();
    chunk.keep_front(size);
    s.c.take(std::move(chunk), false);
    bytes -= size;
  }
  s.turn();
}

// One whose guest takes big frames, with a window of `kib`.
struct BigScript : Script {
  explicit BigScript(unsigned kib) : Script(16u << 20, false, true) {
    establish();
    acks(h, static_cast<std::uint16_t>(kib * 8));
  }
};

}  // namespace

TEST(TcpOutput, ABigFrameTakesHalfTheWindow) {
  BigScript s(512);
  give_at_once(s, 300'000);
  ASSERT_EQ(s.sent.size(), 2U);
  EXPECT_EQ(s.sent[0].bytes.size(), 262144U / 1460 * 1460);
  EXPECT_EQ(s.sent[0].gso, 1460);
  EXPECT_EQ(s.sent[1].header.seq, h + s.sent[0].bytes.size());
  EXPECT_EQ(s.sent[0].bytes.size() + s.sent[1].bytes.size(), 300'000U);
}

TEST(TcpOutput, ABigFrameHasAnEndAndNeedsAWindow) {
  BigScript wide(4096), narrow(100);
  give_at_once(wide, 1'000'000);
  ASSERT_FALSE(wide.sent.empty());
  EXPECT_EQ(wide.sent[0].bytes.size(), 7 * wide.c.frame_limit());
  give_at_once(narrow, 90'000);
  ASSERT_FALSE(narrow.sent.empty());
  EXPECT_EQ(narrow.sent[0].bytes.size(), narrow.c.frame_limit());
}

TEST(TcpOutput, WhatIsTooBigForTheTapGoesInOrdinaryFrames) {
  BigScript s(512);
  s.largest = 65535;
  give_at_once(s, 300'000);
  EXPECT_EQ(s.stack.counters.refused_frames, 1U);
  std::size_t total = 0;
  for (const Sent& each : s.sent) {
    EXPECT_EQ(each.header.seq, h + total);
    total += each.bytes.size();
  }
  EXPECT_EQ(total, 300'000U);
  EXPECT_EQ(s.stack.counters.retransmitted, 0U);
}

TEST(TcpOutput, AfterALossNoFrameIsBig) {
  BigScript s(512);
  give_at_once(s, 300'000);
  EXPECT_GT(s.sent.at(0).bytes.size(), 65535U);
  s.sent.clear();
  s.pass(second);
  EXPECT_NE(s.stack.counters.retransmitted, 0U);
  s.acks(h + 300'000, 512 * 8);
  s.sent.clear();
  give_at_once(s, 150'000);
  EXPECT_GT(s.sent.size(), 1U);
  for (const Sent& each : s.sent) EXPECT_LE(each.bytes.size(), 65535U);
}

TEST(TcpOutput, AtMostAMebibyteIsInFlight) {
  Script s;
  s.establish();
  s.acks(h, 65535);                       // 8 MiB
  std::size_t total = 0;
  while (const std::size_t wanted = std::min(s.c.wanted(), s.c.frame_limit())) s.gives(std::string(wanted, 'x')), total += wanted;
  EXPECT_LE(total, 1u << 20);
  EXPECT_GT(total, 900000U);
  s.acks(h + static_cast<std::uint32_t>(total), 65535);
  EXPECT_NE(s.c.wanted(), 0U);
  EXPECT_EQ(s.pool.bytes_in_use(), 0U);
}

TEST(TcpOutput, AShutWindowIsProbedWithOneByteOfTheHosts) {
  Script s;
  s.establish();
  s.acks(h, 0);
  EXPECT_EQ(s.c.wanted(), 0U);
  s.pass(250 * ms);
  ASSERT_EQ(s.c.wanted(), 1U);
  s.gives("p");
  ASSERT_EQ(s.sent.size(), 1U);
  EXPECT_EQ(s.sent[0].header.seq, h);
  EXPECT_EQ(s.c.wanted(), 0U);
  s.sent.clear();
  s.acks(h, 0);
  for (int i = 0; i < 40; ++i) {          // for as long as the guest answers
    while (s.sent.empty()) s.pass(100 * ms);
    EXPECT_EQ(s.sent.back().header.seq, h);
    EXPECT_EQ(s.sent.back().bytes, "p");
    s.sent.clear();
    s.acks(h, 0);
  }
  EXPECT_EQ(s.events, "");
  s.acks(h, 512);
  ASSERT_FALSE(s.sent.empty()) << "from the first byte, at once";
  EXPECT_EQ(s.sent[0].bytes, "p");
  EXPECT_NE(s.c.wanted(), 0U);
}

TEST(TcpOutput, AShutWindowThatNobodyAnswersForEndsTheFlow) {
  Script s;
  s.establish();
  s.gives("x");
  s.acks(h, 0);
  s.pass(1200 * second);
  EXPECT_EQ(s.events, "RX");
}

TEST(TcpOutput, AWindowThatShrinksWithBytesInFlightIsFilledFromItsStart) {
  Script s;
  s.establish();
  s.gives(std::string(20000, 'a'));
  s.sent.clear();
  s.acks(h + 4000, 0);
  s.acks(h + 4000, 512);
  ASSERT_FALSE(s.sent.empty());
  EXPECT_EQ(s.sent[0].header.seq, h + 4000);
  EXPECT_EQ(s.sent[0].bytes.size(), 16000U);
}

TEST(TcpOutput, AResetHitsWhatTheGuestExpects) {
  Script s;
  s.establish();
  s.gives("in flight");
  s.sent.clear();
  s.c.host_reset();
  ASSERT_EQ(s.sent.size(), 2U);
  EXPECT_EQ(s.sent[0].header.seq, h + 9);
  EXPECT_EQ(s.sent[1].header.seq, h) << "the one that counts if the bytes were lost";
  EXPECT_EQ(s.events, "CX");
}

TEST(TcpOutput, WhatWasReadGoesBeforeTheReset) {
  Script s;
  s.establish();
  net::Slice chunk = s.pool.large();
  chunk.keep_front(100);
  s.c.take(std::move(chunk), true);
  s.c.host_reset();
  s.turn();
  ASSERT_EQ(s.sent.size(), 3U);
  EXPECT_EQ(s.sent[0].bytes.size(), 100U);
  EXPECT_TRUE(s.sent[1].header.has(flag::rst));
}

TEST(TcpOutput, NothingIsReadAfterTheEndOrWithoutMemory) {
  Script s;
  s.establish();
  std::vector<net::Slice> all;
  while (net::Slice chunk = s.pool.large()) all.push_back(std::move(chunk));
  EXPECT_EQ(s.c.wanted(), 0U);
  all.clear();
  EXPECT_NE(s.c.wanted(), 0U);
  s.c.host_ended();
  EXPECT_EQ(s.c.wanted(), 0U);
}

TEST(TcpOutput, SmallReadsShareAChunk) {
  Script s;
  s.establish();
  for (int i = 0; i < 100; ++i) s.gives("ten bytes.");
  EXPECT_LE(s.pool.bytes_in_use(), net::Pool::small_size);
  EXPECT_EQ(s.sent.size(), 100U);
}
