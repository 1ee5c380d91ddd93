// The bytes of a capture, as the format's draft lays them out.
#include "net/pcap.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

std::uint32_t u32(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint32_t out = 0;
  std::memcpy(&out, bytes.data() + at, 4);
  return out;
}

}  // namespace

TEST(Pcap, BeginsWithASectionAndAnEthernetInterface) {
  std::array<std::uint8_t, 64> out{};
  ASSERT_EQ(net::write_pcap_header(out), 48U);
  EXPECT_EQ(u32(out, 0), 0x0a0d0d0aU);
  EXPECT_EQ(u32(out, 4), 28U);
  EXPECT_EQ(u32(out, 8), 0x1a2b3c4dU);
  EXPECT_EQ(u32(out, 24), 28U);
  EXPECT_EQ(u32(out, 28), 1U);
  EXPECT_EQ(u32(out, 36) & 0xffff, 1U);
  EXPECT_EQ(u32(out, 44), 20U);
  EXPECT_EQ(net::write_pcap_header(std::span(out).first(40)), 0U);
}

TEST(Pcap, APacketCarriesTimeFramePiecesAndComment) {
  const std::uint8_t first[]{1, 2, 3}, second[]{4, 5};
  const net::View pieces[]{{first, 3}, {second, 2}};
  std::array<std::uint8_t, 256> out{};
  const std::size_t size = net::write_pcap_packet(out, 0x1'0000'0002, net::Direction::from_sandbox, pieces, "denied");
  ASSERT_EQ(size, net::pcap_packet_size(5, "denied"));
  EXPECT_EQ(size % 4, 0U);
  EXPECT_EQ(u32(out, 0), 6U);
  EXPECT_EQ(u32(out, 4), size);
  EXPECT_EQ(u32(out, 12), 1U);
  EXPECT_EQ(u32(out, 16), 2U);
  EXPECT_EQ(u32(out, 20), 5U);
  EXPECT_EQ(u32(out, 24), 5U);
  EXPECT_EQ(std::vector<std::uint8_t>(out.begin() + 28, out.begin() + 36), (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 0, 0, 0}));
  EXPECT_EQ(u32(out, 36), 4U << 16 | 2U);
  EXPECT_EQ(u32(out, 40), 2U);
  EXPECT_EQ(u32(out, 44), 6U << 16 | 1U);
  EXPECT_EQ(std::memcmp(&out[48], "denied", 6), 0);
  EXPECT_EQ(u32(out, 56), 0U);
  EXPECT_EQ(u32(out, size - 4), size);
  EXPECT_EQ(net::write_pcap_packet(std::span(out).first(size - 1), 0, net::Direction::to_sandbox, pieces, "denied"), 0U);
}

TEST(Pcap, AFileIsAChainOfBlocksAndTheLastFrameCanBeCommented) {
  const std::string name = testing::TempDir() + "capture-" + std::to_string(::getpid()) + ".pcapng";
  {
    auto capture = net::Capture::open(name);
    ASSERT_TRUE(capture && capture->active());
    const std::vector<std::uint8_t> frame(1500, 0xab);
    const net::View piece(frame.data(), frame.size());
    for (std::uint64_t i = 0; i < 400; ++i) {
      capture->add(i, net::Direction::from_sandbox, {&piece, 1}, {});
      capture->comment_last({&piece, 1}, "told twice");
    }
    capture->flush();
  }
  std::FILE* const file = std::fopen(name.c_str(), "rb");
  ASSERT_NE(file, nullptr);
  std::vector<std::uint8_t> all(1 << 20);
  all.resize(std::fread(all.data(), 1, all.size(), file));
  std::fclose(file);
  std::remove(name.c_str());
  std::size_t blocks = 0, commented = 0;
  for (std::size_t at = 0; at < all.size(); ++blocks) {
    const std::uint32_t size = u32(all, at + 4);
    ASSERT_GE(size, 12U);
    ASSERT_LE(at + size, all.size());
    ASSERT_EQ(u32(all, at + size - 4), size);
    commented += u32(all, at) == 6 && size == net::pcap_packet_size(1500, "told twice") ? 1 : 0;
    at += size;
  }
  EXPECT_EQ(blocks, 402U);
  EXPECT_EQ(commented, 400U);
}

TEST(Pcap, NoFileCapturesNothing) {
  auto capture = net::Capture::open("");
  ASSERT_TRUE(capture);
  EXPECT_FALSE(capture->active());
  const auto refused = net::Capture::open("/nonexistent/capture");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.substr(0, 9), "capture: ");
  EXPECT_FALSE(refused.error().hint.empty());
}

TEST(Pcap, NeitherALinkNorAPipeWithoutAReader) {
  const std::string mine = testing::TempDir() + "capture-" + std::to_string(::getpid()), link = mine + "-link", target = mine + "-target",
                    pipe = mine + "-pipe";
  std::FILE* const file = std::fopen(target.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("precious", file);
  std::fclose(file);
  ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(net::Capture::open(link));
  struct stat found {};
  ASSERT_EQ(::stat(target.c_str(), &found), 0);
  EXPECT_EQ(found.st_size, 8);
  EXPECT_FALSE(net::Capture::open(pipe));  // it would wait for a reader, and the launch with it
  for (const std::string& name : {link, target, pipe}) ::unlink(name.c_str());
}
