// What the builders share: writing fields in network order, and the layers up to IP.
#pragma once

#include "net/build.h"

namespace net::build {

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}
  void u8(unsigned value) { *room(1) = static_cast<std::uint8_t>(value); }
  void be16(unsigned value) {
    std::uint8_t* at = room(2);
    at[0] = static_cast<std::uint8_t>(value >> 8);
    at[1] = static_cast<std::uint8_t>(value);
  }
  void be32(std::uint32_t value) { be16(value >> 16), be16(value & 0xffff); }
  void native16(std::uint16_t value) { std::memcpy(room(2), &value, 2); }
  void bytes(View in) { in.copy_to(room(in.size())); }
  void address(const Address& in) { bytes(View(in.bytes).from(in.is_v4() ? 12 : 0)); }
  void zeros(std::size_t count) {
    for (; count != 0; --count) u8(0);
  }
  std::size_t size() const { return used_; }
  void set_be16(std::size_t offset, std::uint16_t value) {
    out_[offset] = static_cast<std::uint8_t>(value >> 8);
    out_[offset + 1] = static_cast<std::uint8_t>(value);
  }
  View written(std::size_t from) const { return View(out_.data(), used_).from(from); }

 private:
  std::uint8_t* room(std::size_t count) {
    if (count > out_.size() - used_) __builtin_trap();
    used_ += count;
    return out_.data() + used_ - count;
  }
  std::span<std::uint8_t> out_;
  std::size_t used_ = 0;
};

struct Offload {
  std::uint8_t flags = 0, gso_type = vnet::gso_none;
  std::uint16_t header_size = 0, gso_size = 0, csum_start = 0, csum_offset = 0;
};
void put_link(Writer& out, const Offload& offload, const Mac& destination, const Mac& source, std::uint16_t type);
void put_ip(Writer& out, const Ends& ends, std::uint8_t protocol, std::size_t length, bool df);
// virtio_net_hdr, Ethernet and IP for `length` bytes of `protocol`; with `offload.gso_size` or a checksum to come,
// where they are is filled in.
void put_headers(Writer& out, const Ends& ends, std::uint8_t protocol, std::size_t length, bool df, Offload offload);
// IP has no room for its length in the usual place.
inline bool is_big(const Ends& ends, std::size_t length) { return length + (ends.source.is_v4() ? 20 : 0) > 65535; }
inline std::size_t ip_size(const Ends& ends, std::size_t length) {
  return ends.source.is_v4() ? 20 : is_big(ends, length) ? 48 : 40;
}

}  // namespace net::build
