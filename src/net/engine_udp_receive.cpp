// From the host's sockets to the sandbox: a batch per system call, and runs of one flow as one frame.
#include "net/engine_udp.h"

#include "net/udp_runs.h"

#include <algorithm>
#include <utility>

namespace net {

void UdpFlows::event(std::uint32_t id, std::uint32_t generation, std::uint32_t events) {
  if (!table_.is_live(id, generation)) return;
  Flow& flow = flows_[id];
  if ((events & EPOLLERR) != 0) drain_errors(id);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
  flow.readable = true;
  if (flow.queued) return;
  flow.queued = true, flow.next_ready = none;
  (ready_ == none ? ready_ : flows_[last_ready_].next_ready) = id;
  last_ready_ = id;
}

void UdpFlows::serve_ready() {
  const std::uint32_t last = last_ready_;
  while (ready_ != none) {
    const std::uint32_t id = ready_;
    ready_ = flows_[id].next_ready;
    flows_[id].queued = false;
    if (!flows_[id].removed) serve(id);
    if (id == last) break;
  }
  if (!std::exchange(visitors_waiting_, false)) return;
  for (std::uint32_t i = 0; i < listeners_.size(); ++i)
    if (std::exchange(listeners_[i].waiting, false)) visitors(i);
}

// Datagrams into our buffers; how many.
std::size_t UdpFlows::receive(const sys::Fd& socket) {
  std::array<iovec, batch_size> into;
  for (std::size_t i = 0; i < batch_size; ++i) into[i] = {&buffers_[i * buffer_stride], 65536};
  sys::IoCount got = sys::receive_datagrams(socket, into, received_);
  // An error that waited is told ahead of the datagrams, once; no further edge would tell of those.
  for (unsigned i = 0; i < 4 && got.count < 0 && !got.would_block(); ++i)
    got = sys::receive_datagrams(socket, into, received_);
  return got.count < 0 ? 0 : static_cast<std::size_t>(got.count);
}

void UdpFlows::serve(std::uint32_t id) {
  Flow& flow = flows_[id];
  for (std::size_t calls = 0; flow.readable && !flow.removed; ++calls) {
    if (calls == calls_per_turn) {
      event(id, table_.generation(id), EPOLLIN);
      return;
    }
    const std::size_t count = receive(flow.socket);
    flow.readable = count == batch_size;
    // What came between bind() and connect() may be from anyone.
    std::size_t first = 0;
    while (first < count && to_endpoint(received_[first].from) != flow.peer) ++first;
    std::size_t end = first;
    while (end < count && to_endpoint(received_[end].from) == flow.peer) ++end;
    if (end > first) deliver(id, first, end - first);
  }
}

// Whoever sends faster than we read has a share of each turn, and no more.
void UdpFlows::visitors(std::uint32_t listener) {
  std::size_t calls = 0;
  for (std::size_t count = batch_size; count == batch_size;) {
    if (calls++ == calls_per_turn) {
      listeners_[listener].waiting = visitors_waiting_ = true;
      return;
    }
    count = receive(listeners_[listener].socket);
    for (std::size_t at = 0; at < count;) {
      std::size_t end = at + 1;
      while (end < count && received_[end].from.bytes == received_[at].from.bytes && received_[end].from.port == received_[at].from.port) ++end;
      const std::optional<std::uint32_t> id = open_visitor(listener, to_endpoint(received_[at].from));
      if (id) deliver(*id, at, end - at);
      at = end;
    }
  }
}

void UdpFlows::deliver(std::uint32_t id, std::size_t first, std::size_t count) {
  Flow& flow = flows_[id];
  touch(flow);
  flow.replied = flow.listener == none || flow.replied;
  std::array<std::size_t, batch_size> sizes;
  const std::size_t end = first + count, largest = core_.config.addressing.mtu - 48u;
  for (std::size_t i = first; i < end; ++i) {
    core_.passed(flow.rule, received_[i].size, false);
    const bool alone = received_[i].segment != 0 || !core_.tap.udp_segments();
    sizes[i] = alone ? 0 : received_[i].size;
  }
  for (std::size_t at = first; at < end;) {
    const std::size_t length = run_length(std::span(sizes).subspan(at, end - at), largest);
    deliver_run(id, at, length);
    at += length;
  }
}

void UdpFlows::deliver_run(std::uint32_t id, std::size_t first, std::size_t count) {
  const FlowKey& key = table_.key(id);
  const std::size_t segment = count > 1 ? received_[first].size : received_[first].segment;
  if (received_[first].truncated) return;
  if (count == 1 && segment != 0 && segment < received_[first].size && !core_.tap.udp_segments())
    return deliver_segments(id, received(first), segment);
  std::array<View, most_in_run> pieces;
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) pieces[i] = received(first + i), total += pieces[i].size();
  std::array<std::uint8_t, 128> headers;
  const std::size_t size = build_udp(headers, core_.tap.ends(key.outside, key.inside), total, true,
                                     static_cast<std::uint16_t>(segment < total ? segment : 0));
  core_.tap.write(View(headers.data(), size), std::span<const View>(pieces).first(count));
}

void UdpFlows::deliver_segments(std::uint32_t id, View bytes, std::size_t segment) {
  const FlowKey& key = table_.key(id);
  for (std::size_t at = 0; at < bytes.size(); at += segment) {
    const View one = bytes.from(at, segment);
    std::array<std::uint8_t, 128> headers;
    const std::size_t size = build_udp(headers, core_.tap.ends(key.outside, key.inside), one.size(), true, 0);
    core_.tap.write(View(headers.data(), size), one);
  }
}

}  // namespace net
