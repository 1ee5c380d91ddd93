// Linear probing; taking out moves the rest of the run back, so that no search ever steps over graves.
#include "net/flow_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace net {

Result<FlowTable> FlowTable::make(std::size_t capacity, const SipKey& key, const char* what) {
  FlowTable made;
  made.key_ = key;
  made.entries_ = TRY(MappedArray<Entry>::make(capacity, what));
  made.slots_ = TRY(MappedArray<Slot>::make(std::bit_ceil(std::max<std::size_t>(capacity, 1) * 2), what));
  made.mask_ = made.slots_.size() - 1;
  return made;
}

std::uint32_t FlowTable::hash(const FlowKey& key) const {
  std::uint8_t bytes[36];
  std::memcpy(bytes, key.inside.address.bytes.data(), 16);
  std::memcpy(bytes + 16, key.outside.address.bytes.data(), 16);
  std::memcpy(bytes + 32, &key.inside.port, 2);
  std::memcpy(bytes + 34, &key.outside.port, 2);
  return static_cast<std::uint32_t>(siphash(key_, bytes));
}

std::optional<FlowTable::Id> FlowTable::find(const FlowKey& key) const {
  const std::uint32_t wanted = hash(key);
  for (std::size_t at = wanted & mask_; slots_[at].id != 0; at = (at + 1) & mask_)
    if (slots_[at].hash == wanted && entries_[slots_[at].id - 1].key == key) return slots_[at].id - 1;
  return std::nullopt;
}

std::optional<FlowTable::Id> FlowTable::add(const FlowKey& key) {
  Id id = free_;
  if (id != none) free_ = entries_[id].next;
  else if (begun_ < entries_.size()) id = begun_++;
  else return std::nullopt;
  entries_[id].key = key;
  entries_[id].live = true;
  const std::uint32_t hashed = hash(key);
  std::size_t at = hashed & mask_;
  while (slots_[at].id != 0) at = (at + 1) & mask_;
  slots_[at] = {hashed, id + 1};
  ++size_;
  return id;
}

void FlowTable::remove(Id id) {
  Entry& entry = entries_[id];
  if (!entry.live) return;
  std::size_t at = hash(entry.key) & mask_;
  while (slots_[at].id != id + 1) at = (at + 1) & mask_;
  for (std::size_t next = (at + 1) & mask_; slots_[next].id != 0; next = (next + 1) & mask_) {
    // What stands at or behind its own place by less than the hole must stay where it is.
    if (((next - slots_[next].hash) & mask_) < ((next - at) & mask_)) continue;
    slots_[at] = slots_[next];
    at = next;
  }
  slots_[at] = {};
  entry.live = false, ++entry.generation;
  --size_;
}

void FlowTable::release(Id id) {
  entries_[id].next = free_, free_ = id;
}

}  // namespace net
