// From the sandbox to the host's sockets, and back what the network says of it.
#include "net/engine_udp.h"

#include "net/udp_runs.h"

#include <algorithm>
#include <cerrno>

namespace net {

const sys::Fd& UdpFlows::socket_of(const Flow& flow) const {
  return flow.listener == none ? flow.socket : listeners_[flow.listener].socket;
}

// A run per entry of `out`; first[i] is the waiting datagram it begins with.
std::size_t UdpFlows::make_outgoing(const Flow& flow, std::span<sys::OutgoingDatagram> out, std::span<iovec> pieces,
                                    std::span<std::size_t> first, const sys::InetAddress* to) {
  std::array<std::size_t, batch_size> sizes;
  for (std::size_t i = 0; i < batch_.count; ++i) {
    const Waiting& waiting = batch_.waiting[i];
    const View payload = waiting.frame.view().from(waiting.payload, waiting.length);
    pieces[i] = {const_cast<std::uint8_t*>(payload.data()), payload.size()};
    sizes[i] = waiting.segment != 0 ? 0 : payload.size();  // a run of its own
  }
  std::size_t count = 0;
  for (std::size_t at = 0; at < batch_.count; ++count) {
    const std::size_t length = run_length(std::span(sizes).subspan(at, batch_.count - at), flow.mtu_limit);
    const std::size_t segment = length > 1 ? sizes[at] : batch_.waiting[at].segment;
    first[count] = at;
    out[count] = {pieces.subspan(at, length), static_cast<std::uint16_t>(segment), to};
    at += length;
  }
  return count;
}

void UdpFlows::flush() {
  if (batch_.count == 0) return;
  Flow& flow = flows_[batch_.flow];
  std::array<sys::OutgoingDatagram, batch_size> out;
  std::array<iovec, batch_size> pieces;
  std::array<std::size_t, batch_size> first;
  const sys::InetAddress to = to_socket(flow.peer);
  const std::size_t count = make_outgoing(flow, out, pieces, first, flow.listener == none ? nullptr : &to);
  if (!flow.removed) send(flow, std::span(out).first(count), std::span(first).first(count));
  for (std::size_t i = 0; i < batch_.count; ++i) batch_.waiting[i].frame = {};
  batch_.count = 0, batch_.flow = none;
}

void UdpFlows::send(Flow& flow, std::span<const sys::OutgoingDatagram> out, std::span<const std::size_t> first) {
  bool tried = false;
  for (std::size_t at = 0; at < out.size();) {
    const sys::IoCount sent = sys::send_datagrams(socket_of(flow), out.subspan(at));
    if (sent.count > 0) {
      at += static_cast<std::size_t>(sent.count), tried = false;
      continue;
    }
    if (sent.would_block() || sent.error == ENOBUFS) return;  // lost, as on any full link
    // An error that came for an earlier datagram is told once, and this one has not been tried.
    if (!tried && (sent.error == ECONNREFUSED || sent.error == EHOSTUNREACH || sent.error == ENETUNREACH)) {
      tried = true;
      if (flow.listener == none) drain_errors(batch_.flow);
      continue;
    }
    if (out[at].segment != 0) send_apart(flow, out[at]);
    else refuse(flow, batch_.waiting[first[at]], sent.error);
    ++at, tried = false;
  }
}

// What the host will not segment (no route with offload, a smaller MTU than when the flow began) goes one by one.
void UdpFlows::send_apart(Flow& flow, const sys::OutgoingDatagram& run) {
  const std::size_t segment = run.segment;
  if (run.pieces.size() > 1) flow.mtu_limit = 0;
  for (const iovec& piece : run.pieces) {
    auto* const bytes = static_cast<std::uint8_t*>(piece.iov_base);
    for (std::size_t at = 0; at < piece.iov_len; at += segment) {
      const iovec one{bytes + at, std::min(segment, piece.iov_len - at)};
      const sys::OutgoingDatagram datagram{{&one, 1}, 0, run.to};
      const sys::IoCount sent = sys::send_datagrams(socket_of(flow), {&datagram, 1});
      if (sent.count > 0) continue;
      if (sent.would_block()) return;
      for (std::size_t i = 0; i < batch_.count; ++i) {
        const Waiting& waiting = batch_.waiting[i];
        const View payload = waiting.frame.view().from(waiting.payload, waiting.length);
        if (payload.data() <= bytes && bytes < payload.data() + payload.size()) refuse(flow, waiting, sent.error);
      }
      break;
    }
  }
}

void UdpFlows::refuse(const Flow& flow, const Waiting& waiting, int error) {
  const std::optional<Unreachable> why = complaint_of(error);
  if (!why) return;
  const FlowKey& key = table_.key(batch_.flow);
  const bool v4 = flow.peer.address.is_v4();
  const int mtu = error == EMSGSIZE && flow.socket.valid() ? sys::path_mtu(flow.socket, v4) : 0;
  core_.tap.complain(core_.gateway(v4), key.inside.address, *why, static_cast<std::uint32_t>(std::max(mtu, 0)),
                     waiting.frame.view().from(waiting.l3, waiting.ip_end - waiting.l3));
}

// ICMP that came back. A complaint of our own kernel about a size was answered when the datagram was refused.
void UdpFlows::drain_errors(std::uint32_t id) {
  const Flow& flow = flows_[id];
  const FlowKey& key = table_.key(id);
  std::array<std::byte, 512> payload;
  sys::QueuedError queued;
  for (unsigned i = 0; i < 64 && sys::next_queued_error(flow.socket, payload, queued); ++i) {
    const std::optional<Unreachable> why = complaint_of(queued);
    if (!why || queued.origin == sys::QueuedError::Origin::local) continue;
    const Address offender{queued.offender.bytes};
    const Reach reach = reach_of(offender);
    const bool known = queued.has_offender && reach != Reach::loopback && reach != Reach::unspecified;
    const Address from = queued.has_offender && offender == flow.peer.address ? key.outside.address
                       : known && !core_.policy.is_host(offender) ? offender : core_.gateway(flow.peer.address.is_v4());
    std::array<std::uint8_t, longest_quote + 512> quote;
    const View sent(reinterpret_cast<const std::uint8_t*>(payload.data()), std::min(queued.payload, payload.size()));
    const std::size_t size = build_quoted_datagram(quote, key.inside, key.outside, ip::udp, sent);
    core_.tap.complain(from, key.inside.address, *why, queued.mtu, View(quote.data(), size));
  }
}

}  // namespace net
