// Silence: keepalives of ours, the guest's, and what is given up after how long.
#include "net_tcp_script.h"

#include <gtest/gtest.h>

using namespace script;

TEST(TcpTimer, AnIdleFlowCostsOneTimerAndAProbeInFiveMinutes) {
  Script s;
  s.establish();
  s.deadline = 0;
  s.acks(h);
  s.acks(h);
  EXPECT_EQ(s.deadline, 0U) << "armed already: an ACK arms nothing";
  Script idle;
  idle.establish();
  idle.pass(299 * second);
  EXPECT_TRUE(idle.sent.empty());
  idle.pass(2 * second);
  ASSERT_EQ(idle.sent.size(), 1U);
  EXPECT_EQ(idle.sent[0].header.seq, h - 1);
  EXPECT_TRUE(idle.sent[0].bytes.empty());
  idle.acks(h);
  idle.pass(290 * second);
  EXPECT_EQ(idle.sent.size(), 1U);
}

TEST(TcpTimer, AGuestThatIsGoneIsGivenUp) {
  Script s;
  s.establish();
  s.pass(400 * second);
  EXPECT_EQ(s.events, "RX");
}

TEST(TcpTimer, AHalfClosedFlowIsProbedAfterAMinute) {
  Script s;
  s.establish();
  s.c.host_ended();
  s.acks(h + 1);
  s.sent.clear();
  s.pass(61 * second);
  ASSERT_EQ(s.sent.size(), 1U);
  s.segment({.seq = g, .flags = flag::rst});      // FIN_WAIT_2 was forgotten
  EXPECT_EQ(s.events, "RX");
}

TEST(TcpTimer, TwoHoursWithoutAByteEndTheFlow) {
  Script s;
  s.establish();
  for (int i = 0; i < 130 && s.events.empty(); ++i) {
    s.pass(60 * second);
    if (s.events.empty()) s.acks(h);
  }
  EXPECT_EQ(s.events, "RX");
  EXPECT_GE(s.stack.now, 7200 * second);
}

TEST(TcpTimer, TheGuestsOwnKeepalivesKeepItOpen) {
  Script s;
  s.establish();
  s.data(g, "x");
  for (int i = 0; i < 300; ++i) {
    s.pass(60 * second);
    s.segment({.seq = g, .ack = h, .flags = flag::ack, .window = 512});
  }
  EXPECT_EQ(s.events, "K");
}

TEST(TcpTimer, ASynAckIsRepeatedSixTimes) {
  Script s;
  s.c.open(Script::syn(), own_isn);
  s.c.connected();
  s.pass(300 * second);
  EXPECT_EQ(s.events, "RX");
  std::size_t count = 0;
  for (const Sent& sent : s.sent) count += sent.header.has(flag::syn);
  EXPECT_EQ(count, 7U);
}

TEST(TcpTimer, AVisitorWhomNobodyAnswersIsTurnedAway) {
  Script s;
  s.c.open_inbound(own_isn);
  s.pass(300 * second);
  EXPECT_EQ(s.events, "RX");
}

TEST(TcpTimer, WhileTheHostConnectsNothingRuns) {
  Script s;
  s.c.open(Script::syn(), own_isn);
  s.pass(300 * second);
  EXPECT_TRUE(s.sent.empty());
  EXPECT_EQ(s.events, "");
}
