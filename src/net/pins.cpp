// Two hash tables over two arrays: addresses to pins, names to their pins. Indices instead of pointers, free lists
// instead of the heap; a pin that nobody needed for longest makes room.
#include "net/pins.h"

#include <algorithm>

namespace net {

namespace {

// FNV-1a. The keys come from resolvers' answers: a crafted chain is at most as long as the table.
std::size_t hash(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t out = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < size; ++i) out = (out ^ bytes[i]) * 0x100000001b3;
  return static_cast<std::size_t>(out ^ out >> 32);
}

}  // namespace

Pins::Pins(std::size_t capacity, std::size_t names)
    : pin_capacity_(std::min<std::size_t>(capacity, none)),
      name_capacity_(std::min<std::size_t>(names, none)),
      buckets_(pin_capacity_ * 2),
      pins_(std::make_unique_for_overwrite<Pin[]>(pin_capacity_)),
      names_(std::make_unique_for_overwrite<Named[]>(name_capacity_)),
      by_address_(std::make_unique_for_overwrite<Index[]>(buckets_)),
      by_name_(std::make_unique_for_overwrite<Index[]>(buckets_)) {
  std::fill_n(by_address_.get(), buckets_, none);
  std::fill_n(by_name_.get(), buckets_, none);
}

std::size_t Pins::bucket(const Address& address) const { return hash(address.bytes.data(), 16) % buckets_; }

std::size_t Pins::bucket(std::string_view name) const {
  return hash(reinterpret_cast<const std::uint8_t*>(name.data()), name.size()) % buckets_;
}

Pins::Index Pins::find_name(std::string_view name) const {
  Index i = by_name_[bucket(name)];
  while (i != none && names_[i].name.view() != name) i = names_[i].next;
  return i;
}

void Pins::add(std::string_view name, const Address& address, std::uint32_t ttl_seconds, Milliseconds now) {
  const auto made = make_name(name);
  if (!made || made->size == 0) return;
  const Milliseconds life = std::clamp(ttl_seconds, shortest_ttl, longest_ttl) * Milliseconds{1000} + grace;
  const Index known = find_name(made->view());
  if (known != none) {
    for (Index i = names_[known].first; i != none; i = pins_[i].of_name) {
      if (pins_[i].address != address) continue;
      pins_[i].expires = std::max(pins_[i].expires, now + life);
      return use(i);
    }
    if (names_[known].count == per_name) drop(oldest_of(known));
  }
  const Index pin = take_pin();              // may take the last pin of a name, and so the name
  const Index owner = take_name(made->view());
  Pin& entry = pins_[pin];
  entry.address = address, entry.expires = now + life, entry.name = owner;
  Index& head = by_address_[bucket(address)];
  entry.next = head, head = pin;
  entry.of_name = names_[owner].first, names_[owner].first = pin;
  ++names_[owner].count, ++count_;
  entry.newer = none, entry.older = newest_;
  (newest_ == none ? oldest_ : pins_[newest_].newer) = pin;
  newest_ = pin;
}

bool Pins::has(std::string_view name, const Address& address, Milliseconds now) const {
  return find(address, now, [&](std::string_view pinned) { return pinned == name; }).has_value();
}

Pins::Index Pins::take_pin() {
  if (free_pin_ == none && used_pins_ == pin_capacity_) drop(oldest_);
  if (free_pin_ == none) return used_pins_++;
  const Index out = free_pin_;
  free_pin_ = pins_[out].next;
  return out;
}

// The name, which is made when there is none. A full table loses the pins of the name of the oldest pin.
Pins::Index Pins::take_name(std::string_view name) {
  if (const Index known = find_name(name); known != none) return known;
  if (free_name_ == none && used_names_ == name_capacity_) {
    const Index oldest = pins_[oldest_].name;
    while (names_[oldest].count > 1) drop(names_[oldest].first);
    drop(names_[oldest].first);
  }
  Index out = free_name_;
  if (out == none) out = used_names_++;
  else free_name_ = names_[out].next;
  Named& entry = names_[out];
  std::ranges::copy(name, entry.name.characters.begin());
  entry.name.size = static_cast<std::uint8_t>(name.size());
  entry.first = none, entry.count = 0;
  Index& head = by_name_[bucket(name)];
  entry.next = head, head = out;
  return out;
}

void Pins::drop(Index pin) {
  Index* at = &by_address_[bucket(pins_[pin].address)];
  while (*at != pin) at = &pins_[*at].next;
  *at = pins_[pin].next;
  unlink_use(pin);
  const Index owner = pins_[pin].name;
  at = &names_[owner].first;
  while (*at != pin) at = &pins_[*at].of_name;
  *at = pins_[pin].of_name;
  pins_[pin].next = free_pin_, free_pin_ = pin;
  --count_;
  if (--names_[owner].count == 0) drop_name(owner);
}

void Pins::drop_name(Index name) {
  Index* at = &by_name_[bucket(names_[name].name.view())];
  while (*at != name) at = &names_[*at].next;
  *at = names_[name].next;
  names_[name].next = free_name_, free_name_ = name;
}

void Pins::use(Index pin) {
  if (newest_ == pin) return;
  unlink_use(pin);
  pins_[pin].newer = none, pins_[pin].older = newest_;
  pins_[newest_].newer = pin;
  newest_ = pin;
}

void Pins::unlink_use(Index pin) {
  const Pin& entry = pins_[pin];
  (entry.newer == none ? newest_ : pins_[entry.newer].older) = entry.older;
  (entry.older == none ? oldest_ : pins_[entry.older].newer) = entry.newer;
}

// The one of the name that was used longest ago.
Pins::Index Pins::oldest_of(Index name) const {
  Index i = oldest_;
  while (pins_[i].name != name) i = pins_[i].newer;
  return i;
}

}  // namespace net
