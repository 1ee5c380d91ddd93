// All payload that the engine holds: chunks of 64 KiB and of 2 KiB out of one region of memory given at the start.
// A frame is read into a large chunk once, and queues hold slices of it until the other side has taken the bytes;
// nothing is copied and nothing allocated per packet. Memory is touched when it is first used, and idle chunks can be
// given back to the system. One thread.
#pragma once

#include "net/view.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace net {

class Pool;

struct Chunk {
  std::uint8_t* bytes = nullptr;
  Pool* pool = nullptr;
  Chunk* next_free = nullptr;
  std::uint32_t references = 0;
  std::uint32_t capacity = 0;
};

// A part of a chunk, which lives as long as a slice of it does.
class Slice {
 public:
  Slice() = default;
  Slice(const Slice& other) : chunk_(other.chunk_), offset_(other.offset_), length_(other.length_) { hold(); }
  Slice(Slice&& other) noexcept
      : chunk_(std::exchange(other.chunk_, nullptr)), offset_(other.offset_), length_(std::exchange(other.length_, 0)) {}
  Slice& operator=(Slice other) noexcept {
    std::swap(chunk_, other.chunk_);
    std::swap(offset_, other.offset_);
    std::swap(length_, other.length_);
    return *this;
  }
  ~Slice() { release(); }

  explicit operator bool() const { return chunk_ != nullptr; }
  std::size_t size() const { return length_; }
  bool empty() const { return length_ == 0; }
  View view() const { return chunk_ == nullptr ? View{} : View{chunk_->bytes + offset_, length_}; }

  // The same chunk, from `offset` of this slice on, at most `length` bytes.
  Slice part(std::size_t offset, std::size_t length = SIZE_MAX) const;
  void drop_front(std::size_t count);
  void keep_front(std::size_t count);

  // For who just got the chunk from the pool: all of it, and what of it is to be kept.
  std::span<std::uint8_t> writable() const { return {chunk_->bytes + offset_, length_}; }

  bool alone() const { return chunk_ != nullptr && chunk_->references == 1; }
  std::size_t capacity() const { return chunk_ == nullptr ? 0 : chunk_->capacity; }
  // Copies as much as the chunk has room for behind this slice; only a slice that is alone may grow.
  std::size_t grow(View bytes);

 private:
  friend class Pool;
  Slice(Chunk* chunk, std::uint32_t offset, std::uint32_t length) : chunk_(chunk), offset_(offset), length_(length) {
    hold();
  }
  void hold() {
    if (chunk_ != nullptr) ++chunk_->references;
  }
  inline void release();

  Chunk* chunk_ = nullptr;
  std::uint32_t offset_ = 0, length_ = 0;
};

// An entry of a queue. Nodes are the pool's as chunks are.
struct Node {
  Slice slice;
  Node* next = nullptr;
  std::uint32_t begin = 0, end = 0;      // sequence numbers
};

class Pool {
 public:
  static constexpr std::size_t headroom = 128;
  static constexpr std::size_t large_size = 17 * 4096;           // 64 KiB, the headroom and largest_frame's headers
  static constexpr std::size_t large_payload = 65536;
  static constexpr std::size_t small_size = 2048;
  // Left by large() for frames that are read and passed on: without them no ACK would be heard that frees memory.
  static constexpr std::size_t frame_reserve = 8;

  // `memory` is aligned to a page and zero-filled on demand: an eighth becomes small chunks. The engine maps it
  // (region_size() of the limit) and keeps it mapped as long as the pool lives.
  explicit Pool(std::span<std::uint8_t> memory);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Whole chunks; an empty Slice when none is left. The caller keeps the part that it used.
  Slice large();
  Slice small();
  // To read from the tap: takes the last chunks too, which large() leaves, so that ACKs are heard when memory is out.
  Slice for_frame();

  Node* node();                          // nullptr when none is left
  void free(Node* node);                 // drops its slice

  // 0 … 100: how full it is. Windows stop growing above 50; nothing new is promised above 75.
  unsigned pressure() const {
    return large_.count == 0 ? 100 : static_cast<unsigned>(100 * large_.used / large_.count);
  }
  // What for_frame() gave now is for reading only: to keep it would take from the last chunks.
  bool scarce() const { return large_.used + frame_reserve >= large_.count; }

  std::size_t bytes_in_use() const { return large_.used * large_size + small_.used * small_size; }
  std::size_t nodes_in_use() const { return nodes_used_; }
  std::size_t peak_bytes() const { return peak_; }

  // A part that is not used but was touched, for madvise(MADV_DONTNEED); empty when there is none. It counts as
  // untouched from then on.
  std::span<std::uint8_t> next_idle();

 private:
  friend class Slice;
  struct Class {                         // chunks of one size
    std::unique_ptr<Chunk[]> chunks;
    std::uint8_t* memory = nullptr;
    std::size_t size = 0, count = 0, begun = 0, used = 0;
    Chunk* warm = nullptr;               // touched and free: the last one used comes first
    Chunk* cold = nullptr;               // given back
  };
  Slice take(Class& from, std::size_t reserve);
  void give(Chunk* chunk);

  Class large_, small_;
  std::unique_ptr<Node[]> nodes_;
  std::size_t node_count_ = 0, nodes_begun_ = 0, nodes_used_ = 0;
  Node* free_nodes_ = nullptr;
  std::size_t peak_ = 0;
};

inline void Slice::release() {
  if (chunk_ != nullptr && --chunk_->references == 0) chunk_->pool->give(chunk_);
}

}  // namespace net
