// The running flows: readiness of sockets, quanta, and the Sink through which Connections act.
#include "net/engine_tcp.h"

#include "sys/inet.h"

#include <algorithm>

namespace net {

TcpFlows::TcpFlows(Core& core)
    : core_(core), stack_{.sink = *this, .pool = core.pool, .mtu = core.config.addressing.mtu} {}

Result<std::unique_ptr<TcpFlows>> TcpFlows::make(Core& core) {
  std::unique_ptr<TcpFlows> made(new TcpFlows(core));
  made->table_ = TRY(FlowTable::make(core.config.limits.tcp_flows, core.key, "TCP flows"));
  made->flows_ = TRY(MappedArray<Flow>::make(core.config.limits.tcp_flows, "TCP flows"));
  return made;
}

void TcpFlows::segment(const Packet& packet, const Slice& frame) {
  const FlowKey key{{packet.source, packet.source_port}, {packet.destination, packet.destination_port}};
  const std::optional<FlowTable::Id> id = table_.find(key);
  if (!id) return open(packet, frame.view());
  Flow& flow = flows_[*id];
  Slice payload = packet.payload_length == 0 ? Slice{} : frame.part(packet.payload, packet.payload_length);
  if (flow.connection.receive(packet.segment, std::move(payload)) == tcp::Connection::Received::reopen) {
    closed(flow.connection);
    return open(packet, frame.view());
  }
  after(flow);
}

// What may have changed with any event: the ClientHello is there, or the window lets more of the host's bytes in.
void TcpFlows::after(Flow& flow) {
  if (flow.removed) return;
  if (flow.visiting && flow.connection.state() == tcp::State::established) flow.visiting = false;
  if (flow.holding) check_hello(flow);
  if (flow.removed) return;
  const bool has_bytes = flow.readable || (flow.peer == Peer::server && (streams_[flow.stream].count > 0 || flow.ended));
  if (!has_bytes) return;
  if (flow.connection.wanted() > 0) enqueue(flow);
  else if (core_.pool.scarce()) starve(flow);
}

// Nothing else may happen to it until there is memory again.
void TcpFlows::starve(Flow& flow) {
  if (flow.starved) return;
  flow.starved = true, flow.next_starved = starved_, starved_ = flow.connection.id();
  core_.retry_soon();
}

void TcpFlows::enqueue(Flow& flow) {
  if (flow.queued || flow.removed) return;
  flow.queued = true;
  append(ready_, &Flow::next_ready, flow.connection.id());
}

void TcpFlows::append(List& list, std::uint32_t Flow::*next, std::uint32_t id) {
  flows_[id].*next = none;
  if (list.first == none) list.first = id;
  else flows_[list.last].*next = id;
  list.last = id;
}

void TcpFlows::event(std::uint32_t id, std::uint32_t generation, std::uint32_t events) {
  if (!table_.is_live(id, generation)) return;
  Flow& flow = flows_[id];
  if (flow.connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) connect_ended(flow, sys::take_socket_error(flow.socket));
    if (flow.removed || flow.connecting) return;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) flow.readable = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) flow.hung_up = true;
  if ((events & EPOLLERR) != 0 && flow.ended) return flow.connection.host_reset();
  if ((events & EPOLLOUT) != 0 && !flow.holding) flow.connection.host_writable();
  after(flow);
}

void TcpFlows::expired(std::uint32_t id) {
  if (!table_.is_live(id)) return;
  Flow& flow = flows_[id];
  flow.connection.expired();
  after(flow);
}

// What is sent stays in the cache only until the next flows' bytes push it out, and a chunk is free again as soon as
// its ACK was read: with many flows the turn ends early and the rest go on in the next, in order.
void TcpFlows::serve_ready() {
  const std::uint32_t last = ready_.last;
  served_ = 0;
  while (ready_.first != none && served_ < served_per_turn) {
    const std::uint32_t id = ready_.first;
    Flow& flow = flows_[id];
    ready_.first = flow.next_ready;
    if (ready_.first == none) ready_.last = none;
    flow.queued = false;
    if (!flow.removed) serve(flow);
    if (id == last) break;
  }
}

