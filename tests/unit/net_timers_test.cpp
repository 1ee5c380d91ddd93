// The wheel against a plain map, over all of its levels.
#include "net/timers.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace {

net::Timers make(std::size_t capacity, net::Milliseconds now) {
  auto made = net::Timers::make(capacity, now);
  EXPECT_TRUE(made);
  return std::move(*made);
}

std::vector<std::uint32_t> advance(net::Timers& timers, net::Milliseconds now) {
  std::vector<std::uint32_t> fired;
  timers.advance(now, [&](std::uint32_t timer) { fired.push_back(timer); });
  return fired;
}

using Fired = std::vector<std::uint32_t>;

}  // namespace

TEST(Timers, FireWhenDueAndOnce) {
  net::Timers timers = make(4, 1000);
  EXPECT_FALSE(timers.next());
  timers.set(2, 1005);
  timers.set(3, 1003);
  EXPECT_EQ(timers.next(), 1003U);
  EXPECT_EQ(advance(timers, 1002), Fired{});
  EXPECT_EQ(advance(timers, 1004), Fired{3});
  EXPECT_FALSE(timers.is_set(3));
  EXPECT_EQ(advance(timers, 2000), Fired{2});
  EXPECT_EQ(advance(timers, 9000), Fired{});
  EXPECT_FALSE(timers.next());
}

TEST(Timers, WhatIsDueAlreadyFiresAtTheNextAdvance) {
  net::Timers timers = make(2, 500);
  timers.set(0, 3);
  timers.set(1, 500);
  EXPECT_EQ(advance(timers, 500), Fired{});
  EXPECT_EQ(advance(timers, 501).size(), 2U);
}

TEST(Timers, SettingAgainReplacesAndCancelForgets) {
  net::Timers timers = make(2, 0);
  timers.set(0, 10);
  timers.set(0, 70'000);
  timers.set(1, 20);
  timers.cancel(1);
  timers.cancel(1);
  EXPECT_EQ(advance(timers, 69'999), Fired{});
  EXPECT_EQ(advance(timers, 70'000), Fired{0});
}

TEST(Timers, AHandlerMaySetAndCancel) {
  net::Timers timers = make(4, 0);
  for (std::uint32_t i = 0; i < 3; ++i) timers.set(i, 10);
  std::vector<std::uint32_t> fired;
  timers.advance(10, [&](std::uint32_t timer) {
    if (fired.empty()) {
      timers.set(timer, 10);  // not in this turn again
      for (std::uint32_t other = 0; other < 3; ++other)
        if (other != timer) timers.cancel(other);
    }
    fired.push_back(timer);
  });
  EXPECT_EQ(fired.size(), 1U);
  EXPECT_EQ(advance(timers, 11), fired);
}

TEST(Timers, IdleTimersCostFewWakeups) {
  net::Timers timers = make(1000, 12345);
  for (std::uint32_t i = 0; i < 1000; ++i) timers.set(i, 12345 + 7'200'000 + i);
  unsigned wakeups = 0;
  while (timers.next() && *timers.next() < 12345 + 7'200'000) {
    ++wakeups;
    EXPECT_EQ(advance(timers, *timers.next()), Fired{});
  }
  EXPECT_LT(wakeups, 10U);
}

TEST(Timers, DistantDeadlinesMeet) {
  EXPECT_EQ(net::round_deadline(1010, 1000), 1010U);  // a tail probe is not delayed
  EXPECT_EQ(net::round_deadline(900, 1000), 900U);
  std::set<net::Milliseconds> met;
  for (net::Milliseconds now = 5000; now < 6000; ++now) {
    const net::Milliseconds rounded = net::round_deadline(now + 1000, now);
    EXPECT_GE(rounded, now + 1000);
    EXPECT_LE(rounded, now + 1000 + 1000 / 16);
    met.insert(rounded);
  }
  EXPECT_LE(met.size(), 33U);
}

TEST(Timers, LikeAMapOfDeadlines) {
  std::mt19937_64 random(7);
  net::Milliseconds now = 1'000'003;
  net::Timers timers = make(64, now);
  std::map<std::uint32_t, net::Milliseconds> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto timer = static_cast<std::uint32_t>(random() % 64);
    if (random() % 3 != 0) {
      const net::Milliseconds when = now + 1 + (random() >> (28 + random() % 36));
      timers.set(timer, when);
      model[timer] = when;
    } else {
      timers.cancel(timer);
      model.erase(timer);
    }
    if (random() % 4 != 0) continue;
    const net::Milliseconds due = model.empty() ? now : std::min_element(model.begin(), model.end(), [](auto& a, auto& b) { return a.second < b.second; })->second;
    if (!model.empty()) { ASSERT_LE(*timers.next(), due); }
    now = random() % 2 == 0 ? now + random() % 200 : std::max(now, due);
    for (const std::uint32_t fired : advance(timers, now)) {
      ASSERT_TRUE(model.contains(fired));
      ASSERT_LE(model[fired], now);
      model.erase(fired);
    }
    for (const auto& [timer_left, when] : model) ASSERT_GT(when, now) << timer_left;
  }
}
