// One timer per flow, all in one hierarchical wheel (Varghese and Lauck 1987) of 1 ms: setting and cancelling cost
// the same however many there are, nothing looks at idle flows, and the next deadline is the timeout of epoll.
#pragma once

#include "net/mapped_array.h"
#include "net/pins.h"

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

namespace net {

// A deadline up to a sixteenth of its delay later, where it meets those of other flows: a thousand idle ones that were
// opened in the same second wake the engine some thirty times, not a thousand.
constexpr Milliseconds round_deadline(Milliseconds when, Milliseconds now) {
  const Milliseconds step = when < now + 32 ? 1 : std::bit_floor((when - now) / 16);
  return (when + step - 1) / step * step;
}

class Timers {
 public:
  // Timers are numbered from 0 below `capacity`.
  static Result<Timers> make(std::size_t capacity, Milliseconds now);

  void set(std::uint32_t timer, Milliseconds when);  // replaces; what is due already is so at the next advance()
  void cancel(std::uint32_t timer);
  bool is_set(std::uint32_t timer) const { return nodes_[timer].list != 0; }

  // When advance() has work again; it may turn out to be none yet.
  std::optional<Milliseconds> next() const;

  // Calls fire(timer) for each that is due, unset by then; fire may set and cancel any.
  template <class Fire>
  void advance(Milliseconds now, const Fire& fire) {
    for (;;) {
      const auto [list, begins] = earliest();
      if (list == 0 || begins > now) break;
      now_ = begins;
      while (heads_[list - 1] != 0) {
        const std::uint32_t timer = heads_[list - 1] - 1;
        const Milliseconds when = nodes_[timer].when;
        cancel(timer);
        if (when <= now_) fire(timer);
        else set(timer, when);
      }
    }
    if (now > now_) now_ = now;
  }

 private:
  static constexpr unsigned bits = 6, levels = 6, slots = 1u << bits;  // 2^36 ms: two years
  struct Node {
    Milliseconds when;
    std::uint32_t next, previous;  // plus 1
    std::uint32_t list;            // plus 1; 0: not set
  };
  struct Earliest { std::uint32_t list; Milliseconds begins; };
  Earliest earliest() const;

  MappedArray<Node> nodes_;
  std::array<std::uint32_t, levels * slots> heads_{};  // plus 1
  std::array<std::uint64_t, levels> occupied_{};       // a bit per slot
  Milliseconds now_ = 0;
};

}  // namespace net
