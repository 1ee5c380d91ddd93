// Fd owns a descriptor: move-only, closed once, close-on-exec from birth. By value = takes it, const& = borrows.
#pragma once

#include <utility>

namespace sys {

class [[nodiscard]] Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.number_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  void reset(int number = -1);  // close(2) is never retried: after EINTR the number may be someone else's

 private:
  int number_ = -1;
};

}  // namespace sys
