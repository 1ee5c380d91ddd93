// Which flow a packet belongs to: addresses and ports → a small number, by open addressing with a keyed hash. It also
// gives out the numbers: a number that was taken out is not given again before release(), at the end of a turn of the
// loop, and its generation has changed by then, so that an event which still names the old flow is recognised.
#pragma once

#include "net/address.h"
#include "net/mapped_array.h"
#include "net/siphash.h"

#include <cstdint>
#include <optional>

namespace net {

struct FlowKey {
  Endpoint inside, outside;  // as the sandbox sees them
  bool operator==(const FlowKey&) const = default;
};

class FlowTable {
 public:
  using Id = std::uint32_t;
  static Result<FlowTable> make(std::size_t capacity, const SipKey& key, const char* what);

  std::optional<Id> find(const FlowKey& key) const;
  std::optional<Id> add(const FlowKey& key);  // a key that is not there yet; nothing when the table is full
  void remove(Id id);                         // find() no longer finds it
  void release(Id id);                        // the number of a removed one may be given again

  const FlowKey& key(Id id) const { return entries_[id].key; }
  // 24 bits: an event of epoll has room for no more beside the number.
  std::uint32_t generation(Id id) const { return entries_[id].generation & 0xffffff; }
  bool is_live(Id id, std::uint32_t generation_seen) const { return is_live(id) && generation(id) == generation_seen; }
  bool is_live(Id id) const { return id < begun_ && entries_[id].live; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return entries_.size(); }
  Id begun() const { return begun_; }         // no number at or above this was ever given

 private:
  static constexpr Id none = 0xffffffff;
  struct Entry {
    FlowKey key;
    std::uint32_t generation;
    Id next;                                  // free
    bool live;
  };
  struct Slot {
    std::uint32_t hash, id;                   // id plus 1; 0: empty
  };
  std::uint32_t hash(const FlowKey& key) const;

  SipKey key_{};
  MappedArray<Entry> entries_;
  MappedArray<Slot> slots_;                   // a power of 2, at least twice as many
  std::size_t mask_ = 0, size_ = 0;
  Id begun_ = 0, free_ = none;
};

}  // namespace net
