// The vectors of the paper and of its reference program: key 00 01 … 0f, input 00 01 … of each length.
#include "net/siphash.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

TEST(SipHash, ReferenceVectors) {
  const net::SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::vector<std::uint8_t> input(16);
  std::iota(input.begin(), input.end(), std::uint8_t{0});
  const auto of_length = [&](std::size_t length) { return net::siphash(key, std::span(input).first(length)); };
  EXPECT_EQ(of_length(0), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(of_length(1), 0x74f839c593dc67fdU);
  EXPECT_EQ(of_length(2), 0x0d6c8009d9a94f5aU);
  EXPECT_EQ(of_length(3), 0x85676696d7fb7e2dU);
  EXPECT_EQ(of_length(8), 0x93f5f5799a932462U);
  EXPECT_EQ(of_length(15), 0xa129ca6149be45e5U);
}

TEST(SipHash, DependsOnBothHalvesOfTheKey) {
  const std::vector<std::uint8_t> input{1, 2, 3};
  EXPECT_NE(net::siphash({1, 2}, input), net::siphash({1, 3}, input));
  EXPECT_NE(net::siphash({1, 2}, input), net::siphash({0, 2}, input));
}
