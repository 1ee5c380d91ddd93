// A timer is on the level of the highest digit (base 64) in which its deadline differs from now: when the wheel
// reaches the slot, that digit is equal and the timer falls to a lower level, until it is due.
#include "net/timers.h"

#include <algorithm>
#include <bit>

namespace net {

Result<Timers> Timers::make(std::size_t capacity, Milliseconds now) {
  Timers made;
  made.nodes_ = TRY(MappedArray<Node>::make(capacity, "timers"));
  made.now_ = now;
  return made;
}

void Timers::set(std::uint32_t timer, Milliseconds when) {
  cancel(timer);
  Node& node = nodes_[timer];
  constexpr Milliseconds furthest = (Milliseconds{1} << (bits * levels)) - 1;
  node.when = std::clamp(when, now_ + 1, now_ | furthest);
  const unsigned digit = static_cast<unsigned>(std::bit_width((node.when ^ now_) | (slots - 1)) - 1) / bits;
  const unsigned slot = static_cast<unsigned>(node.when >> (bits * digit)) & (slots - 1);
  const std::uint32_t list = digit * slots + slot;
  node.list = list + 1, node.previous = 0, node.next = heads_[list];
  if (node.next != 0) nodes_[node.next - 1].previous = timer + 1;
  heads_[list] = timer + 1;
  occupied_[digit] |= std::uint64_t{1} << slot;
}

void Timers::cancel(std::uint32_t timer) {
  Node& node = nodes_[timer];
  if (node.list == 0) return;
  const std::uint32_t list = node.list - 1;
  if (node.next != 0) nodes_[node.next - 1].previous = node.previous;
  if (node.previous != 0) nodes_[node.previous - 1].next = node.next;
  else heads_[list] = node.next;
  if (heads_[list] == 0) occupied_[list / slots] &= ~(std::uint64_t{1} << list % slots);
  node.list = 0;
}

// Timers of a level are all before those of the next, and none is behind now: the first slot of the lowest level.
Timers::Earliest Timers::earliest() const {
  for (unsigned digit = 0; digit < levels; ++digit) {
    if (occupied_[digit] == 0) continue;
    const auto slot = static_cast<unsigned>(std::countr_zero(occupied_[digit]));
    const Milliseconds above = now_ >> (bits * (digit + 1)) << (bits * (digit + 1));
    return {digit * slots + slot + 1, above | Milliseconds{slot} << (bits * digit)};
  }
  return {0, 0};
}

std::optional<Milliseconds> Timers::next() const {
  const Earliest found = earliest();
  if (found.list == 0) return std::nullopt;
  return std::max(found.begins, now_);
}

}  // namespace net