void TcpFlows::serve(Flow& flow) {
  if (flow.peer == Peer::server) serve_stream(flow);
  else read_host(flow);
  after(flow);
}

// A short read means that a stream has no more for now (epoll(7)), unless its end is known to be behind. One call reads
// all that a flow may have in this turn, a frame's worth into each chunk: every call may wake who sends.
void TcpFlows::read_host(Flow& flow) {
  const std::size_t frame = flow.connection.frame_limit();
  for (std::size_t taken = 0; quantum - taken >= frame && flow.readable && !flow.removed;) {
    const std::size_t wanted = std::min(flow.connection.wanted(), (quantum - taken) / frame * frame);
    std::array<Slice, most_chunks> chunks;
    std::array<iovec, most_chunks> pieces;
    std::size_t count = 0, asked = 0;
    for (; count < most_chunks && asked < wanted; asked += chunks[count++].size()) {
      Slice chunk = core_.pool.large();
      if (!chunk) break;
      chunk.drop_front(Pool::headroom);
      chunk.keep_front(std::min(wanted - asked, frame));
      pieces[count] = {chunk.writable().data(), chunk.size()};
      chunks[count] = std::move(chunk);
    }
    if (count == 0) return;
    const sys::IoCount got = sys::receive_pieces(flow.socket, std::span(pieces).first(count));
    if (got.count > 0) {
      auto left = static_cast<std::size_t>(got.count);
      const bool drained = left < asked;
      if (drained && !flow.hung_up) flow.readable = false;
      taken += left, served_ += left;
      core_.passed(flow.rule, left, false);
      for (std::size_t i = 0; left > 0; ++i) {
        chunks[i].keep_front(left);
        left -= chunks[i].size();
        flow.connection.take(std::move(chunks[i]), drained && left == 0);
      }
    } else {
      flow.readable = false;
      if (got.count == 0) flow.ended = true, flow.connection.host_ended();
      else if (!got.would_block()) flow.connection.host_reset();
    }
  }
}

void TcpFlows::serve_stream(Flow& flow) {
  Stream& stream = streams_[flow.stream];
  while (stream.count > 0 && !flow.removed) {
    const std::size_t wanted = flow.connection.wanted();
    if (wanted == 0) return;
    Slice& first = stream.replies[0];
    const std::size_t now = std::min({wanted, first.size(), flow.connection.frame_limit()});
    Slice part = first.part(0, now);
    first.drop_front(now);
    if (first.empty()) {
      std::move(stream.replies.begin() + 1, stream.replies.begin() + stream.count, stream.replies.begin());
      stream.replies[--stream.count] = {};
    }
    core_.passed(flow.rule, now, false);
    flow.connection.take(std::move(part), stream.count == 0);
  }
  if (flow.ended && !flow.removed && stream.count == 0) flow.connection.host_ended();
}

void TcpFlows::retry_starved() {
  for (std::uint32_t next = std::exchange(starved_, none); next != none;) {
    Flow& flow = flows_[next];
    next = flow.next_starved;
    flow.starved = false;
    after(flow);
  }
}

void TcpFlows::end_of_turn() {
  while (deferred_.first != none) {
    Flow& flow = flows_[deferred_.first];
    deferred_.first = flow.next_deferred;
    if (!flow.removed) flow.connection.end_of_turn();
  }
  if (dead_ == none) return;
  // A flow that is still in a list is freed a turn later.
  std::uint32_t later = none;
  while (dead_ != none) {
    const std::uint32_t id = dead_;
    Flow& flow = flows_[id];
    dead_ = flow.older;
    if (flow.queued || flow.starved) {
      flow.older = later, later = id;
      continue;
    }
    flows_.end(id);
    table_.release(id);
  }
  dead_ = later;
}

