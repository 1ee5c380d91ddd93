// What errors of the host's sockets become inside.
#include "net/icmp.h"

#include <gtest/gtest.h>

#include <cerrno>

using How = net::OpenAnswer::How;
using net::Unreachable;
using Origin = sys::QueuedError::Origin;

TEST(Icmp, AFailedConnectionIsAnsweredByWhatTheApplicationWouldHaveSeen) {
  EXPECT_EQ(net::answer_to_open(ECONNREFUSED).how, How::reset);
  EXPECT_EQ(net::answer_to_open(ETIMEDOUT).how, How::silence);
  EXPECT_EQ(net::answer_to_open(ECONNRESET).how, How::reset);
  for (const auto& [error, why] : {std::pair{ENETUNREACH, Unreachable::network}, {EHOSTUNREACH, Unreachable::host},
                                   {EACCES, Unreachable::prohibited}, {EPERM, Unreachable::prohibited}}) {
    EXPECT_EQ(net::answer_to_open(error).how, How::complain) << error;
    EXPECT_EQ(net::answer_to_open(error).why, why) << error;
  }
}

TEST(Icmp, QueuedErrorsKeepTheirMeaning) {
  const auto of = [](Origin origin, unsigned type, unsigned code, int error = 0) {
    sys::QueuedError queued;
    queued.origin = origin, queued.error = error;
    queued.type = static_cast<std::uint8_t>(type), queued.code = static_cast<std::uint8_t>(code);
    return net::complaint_of(queued);
  };
  EXPECT_EQ(of(Origin::icmp, 3, 3), Unreachable::port);
  EXPECT_EQ(of(Origin::icmp6, 1, 4), Unreachable::port);
  EXPECT_EQ(of(Origin::icmp, 3, 4), Unreachable::too_big);
  EXPECT_EQ(of(Origin::icmp6, 2, 0), Unreachable::too_big);
  EXPECT_EQ(of(Origin::icmp, 11, 0), Unreachable::hop_limit);
  EXPECT_EQ(of(Origin::icmp6, 3, 0), Unreachable::hop_limit);
  EXPECT_EQ(of(Origin::icmp, 3, 13), Unreachable::prohibited);
  EXPECT_EQ(of(Origin::icmp6, 1, 1), Unreachable::prohibited);
  EXPECT_EQ(of(Origin::local, 0, 0, EMSGSIZE), Unreachable::too_big);
  EXPECT_FALSE(of(Origin::icmp, 11, 1));  // reassembly took too long
  EXPECT_FALSE(of(Origin::icmp, 12, 0));
  EXPECT_FALSE(of(Origin::other, 3, 3));
}

TEST(Icmp, AQuotedDatagramReadsAsTheOneThatWasSent) {
  for (const bool v4 : {true, false}) {
    const auto inside = net::parse_address(v4 ? "10.0.0.2" : "fd00::2"), outside = net::parse_address(v4 ? "192.0.2.1" : "2001:db8::1");
    ASSERT_TRUE(inside && outside);
    std::array<std::uint8_t, net::longest_quote + 4> quote;
    const std::uint8_t payload[]{1, 2, 3, 4};
    const std::size_t size = net::build_quoted_datagram(quote, {*inside, 4000}, {*outside, 53}, net::ip::udp, net::View(payload, 4));
    ASSERT_EQ(size, (v4 ? 20U : 40U) + 8 + 4);
    const net::View packet(quote.data(), size);
    const std::size_t l4 = v4 ? 20 : 40;
    EXPECT_EQ(packet.u8(0) >> 4, v4 ? 4 : 6);
    EXPECT_EQ(packet.be16(l4), 4000);
    EXPECT_EQ(packet.be16(l4 + 2), 53);
    EXPECT_EQ(packet.be16(l4 + 4), 12);
    EXPECT_EQ(packet.u8(l4 + 8), 1);
    EXPECT_EQ(net::build_quoted_datagram(std::span(quote).first(size - 1), {*inside, 1}, {*outside, 2}, net::ip::udp, net::View(payload, 4)), 0U);
  }
}

TEST(Icmp, AQuotedEchoHasTheSandboxsIdentifier) {
  std::array<std::uint8_t, net::longest_quote> quote;
  const net::Endpoint inside{net::Address::from_v4(0x0a000002), 0x1234}, outside{net::Address::from_v4(0x08080808), 7};
  ASSERT_EQ(net::build_quoted_datagram(quote, inside, outside, net::ip::icmp4, {}), 28U);
  const net::View packet(quote.data(), 28);
  EXPECT_EQ(packet.u8(20), 8);
  EXPECT_EQ(packet.be16(24), 0x1234);
  EXPECT_EQ(packet.be16(26), 7);
}
