// Reassembly, and everything a sandbox could try with it.
#include "net/fragments.h"

#include "net/checksum.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;
using Outcome = net::Fragments::Outcome;

void put16(Bytes& out, std::size_t at, std::size_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8), out[at + 1] = static_cast<std::uint8_t>(value);
}

// One fragment of an IP payload as a frame of the tap.
Bytes fragment(bool v6, std::uint32_t id, std::size_t offset, const Bytes& payload, bool more, std::uint8_t protocol = 17) {
  const std::size_t l3 = v6 ? 48 : 20;
  Bytes out(net::frame_start + l3 + payload.size());
  put16(out, net::vnet::size + 12, v6 ? 0x86dd : 0x0800);
  out[net::vnet::size + 6] = 2;
  std::uint8_t* const ip = &out[net::frame_start];
  const std::size_t at = net::frame_start;
  if (v6) {
    ip[0] = 0x60, ip[6] = 44, ip[7] = 64, ip[8] = 0xfd, ip[23] = 2, ip[24] = 0xfd, ip[39] = 1;
    put16(out, at + 4, 8 + payload.size());
    ip[40] = protocol;
    put16(out, at + 42, offset | (more ? 1 : 0));
    put16(out, at + 44, id >> 16), put16(out, at + 46, id & 0xffff);
  } else {
    ip[0] = 0x45, ip[8] = 64, ip[9] = protocol, ip[12] = 10, ip[15] = 2, ip[16] = 192, ip[18] = 2, ip[19] = 1;
    put16(out, at + 2, 20 + payload.size());
    put16(out, at + 4, id);
    put16(out, at + 6, offset / 8 | (more ? 0x2000 : 0));
    put16(out, at + 10, net::checksum(net::add_bytes(0, net::View(ip, 20))));
  }
  std::copy(payload.begin(), payload.end(), out.begin() + static_cast<std::ptrdiff_t>(net::frame_start + l3));
  return out;
}

Bytes counting(std::size_t size) {
  Bytes out(size);
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

// A UDP datagram of `size` bytes in all.
Bytes datagram(std::size_t size) {
  Bytes out = counting(size);
  put16(out, 0, 4000), put16(out, 2, 53), put16(out, 4, size), put16(out, 6, 0);
  return out;
}

class FragmentsTest : public testing::TestWithParam<bool> {
 protected:
  FragmentsTest() : fragments_(*net::Fragments::make(4)) {}
  net::Fragments::Taken give(const Bytes& frame, net::Milliseconds now = 1000) {
    net::Packet packet;
    const net::View view(frame.data(), frame.size());
    EXPECT_EQ(net::parse(view, packet), net::Reject::none);
    EXPECT_EQ(packet.kind, net::Kind::fragment);
    return fragments_.take(packet, view, now);
  }
  net::Fragments::Taken piece(const Bytes& whole, std::size_t begin, std::size_t end, std::uint32_t id = 7, net::Milliseconds now = 1000) {
    const Bytes part(whole.begin() + static_cast<std::ptrdiff_t>(begin), whole.begin() + static_cast<std::ptrdiff_t>(end));
    return give(fragment(GetParam(), id, begin, part, end < whole.size()), now);
  }
  net::Fragments fragments_;
};

INSTANTIATE_TEST_SUITE_P(Families, FragmentsTest, testing::Bool(), testing::PrintToStringParamName());

}  // namespace

TEST_P(FragmentsTest, AWholeDatagramComesOutInAnyOrder) {
  const Bytes whole = datagram(3000);
  EXPECT_EQ(piece(whole, 1480, 2960).outcome, Outcome::waiting);
  EXPECT_EQ(piece(whole, 2960, 3000).outcome, Outcome::waiting);
  const auto taken = piece(whole, 0, 1480);
  ASSERT_EQ(taken.outcome, Outcome::complete);
  EXPECT_EQ(fragments_.waiting(), 0U);
  net::Packet packet;
  // UDP over IPv6 has a checksum; this one has none and is told apart by that.
  const net::Reject reject = net::parse(taken.whole, packet);
  ASSERT_EQ(reject, GetParam() ? net::Reject::checksum : net::Reject::none);
  const net::View l4 = taken.whole.last(3000);
  EXPECT_EQ(std::memcmp(l4.data(), whole.data(), 3000), 0);
  if (!GetParam()) { EXPECT_EQ(packet.payload_length, 2992U); }
}

