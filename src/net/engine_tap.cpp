// One read(2) or writev(2) per frame; with segmentation offload a frame is up to 64 KiB.
#include "net/engine_tap.h"

#include "sys/inet.h"

#include <algorithm>
#include <array>

namespace net {

TapPort::Read TapPort::read(Pool& pool) {
  Slice chunk = pool.for_frame();
  if (!chunk) return {.what = Read::no_memory, .slice = {}};
  const auto room = chunk.writable().first(std::min(chunk.writable().size(), largest_frame));
  const sys::IoCount got = sys::read_bytes(tap_, std::as_writable_bytes(room));
  if (got.count <= 0) return {};
  chunk.keep_front(static_cast<std::size_t>(got.count));
  ++frames_in;
  if (capture_.active()) {
    last_read_ = chunk.view().from(vnet::size);
    capture_.add(time_, Direction::from_sandbox, {&last_read_, 1}, {});
  }
  return {.what = Read::frame, .slice = std::move(chunk)};
}

void TapPort::comment_read(std::string_view comment) {
  if (capture_.active()) capture_.comment_last({&last_read_, 1}, comment);
}

bool TapPort::write(View headers, std::span<const View> payload) {
  std::array<iovec, most_pieces + 1> pieces;
  std::array<View, most_pieces + 1> shown;
  if (payload.size() > most_pieces) return false;
  shown[0] = headers;
  std::ranges::copy(payload, shown.begin() + 1);
  const std::size_t count = payload.size() + 1;
  for (std::size_t i = 0; i < count; ++i)
    pieces[i] = {const_cast<std::uint8_t*>(shown[i].data()), shown[i].size()};
  if (capture_.active()) {
    shown[0] = headers.from(vnet::size);
    capture_.add(time_, Direction::to_sandbox, std::span(shown).first(count), {});
  }
  ++frames_out;
  return sys::write_pieces(tap_, std::span(pieces).first(count)).count >= 0;
}

Ends TapPort::ends(const Endpoint& outside, const Endpoint& inside) const {
  return {.source_mac = own_, .destination_mac = guest_, .source = outside.address,
          .destination = inside.address, .source_port = outside.port, .destination_port = inside.port};
}

void TapPort::complain(const Address& from, const Address& inside, Unreachable why, std::uint32_t mtu, View offending) {
  std::array<std::uint8_t, longest_error> frame;
  const std::size_t size = build_error(frame, ends({from, 0}, {inside, 0}), why, mtu, offending);
  if (size != 0) write(View(frame.data(), size));
}

}  // namespace net
