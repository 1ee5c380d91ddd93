// A flow is (address inside, address outside, identifier); requests of the same ping(8) share its socket.
#include "net/engine_ping.h"

#include <algorithm>
#include <cerrno>

namespace net {

namespace {
constexpr std::size_t buffer_size = 65536;
FlowKey key_of(const Packet& packet) { return {{packet.source, packet.icmp.id}, {packet.destination, 0}}; }
}  // namespace

Result<std::unique_ptr<PingFlows>> PingFlows::make(Core& core) {
  std::unique_ptr<PingFlows> made(new PingFlows(core));
  made->table_ = TRY(FlowTable::make(core.config.limits.ping_flows, core.key, "echo flows"));
  made->flows_ = TRY(MappedArray<Flow>::make(core.config.limits.ping_flows, "echo flows"));
  made->buffer_ = TRY(MappedArray<std::uint8_t>::make(buffer_size, "echo replies"));
  made->v4_permitted_ = sys::make_inet_socket(true, sys::Transport::ping).error == 0;
  made->v6_permitted_ = sys::make_inet_socket(false, sys::Transport::ping).error == 0;
  return made;
}

void PingFlows::answer_self(const Packet& packet, View frame) {
  const View payload = packet.body(frame);
  std::array<std::uint8_t, 128> headers;
  const Icmp reply{.type = static_cast<std::uint8_t>(packet.v6 ? 129 : 0), .code = 0, .id = packet.icmp.id, .seq = packet.icmp.seq};
  core_.tap.write(View(headers.data(), build_icmp(headers, reply_to(packet), reply, payload)), payload);
}

void PingFlows::refuse(const Packet& packet, View frame, std::string_view why) {
  ++core_.report.counted.refused;
  core_.tap.comment_read(why);
  core_.report.denied(Protocol::icmp, {packet.destination, 0}, {}, why, core_.now);
  core_.need_second();
  core_.tap.complain(core_.gateway(!packet.v6), packet.source, Unreachable::prohibited, 0, packet.ip_packet(frame));
}

void PingFlows::echo(const Packet& packet, View frame) {
  if (packet.icmp.type != (packet.v6 ? 128 : 8) || packet.icmp.code != 0) return;
  if (core_.is_gateway(packet.destination) || core_.is_host_port(packet.destination)) return answer_self(packet, frame);
  std::optional<std::uint32_t> id = table_.find(key_of(packet));
  if (!id) id = open(packet, frame);
  if (!id) return;
  Flow& flow = flows_[*id];
  flow.active = core_.now;
  if (flow.hops != packet.hop_limit)
    sys::set_option(flow.socket, packet.v6 ? sys::SocketOption::v6_hops : sys::SocketOption::v4_ttl, std::max<int>(packet.hop_limit, 1));
  flow.hops = packet.hop_limit;
  const View message = frame.from(packet.l4, packet.payload - packet.l4 + packet.payload_length);
  core_.passed(flow.rule, packet.payload_length, true);
  const iovec piece{const_cast<std::uint8_t*>(message.data()), message.size()};
  sys::IoCount sent = sys::send_pieces(flow.socket, {&piece, 1});
  if (sent.count < 0 && !sent.would_block()) {  // perhaps the error of an earlier one, which is told once
    drain_errors(*id);
    sent = sys::send_pieces(flow.socket, {&piece, 1});
  }
  if (sent.count >= 0 || sent.would_block()) return;
  const std::optional<Unreachable> why = complaint_of(sent.error);
  const int mtu = sent.error == EMSGSIZE ? sys::path_mtu(flow.socket, !packet.v6) : 0;
  if (why)
    core_.tap.complain(core_.gateway(!packet.v6), packet.source, *why, static_cast<std::uint32_t>(std::max(mtu, 0)),
                       packet.ip_packet(frame));
}

std::optional<std::uint32_t> PingFlows::open(const Packet& packet, View frame) {
  const Decision decision = core_.policy.decide(Protocol::icmp, packet.destination, 0, core_.now);
  if (!decision.allowed()) {
    core_.deny(Protocol::icmp, packet, frame, decision);
    return std::nullopt;
  }
  if (!(packet.v6 ? v6_permitted_ : v4_permitted_)) {
    refuse(packet, frame, "this host lets only groups of net.ipv4.ping_group_range ping");
    return std::nullopt;
  }
  for (unsigned i = 0; table_.size() + 8 > table_.capacity() && i < 8 && table_.begun() > 0; ++i) {
    evict_at_ = (evict_at_ + 1) % table_.begun();
    if (table_.is_live(evict_at_)) close(evict_at_);
  }
  sys::NewSocket made = sys::make_inet_socket(!packet.v6, sys::Transport::ping);
  const std::optional<std::uint32_t> id = made.error == 0 ? table_.add(key_of(packet)) : std::nullopt;
  if (!id) {
    refuse(packet, frame, "limit of echo flows");
    return std::nullopt;
  }
  Flow& flow = flows_.begin(*id);
  flow.socket = std::move(made.fd), flow.rule = decision.rule;
  sys::set_option(flow.socket, packet.v6 ? sys::SocketOption::v6_errors : sys::SocketOption::v4_errors, 1);
  const int error = sys::connect_to(flow.socket, to_socket({packet.destination, 0}));
  if (error != 0 || !core_.watch(flow.socket, {Source::ping, table_.generation(*id), *id})) {
    if (const auto why = complaint_of(error))
      core_.tap.complain(core_.gateway(!packet.v6), packet.source, *why, 0, packet.ip_packet(frame));
    close(*id);
    return std::nullopt;
  }
  ++core_.policy.counters(flow.rule).flows;
  ++core_.report.counted.icmp_flows;
  core_.timers.set(core_.numbers.ping + *id, core_.now + lifetime);
  return id;
}

void PingFlows::event(std::uint32_t id, std::uint32_t generation, std::uint32_t events) {
  if (!table_.is_live(id, generation)) return;
  if ((events & EPOLLERR) != 0) drain_errors(id);
  receive(id);
}

// The kernel has put its own identifier into the reply; the sandbox gets the one it sent.
void PingFlows::receive(std::uint32_t id) {
  const FlowKey& key = table_.key(id);
  const bool v4 = key.inside.address.is_v4();
  for (unsigned i = 0; i < 64; ++i) {
    const sys::IoCount got = sys::receive_bytes(flows_[id].socket, std::as_writable_bytes(std::span(&buffer_[0], buffer_size)));
    if (got.count < 0) return;
    const View message(&buffer_[0], static_cast<std::size_t>(got.count));
    if (message.size() < 8 || message.u8(0) != (v4 ? 0 : 129)) continue;
    const Icmp reply{.type = message.u8(0), .code = message.u8(1), .id = key.inside.port, .seq = message.be16(6)};
    const View payload = message.from(8);
    std::array<std::uint8_t, 128> headers;
    const std::size_t size =
        build_icmp(headers, core_.tap.ends({key.outside.address, 0}, {key.inside.address, 0}), reply, payload);
    core_.passed(flows_[id].rule, payload.size(), false);
    core_.tap.write(View(headers.data(), size), payload);
  }
}

// The queue gives back the request as it was sent, its header first.
void PingFlows::drain_errors(std::uint32_t id) {
  const FlowKey& key = table_.key(id);
  std::array<std::byte, 512> payload;
  sys::QueuedError queued;
  for (unsigned i = 0; i < 64 && sys::next_queued_error(flows_[id].socket, payload, queued); ++i) {
    const std::optional<Unreachable> why = complaint_of(queued);
    const View sent(reinterpret_cast<const std::uint8_t*>(payload.data()), std::min(queued.payload, payload.size()));
    if (!why || queued.origin == sys::QueuedError::Origin::local || sent.size() < 8) continue;
    const Address offender{queued.offender.bytes};
    const Reach reach = reach_of(offender);
    const bool hidden = !queued.has_offender || reach == Reach::loopback || reach == Reach::unspecified || core_.policy.is_host(offender);
    std::array<std::uint8_t, longest_quote + 512> quote;
    const std::size_t size = build_quoted_datagram(quote, key.inside, {key.outside.address, sent.be16(6)},
                                                   key.inside.address.is_v4() ? ip::icmp4 : ip::icmp6, sent.from(8));
    core_.tap.complain(hidden ? core_.gateway(key.inside.address.is_v4()) : offender, key.inside.address, *why, queued.mtu,
                       View(quote.data(), size));
  }
}

void PingFlows::expired(std::uint32_t id) {
  if (!table_.is_live(id)) return;
  if (flows_[id].active + lifetime <= core_.now) close(id);
  else core_.timers.set(core_.numbers.ping + id, flows_[id].active + lifetime);
}

void PingFlows::close(std::uint32_t id) {
  Flow& flow = flows_[id];
  core_.policy.keep(flow.rule, table_.key(id).outside.address, core_.now);
  core_.timers.cancel(core_.numbers.ping + id);
  table_.remove(id);
  flow.socket.reset();
  flow.removed = true, flow.next_dead = dead_, dead_ = id;
}

void PingFlows::end_of_turn() {
  while (dead_ != none) {
    const std::uint32_t id = dead_;
    dead_ = flows_[id].next_dead;
    flows_.end(id);
    table_.release(id);
  }
}

}  // namespace net