TEST_P(FragmentsTest, OverlapDiscardsTheDatagram) {
  const Bytes whole = datagram(3000);
  EXPECT_EQ(piece(whole, 0, 1480).outcome, Outcome::waiting);
  EXPECT_EQ(piece(whole, 1472, 2960).outcome, Outcome::refused);
  EXPECT_EQ(fragments_.waiting(), 0U);
  EXPECT_EQ(piece(whole, 1480, 3000).outcome, Outcome::waiting);  // the first part is gone
}

TEST_P(FragmentsTest, NothingLiesBehindTheEnd) {
  const Bytes whole = datagram(3000);
  EXPECT_EQ(piece(whole, 2000, 3000).outcome, Outcome::waiting);
  EXPECT_EQ(give(fragment(GetParam(), 7, 3000, counting(8), true)).outcome, Outcome::refused);
  EXPECT_EQ(piece(whole, 2000, 3000).outcome, Outcome::waiting);
  EXPECT_EQ(give(fragment(GetParam(), 7, 1000, counting(8), false)).outcome, Outcome::refused);  // two ends
}

TEST_P(FragmentsTest, NoMoreThanAPacketCanHold) {
  EXPECT_EQ(give(fragment(GetParam(), 7, 65528, counting(GetParam() ? 7 : 1), false)).outcome,
            GetParam() ? Outcome::waiting : Outcome::refused);
}

TEST_P(FragmentsTest, DatagramsAreKeptApart) {
  const Bytes one = datagram(2000), two = datagram(2000);
  EXPECT_EQ(piece(one, 0, 1000, 1).outcome, Outcome::waiting);
  EXPECT_EQ(piece(two, 1000, 2000, 2).outcome, Outcome::waiting);
  EXPECT_EQ(fragments_.waiting(), 2U);
  EXPECT_EQ(piece(one, 1000, 2000, 1).outcome, Outcome::complete);
  EXPECT_EQ(piece(two, 0, 1000, 2).outcome, Outcome::complete);
}

TEST_P(FragmentsTest, TheOldestGoesWhenThereAreTooMany) {
  const Bytes whole = datagram(2000);
  for (std::uint32_t id = 1; id <= 5; ++id) EXPECT_EQ(piece(whole, 0, 1000, id, 1000 + id).outcome, Outcome::waiting);
  EXPECT_EQ(fragments_.waiting(), 4U);
  EXPECT_EQ(piece(whole, 1000, 2000, 1, 1010).outcome, Outcome::waiting);
  EXPECT_EQ(piece(whole, 1000, 2000, 5, 1010).outcome, Outcome::complete);
}

TEST_P(FragmentsTest, PatienceEnds) {
  const Bytes whole = datagram(2000);
  EXPECT_EQ(piece(whole, 0, 1000, 1, 1000).outcome, Outcome::waiting);
  EXPECT_EQ(piece(whole, 1000, 2000, 1, 1000 + net::Fragments::patience).outcome, Outcome::waiting);
}

TEST_P(FragmentsTest, TooManyPiecesAreNoDatagram) {
  Outcome last = Outcome::waiting;
  for (std::size_t i = 0; i <= net::Fragments::most_pieces; ++i) last = give(fragment(GetParam(), 7, 8 * i, counting(8), true)).outcome;
  EXPECT_EQ(last, Outcome::refused);
}

TEST_P(FragmentsTest, OnlyWhatIsNotResentByItself) {
  EXPECT_EQ(give(fragment(GetParam(), 7, 0, counting(64), true, 6)).outcome, Outcome::refused);  // TCP
}
