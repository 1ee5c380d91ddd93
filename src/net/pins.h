// Which addresses a name has led to: the forwarder pins each address of an answer to the name that was asked before
// the answer is given, and a rule that allows a name allows its pinned addresses and no other. The table is of a
// fixed size; when it is full the pin that was used longest ago goes. Nothing is allocated after construction.
#pragma once

#include "net/address.h"
#include "net/name.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace net {

// Milliseconds of a clock that only goes forward.
using Milliseconds = std::uint64_t;

class Pins {
 public:
  static constexpr std::size_t per_name = 64;                // services that rotate hundreds of addresses
  static constexpr Milliseconds grace = 5 * 60 * 1000;       // programs use an answer longer than its TTL says
  static constexpr std::uint32_t shortest_ttl = 60, longest_ttl = 3600;  // seconds; answers carry no longer one

  explicit Pins(std::size_t capacity = 4096, std::size_t names = 1024);

  void add(std::string_view name, const Address& address, std::uint32_t ttl_seconds, Milliseconds now);
  // A flow is alive or just ended that the address's pin to one of these names allowed: it holds for the grace.
  template <class Accepts>
  void keep(const Address& address, Milliseconds now, const Accepts& accepts) {
    for (Index i = by_address_[bucket(address)]; i != none; i = pins_[i].next) {
      if (pins_[i].address != address || !accepts(names_[pins_[i].name].name.view())) continue;
      pins_[i].expires = std::max(pins_[i].expires, now + grace);
      use(i);
    }
  }
  bool has(std::string_view name, const Address& address, Milliseconds now) const;

  // Each name that is pinned to the address, the most recent first, until `visit` returns true. The text lasts until
  // the next add().
  template <class Visit>
  std::optional<std::string_view> find(const Address& address, Milliseconds now, const Visit& visit) const {
    for (Index i = by_address_[bucket(address)]; i != none; i = pins_[i].next)
      if (pins_[i].address == address && pins_[i].expires > now && visit(names_[pins_[i].name].name.view()))
        return names_[pins_[i].name].name.view();
    return std::nullopt;
  }
  std::size_t count() const { return count_; }

 private:
  using Index = std::uint16_t;
  static constexpr Index none = 0xffff;
  struct Pin {
    Address address;
    Milliseconds expires;
    Index name, next;           // next: of the bucket, or of the free list
    Index of_name;              // the name's next pin
    Index newer, older;         // by use
  };
  struct Named {
    Name name;
    Index first, count, next;   // pins; next: of the bucket, or of the free list
  };

  std::size_t bucket(const Address& address) const;
  std::size_t bucket(std::string_view name) const;
  Index find_name(std::string_view name) const;
  Index take_name(std::string_view name);
  Index take_pin();
  void drop(Index pin);
  void drop_name(Index name);
  void unlink_from_name(Index pin);
  void use(Index pin);          // becomes the newest
  void unlink_use(Index pin);
  Index oldest_of(Index name) const;

  std::size_t pin_capacity_, name_capacity_, buckets_;
  std::unique_ptr<Pin[]> pins_;
  std::unique_ptr<Named[]> names_;
  std::unique_ptr<Index[]> by_address_, by_name_;
  Index free_pin_ = none, free_name_ = none, used_pins_ = 0, used_names_ = 0;
  Index newest_ = none, oldest_ = none;
  std::size_t count_ = 0;
};

}  // namespace net
