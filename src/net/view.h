// The one way to look at bytes that somebody else wrote: every load is checked against the view's own length. A
// parser asks for sizes first and rejects; a load outside is a fault of the parser and stops the engine at once
// rather than read the memory of another flow.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace net {

class View {
 public:
  constexpr View() = default;
  constexpr View(const std::uint8_t* bytes, std::size_t size) : at_(bytes), size_(size) {}
  constexpr View(std::span<const std::uint8_t> bytes) : at_(bytes.data()), size_(bytes.size()) {}

  constexpr const std::uint8_t* data() const { return at_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr bool has(std::size_t offset, std::size_t length) const { return offset <= size_ && length <= size_ - offset; }

  constexpr std::uint8_t u8(std::size_t offset) const { return *checked(offset, 1); }
  constexpr std::uint16_t be16(std::size_t offset) const {
    const std::uint8_t* p = checked(offset, 2);
    return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
  }
  constexpr std::uint32_t be32(std::size_t offset) const {
    const std::uint8_t* p = checked(offset, 4);
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
  }
  std::uint16_t native16(std::size_t offset) const {  // fields of virtio_net_hdr are in the order of this machine
    std::uint16_t out;
    std::memcpy(&out, checked(offset, 2), 2);
    return out;
  }
  // The part from `offset` on; at most `length` of it. An offset outside gives nothing.
  constexpr View from(std::size_t offset, std::size_t length = SIZE_MAX) const {
    if (offset > size_) return {};
    return {at_ + offset, length < size_ - offset ? length : size_ - offset};
  }
  constexpr View last(std::size_t length) const { return from(size_ < length ? 0 : size_ - length); }
  void copy_to(std::uint8_t* out) const {
    if (size_ != 0) std::memcpy(out, at_, size_);
  }

 private:
  constexpr const std::uint8_t* checked(std::size_t offset, std::size_t length) const {
    if (!has(offset, length)) __builtin_trap();
    return at_ + offset;
  }
  const std::uint8_t* at_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace net
