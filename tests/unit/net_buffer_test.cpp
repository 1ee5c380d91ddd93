// Chunks, slices and nodes: what is shared, what grows, what comes back.
#include "net/buffer.h"

#include <gtest/gtest.h>

#include <vector>

using net::Pool;
using net::Slice;
using net::View;

namespace {

struct Memory {
  explicit Memory(std::size_t size) : bytes(size), pool({bytes.data(), size}) {}
  std::vector<std::uint8_t> bytes;
  Pool pool;
};
View text(const char* in) { return {reinterpret_cast<const std::uint8_t*>(in), std::strlen(in)}; }

}  // namespace

TEST(Buffer, SlicesHoldTheirChunk) {
  Memory m(1u << 20);
  Slice whole = m.pool.large();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole.size(), Pool::large_size);
  EXPECT_TRUE(whole.alone());
  Slice part = whole.part(100, 50);
  EXPECT_FALSE(part.alone());
  EXPECT_EQ(part.view().data(), whole.view().data() + 100);
  whole = {};
  EXPECT_EQ(m.pool.bytes_in_use(), Pool::large_size);
  part.drop_front(20);
  part.keep_front(10);
  EXPECT_EQ(part.size(), 10U);
  EXPECT_EQ(part.part(50).size(), 0U);
  Slice moved = std::move(part);
  moved = moved.part(0, 5);
  EXPECT_EQ(moved.size(), 5U);
  moved = {};
  EXPECT_EQ(m.pool.bytes_in_use(), 0U);
}

TEST(Buffer, OnlyASliceThatIsAloneGrows) {
  Memory m(1u << 20);
  Slice slice = m.pool.small();
  slice.keep_front(0);
  EXPECT_EQ(slice.grow(text("abc")), 3U);
  EXPECT_EQ(slice.grow(text("def")), 3U);
  EXPECT_EQ(std::string(slice.view().data(), slice.view().data() + 6), "abcdef");
  {
    const Slice second = slice;
    EXPECT_EQ(slice.grow(text("x")), 0U);
  }
  const std::vector<std::uint8_t> much(5000, 'y');
  EXPECT_EQ(slice.grow(View(much.data(), much.size())), Pool::small_size - 6);
  EXPECT_EQ(slice.grow(text("x")), 0U);
}

TEST(Buffer, TheLastChunksAreLeftForFrames) {
  Memory m(2u << 20);
  std::vector<Slice> all;
  while (Slice chunk = m.pool.large()) all.push_back(std::move(chunk));
  EXPECT_TRUE(m.pool.scarce());
  for (std::size_t i = 0; i < Pool::frame_reserve; ++i) {
    all.push_back(m.pool.for_frame());
    EXPECT_TRUE(all.back());
  }
  EXPECT_FALSE(m.pool.for_frame());
  EXPECT_EQ(m.pool.pressure(), 100U);
  all.clear();
  EXPECT_EQ(m.pool.pressure(), 0U);
  EXPECT_FALSE(m.pool.scarce());
}

TEST(Buffer, TheLastChunkUsedIsTheNextAndIdleOnesAreGivenBackOnce) {
  Memory m(2u << 20);
  const std::uint8_t* first = m.pool.large().view().data();
  EXPECT_EQ(m.pool.large().view().data(), first) << "warm in the cache";
  {
    const Slice a = m.pool.large(), b = m.pool.large(), small = m.pool.small();
    EXPECT_TRUE(m.pool.next_idle().empty());
  }
  std::size_t bytes = 0;
  for (int i = 0; i < 3; ++i) bytes += m.pool.next_idle().size();
  EXPECT_EQ(bytes, 2 * Pool::large_size + Pool::small_size);
  EXPECT_TRUE(m.pool.next_idle().empty());
  EXPECT_TRUE(m.pool.large()) << "and can be had again";
  EXPECT_TRUE(m.pool.small());
}

TEST(Buffer, NodesComeBackWithTheirSlices) {
  Memory m(2u << 20);
  net::Node* node = m.pool.node();
  node->slice = m.pool.large();
  m.pool.free(node);
  EXPECT_EQ(m.pool.bytes_in_use(), 0U);
  EXPECT_EQ(m.pool.nodes_in_use(), 0U);
  std::vector<net::Node*> all;
  while (net::Node* next = m.pool.node()) all.push_back(next);
  EXPECT_GT(all.size(), 50U);
  for (net::Node* each : all) m.pool.free(each);
  EXPECT_EQ(m.pool.nodes_in_use(), 0U);
}

TEST(Buffer, ARegionWithoutRoomGivesNothing) {
  Memory m(1000);
  EXPECT_FALSE(m.pool.for_frame());
  EXPECT_FALSE(m.pool.small());
  EXPECT_EQ(m.pool.node(), nullptr);
  EXPECT_EQ(m.pool.pressure(), 100U);
}
