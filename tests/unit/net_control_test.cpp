// Messages between launcher and engine: each comes back as it went, and a damaged one does not come at all.
#include "net/control.h"

#include <gtest/gtest.h>

#include <vector>

using net::ControlKind;

namespace {

net::Address v4(std::uint32_t address) { return net::Address::from_v4(address); }

// Every proper prefix and the message with a byte more are refused.
template <class Decode>
void refuses_damage(std::string_view message, const Decode& decode) {
  for (std::size_t size = 0; size < message.size(); ++size) EXPECT_FALSE(decode(message.substr(0, size))) << size;
  EXPECT_FALSE(decode(std::string(message) + "x"));
  std::string other(message);
  other[0] = static_cast<char>(other[0] + 1);
  EXPECT_FALSE(decode(other));
}

}  // namespace

TEST(Control, KindsWithoutContent) {
  net::ControlBuffer buffer;
  for (const ControlKind kind : {ControlKind::stop, ControlKind::ready, ControlKind::totals_wanted})
    EXPECT_EQ(net::kind_of(net::encode(kind, buffer)), kind);
  EXPECT_FALSE(net::kind_of(""));
  EXPECT_FALSE(net::kind_of("\x01"));
  EXPECT_FALSE(net::kind_of("\x01\x63"));
  EXPECT_FALSE(net::kind_of(std::string_view("\x02\x00", 2)));
}

TEST(Control, TheHostsAddresses) {
  net::ControlBuffer buffer;
  const net::HostNetwork host{.addresses = {v4(1), v4(2), net::Address{}}, .ranges = {{v4(0x0a090000), 112}}, .resolvers = {v4(0x7f000035)}};
  const std::string_view message = net::encode(host, buffer);
  EXPECT_EQ(net::kind_of(message), ControlKind::host_network);
  net::HostNetwork back{.addresses = {v4(9)}, .ranges = {{v4(3), 128}, {v4(4), 128}}, .resolvers = {v4(8), v4(7)}};
  ASSERT_TRUE(net::decode_host(message, back));
  EXPECT_EQ(back, host);
  refuses_damage(message, [&](std::string_view in) { return net::decode_host(in, back); });
}

TEST(Control, ListsAreCutNotOverrun) {
  net::ControlBuffer buffer;
  net::HostNetwork host, back;
  host.addresses.resize(5000, v4(1));
  host.resolvers.resize(50, v4(2));
  host.ranges.resize(500, {v4(3), 128});
  ASSERT_TRUE(net::decode_host(net::encode(host, buffer), back));
  EXPECT_EQ(back.addresses.size(), net::most_host_addresses);
  EXPECT_EQ(back.resolvers.size(), net::most_resolvers);
  EXPECT_EQ(back.ranges.size(), net::most_host_ranges);
}

TEST(Control, DecodingFitsWhatWasReserved) {
  net::ControlBuffer buffer;
  net::HostNetwork host, back;
  host.addresses.resize(net::most_host_addresses, v4(1));
  back.addresses.reserve(net::most_host_addresses);
  const net::Address* const before = back.addresses.data();
  ASSERT_TRUE(net::decode_host(net::encode(host, buffer), back));
  EXPECT_EQ(back.addresses.data(), before);
}

TEST(Control, AnError) {
  net::ControlBuffer buffer;
  const Error error{13, "publish 127.0.0.1:80: Permission denied", "choose another"};
  const std::string_view message = net::encode(error, buffer);
  const auto back = net::decode_failed(message);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->code, 13);
  EXPECT_EQ(back->message, error.message);
  EXPECT_EQ(back->hint, error.hint);
  refuses_damage(message, net::decode_failed);
}

TEST(Control, ADeniedRecord) {
  net::ControlBuffer buffer;
  const net::Denied denied{.protocol = net::Protocol::udp, .target = {v4(0x08080808), 443}, .host = "x.example",
                           .rule = "*.example:443", .count = 3, .suppressed = 70'000};
  const std::string_view message = net::encode(denied, buffer);
  EXPECT_EQ(net::decode_denied(message), denied);
  refuses_damage(message, net::decode_denied);
  std::string protocol(message);
  protocol[2] = 9;
  EXPECT_FALSE(net::decode_denied(protocol));
}

TEST(Control, Totals) {
  net::ControlBuffer buffer;
  net::Totals totals;
  totals.tx_bytes = ~0ULL, totals.rx_bytes = 1ULL << 40, totals.malformed = 7, totals.open_flows = 2;
  const std::string_view message = net::encode(totals, buffer);
  EXPECT_EQ(net::decode_totals(message), totals);
  refuses_damage(message, net::decode_totals);
}

TEST(Control, RulesTakeAsManyMessagesAsTheyNeed) {
  const std::string longest(1024, 'r');
  std::vector<net::RuleTotals> rules(100, {longest, 1, 2, 3});
  rules.push_back({"last", 4, 5, 6});
  std::span<const net::RuleTotals> rest(rules);
  std::vector<net::RuleTotals> into(net::most_rules_per_message);
  net::ControlBuffer buffer;
  std::size_t seen = 0, messages = 0;
  while (!rest.empty()) {
    const std::string_view message = net::encode(rest, buffer);
    const auto count = net::decode_rules(message, into);
    ASSERT_TRUE(count && *count > 0);
    for (std::size_t i = 0; i < *count; ++i) EXPECT_EQ(into[i], rules[seen + i]);
    if (messages++ == 0) refuses_damage(message, [&](std::string_view in) { return net::decode_rules(in, into).has_value(); });
    EXPECT_FALSE(net::decode_rules(message, std::span(into).first(*count - 1)));
    seen += *count;
  }
  EXPECT_EQ(seen, rules.size());
  EXPECT_GT(messages, 1U);
}
