// The free lists of the pool, and growing a slice in place.
#include "net/buffer.h"

#include <algorithm>

namespace net {

Slice Slice::part(std::size_t offset, std::size_t length) const {
  const std::size_t begin = std::min<std::size_t>(offset, length_);
  return {chunk_, static_cast<std::uint32_t>(offset_ + begin),
          static_cast<std::uint32_t>(std::min<std::size_t>(length, length_ - begin))};
}

void Slice::drop_front(std::size_t count) {
  const auto taken = static_cast<std::uint32_t>(std::min<std::size_t>(count, length_));
  offset_ += taken;
  length_ -= taken;
}

void Slice::keep_front(std::size_t count) {
  length_ = static_cast<std::uint32_t>(std::min<std::size_t>(count, length_));
}

std::size_t Slice::grow(View bytes) {
  if (!alone()) return 0;
  const std::size_t end = offset_ + length_, count = std::min(bytes.size(), chunk_->capacity - end);
  bytes.from(0, count).copy_to(chunk_->bytes + end);
  length_ += static_cast<std::uint32_t>(count);
  return count;
}

Pool::Pool(std::span<std::uint8_t> memory) {
  large_.size = large_size;
  small_.size = small_size;
  small_.count = memory.size() / 8 / small_size;
  large_.count = (memory.size() - small_.count * small_size) / large_size;
  large_.memory = memory.data();
  small_.memory = memory.data() + large_.count * large_size;
  large_.chunks = std::make_unique<Chunk[]>(large_.count);
  small_.chunks = std::make_unique<Chunk[]>(small_.count);
  // A queue's node per chunk, and as many again for slices that share one.
  node_count_ = 2 * (large_.count + small_.count);
  nodes_ = std::make_unique<Node[]>(node_count_);
}

Slice Pool::take(Class& from, std::size_t reserve) {
  if (from.used + reserve >= from.count) return {};
  Chunk* chunk = from.warm;
  if (chunk != nullptr) {
    from.warm = chunk->next_free;
  } else if (from.cold != nullptr) {
    chunk = std::exchange(from.cold, from.cold->next_free);
  } else {
    chunk = &from.chunks[from.begun];
    *chunk = {.bytes = from.memory + from.begun++ * from.size, .pool = this, .capacity = static_cast<std::uint32_t>(from.size)};
  }
  ++from.used;
  peak_ = std::max(peak_, bytes_in_use());
  return {chunk, 0, static_cast<std::uint32_t>(from.size)};
}

Slice Pool::large() { return take(large_, frame_reserve); }
Slice Pool::for_frame() { return take(large_, 0); }
Slice Pool::small() { return take(small_, 0); }

void Pool::give(Chunk* chunk) {
  Class& to = chunk->capacity == large_size ? large_ : small_;
  chunk->next_free = to.warm;
  to.warm = chunk;
  --to.used;
}

Node* Pool::node() {
  Node* node = free_nodes_;
  if (node != nullptr)
    free_nodes_ = node->next;
  else if (nodes_begun_ < node_count_)
    node = &nodes_[nodes_begun_++];
  else
    return nullptr;
  ++nodes_used_;
  node->next = nullptr;
  return node;
}

void Pool::free(Node* node) {
  node->slice = {};
  node->next = free_nodes_;
  free_nodes_ = node;
  --nodes_used_;
}

std::span<std::uint8_t> Pool::next_idle() {
  if (Chunk* chunk = large_.warm; chunk != nullptr) {
    large_.warm = chunk->next_free;
    chunk->next_free = large_.cold;
    large_.cold = chunk;
    return {chunk->bytes, large_size};
  }
  // Two small chunks share a page: they go back when none is in use.
  if (small_.used != 0 || small_.begun == 0) return {};
  const std::size_t touched = std::exchange(small_.begun, 0) * small_size;
  small_.warm = nullptr;
  return {small_.memory, touched};
}

}  // namespace net
