// An array whose pages cost nothing until an element of theirs is used: tables are made for the limit, and a sandbox
// with three connections pays for three. Elements begin as zeroes and are made and ended by hand.
#pragma once

#include "base/result.h"
#include "sys/memory.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace net {

template <class Element>
class MappedArray {
 public:
  static Result<MappedArray> make(std::size_t count, const char* what) {
    const std::span<std::byte> memory = TRY(sys::map_memory(count * sizeof(Element), what));
    MappedArray made;
    made.elements_ = {reinterpret_cast<Element*>(memory.data()), count};
    return made;
  }
  std::size_t size() const { return elements_.size(); }
  Element& operator[](std::size_t index) { return elements_[index]; }
  const Element& operator[](std::size_t index) const { return elements_[index]; }

  template <class... Arguments>
  Element& begin(std::size_t index, Arguments&&... arguments) {
    return *std::construct_at(&elements_[index], static_cast<Arguments&&>(arguments)...);
  }
  void end(std::size_t index) { std::destroy_at(&elements_[index]); }

 private:
  std::span<Element> elements_;
};

}  // namespace net
