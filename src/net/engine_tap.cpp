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
  if (payload.size() > most_pieces) return false;
  const auto piece_of = [](View view) { return iovec{const_cast<std::uint8_t*>(view.data()), view.size()}; };
  pieces[0] = piece_of(headers);
  std::ranges::transform(payload, pieces.begin() + 1, piece_of);
  if (capture_.active()) capture_written(headers, payload);
  ++frames_out;
  return sys::write_pieces(tap_, std::span(pieces).first(payload.size() + 1)).count >= 0;
}

void TapPort::capture_written(View headers, std::span<const View> payload) {
  std::array<View, most_pieces + 1> shown;
  shown[0] = headers.from(vnet::size);
  std::ranges::copy(payload, shown.begin() + 1);
  capture_.add(time_, Direction::to_sandbox, std::span(shown).first(payload.size() + 1), {});
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