void TcpFlows::keep_pins() {
  for (std::uint32_t id = 0; id < table_.begun(); ++id)
    if (table_.is_live(id)) core_.policy.keep(flows_[id].rule, table_.key(id).outside.address, core_.now);
}

bool TcpFlows::transmit(tcp::Connection& from, const tcp::Header& header, std::span<const View> payload,
                        std::size_t payload_size, std::uint16_t gso_size) {
  std::array<std::uint8_t, 128> headers;
  const FlowKey& key = table_.key(from.id());
  const std::size_t size = build_tcp(headers, core_.tap.ends(key.outside, key.inside), header, payload_size, gso_size);
  return core_.tap.write(View(headers.data(), size), payload);
}

tcp::Written TcpFlows::write(tcp::Connection& from, std::span<const View> bytes) {
  Flow& flow = of(from);
  std::size_t size = 0;
  for (const View piece : bytes) size += piece.size();
  if (flow.holding) return {0, tcp::Written::Stop::would_block};
  if (flow.peer == Peer::server) {
    for (const View piece : bytes) server_->stream_bytes(from.id(), piece);
    core_.passed(flow.rule, size, true);
    return {size, tcp::Written::Stop::none};
  }
  std::array<iovec, 64> pieces;
  const std::size_t count = std::min(bytes.size(), pieces.size());
  for (std::size_t i = 0; i < count; ++i) pieces[i] = {const_cast<std::uint8_t*>(bytes[i].data()), bytes[i].size()};
  const sys::IoCount sent = sys::send_pieces(flow.socket, std::span(pieces).first(count));
  if (sent.would_block()) return {0, tcp::Written::Stop::would_block};
  if (sent.count < 0) return {0, tcp::Written::Stop::failed};
  const auto taken = static_cast<std::size_t>(sent.count);
  core_.passed(flow.rule, taken, true);
  return {taken, taken < size && count == bytes.size() ? tcp::Written::Stop::would_block : tcp::Written::Stop::none};
}

void TcpFlows::finish(tcp::Connection& from) {
  Flow& flow = of(from);
  if (flow.peer == Peer::server) flow.ended = true, enqueue(flow);
  else sys::shut_down_sending(flow.socket);
}

void TcpFlows::keep_alive(tcp::Connection& from) {
  if (of(from).socket.valid()) sys::set_option(of(from).socket, sys::SocketOption::keep_alive, 1);
}

void TcpFlows::close_host(tcp::Connection& from) {
  Flow& flow = of(from);
  flow.socket.reset();
  flow.readable = false;
}

void TcpFlows::reset_host(tcp::Connection& from) {
  Flow& flow = of(from);
  flow.readable = false;
  // The sandbox refused a visitor: its service may listen on the other family only.
  if (flow.visiting && !flow.second_try) return;
  if (flow.socket.valid()) sys::set_option(flow.socket, sys::SocketOption::reset_on_close, 1);
  flow.socket.reset();
}

void TcpFlows::arm(tcp::Connection& from, tcp::Time deadline) {
  core_.timers.set(core_.numbers.tcp + from.id(), round_deadline((deadline + 999) / 1000, core_.now));
}

void TcpFlows::defer(tcp::Connection& from) { append(deferred_, &Flow::next_deferred, from.id()); }

void TcpFlows::closed(tcp::Connection& from) {
  Flow& flow = of(from);
  if (flow.removed) return;
  const std::uint32_t id = from.id();
  if (flow.connecting) stop_opening(flow);
  core_.policy.keep(flow.rule, table_.key(id).outside.address, core_.now);
  core_.timers.cancel(core_.numbers.tcp + id);
  if (flow.peer == Peer::server) {
    server_->stream_closed(id);
    streams_[flow.stream] = {};
  }
  table_.remove(id);
  flow.removed = true, flow.older = dead_, dead_ = id;
  if (flow.visiting && flow.socket.valid()) visit_other_family(id);
  flow.socket.reset();
}

}  // namespace net
