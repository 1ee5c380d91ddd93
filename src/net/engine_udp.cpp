// UDP flows: how they begin and end. A flow without an answer lives for 30 seconds, others for two minutes of silence
// (RFC 4787 4.3), a question to a name server for ten seconds after its answer.
#include "net/engine_udp.h"

#include <algorithm>
#include <cerrno>

namespace net {

Result<std::unique_ptr<UdpFlows>> UdpFlows::make(Core& core, std::vector<Listener> listeners) {
  std::unique_ptr<UdpFlows> made(new UdpFlows(core));
  made->table_ = TRY(FlowTable::make(core.config.limits.udp_flows, core.key, "UDP flows"));
  made->flows_ = TRY(MappedArray<Flow>::make(core.config.limits.udp_flows, "UDP flows"));
  made->buffers_ = TRY(MappedArray<std::uint8_t>::make(batch_size * buffer_stride, "datagrams"));
  made->listeners_ = std::move(listeners);
  for (const Listener& listener : made->listeners_)
    sys::set_option(listener.socket, sys::SocketOption::receive_groups, 1);
  return made;
}

void UdpFlows::datagram(const Packet& packet, const Slice& frame) {
  const FlowKey key{{packet.source, packet.source_port}, {packet.destination, packet.destination_port}};
  std::optional<std::uint32_t> id = table_.find(key);
  if (id != batch_.flow || batch_.count == batch_size) flush();
  if (!id) id = open(packet, frame.view());
  if (!id) return;
  Flow& flow = flows_[*id];
  touch(flow);
  flow.replied = flow.replied || flow.listener != none;
  set_options(flow, packet);
  batch_.flow = *id;
  batch_.waiting[batch_.count++] = {frame, packet.l3, packet.ip_end, packet.payload, packet.payload_length,
                                    packet.gso_size};
  core_.passed(flow.rule, packet.payload_length, true);
}

// As the sandbox set them on its own packet: a DF bit that is lost makes path MTU discovery believe in the tap's MTU,
// and traceroute needs its hop limits.
void UdpFlows::set_options(Flow& flow, const Packet& packet) {
  if (flow.listener != none || (flow.hops == packet.hop_limit && flow.df_known && flow.df == packet.df)) return;
  flush();
  const bool v4 = flow.peer.address.is_v4();
  if (flow.hops != packet.hop_limit)
    sys::set_option(flow.socket, v4 ? sys::SocketOption::v4_ttl : sys::SocketOption::v6_hops, std::max<int>(packet.hop_limit, 1));
  if (!flow.df_known || flow.df != packet.df)
    sys::set_option(flow.socket, v4 ? sys::SocketOption::v4_mtu_discovery : sys::SocketOption::v6_mtu_discovery,
                    packet.df ? 2 : 0);  // IP_PMTUDISC_DO, _DONT; those of IPv6 have the same numbers
  flow.hops = packet.hop_limit, flow.df = packet.df, flow.df_known = true;
}

void UdpFlows::limited(const Packet& packet, std::string_view which) {
  ++core_.report.counted.refused;
  core_.report.denied(Protocol::udp, {packet.destination, packet.destination_port}, {}, which, core_.now);
  core_.need_second();
}

// The oldest of a few that nobody answered makes room, else the oldest of them all.
void UdpFlows::evict() {
  std::uint32_t chosen = none;
  for (unsigned i = 0; i < 64 && i < table_.begun(); ++i) {
    evict_at_ = (evict_at_ + 1) % table_.begun();
    if (!table_.is_live(evict_at_)) continue;
    const Flow& flow = flows_[evict_at_];
    const bool better = chosen == none || flow.replied < flows_[chosen].replied ||
                        (flow.replied == flows_[chosen].replied && flow.active < flows_[chosen].active);
    if (better) chosen = evict_at_;
  }
  if (chosen != none) close(chosen);
}

std::optional<std::uint32_t> UdpFlows::open(const Packet& packet, View frame) {
  const Decision decision =
      core_.policy.decide(Protocol::udp, packet.destination, packet.destination_port, core_.now);
  if (!decision.allowed()) {
    if (!core_.is_engine_rule(decision.rule)) core_.deny(Protocol::udp, packet, frame, decision);
    else core_.tap.complain(packet.destination, packet.source, Unreachable::port, 0, packet.ip_packet(frame));
    return std::nullopt;
  }
  if (table_.size() + 32 > table_.capacity()) evict();
  const FlowKey key{{packet.source, packet.source_port}, {packet.destination, packet.destination_port}};
  const std::optional<std::uint32_t> id = table_.add(key);
  if (!id) {
    limited(packet, "limit of UDP flows");
    return std::nullopt;
  }
  Flow& flow = flows_.begin(*id);
  flow.rule = decision.rule, flow.peer = key.outside;
  if (!connect(flow, packet, frame, *id)) {
    close(*id);
    return std::nullopt;
  }
  ++core_.policy.counters(flow.rule).flows;
  ++core_.report.counted.udp_flows;
  core_.timers.set(core_.numbers.udp + *id, core_.now + after_dns);
  return id;
}

// The source port stays the same where it is free: some protocols tell it to the peer.
bool UdpFlows::connect(Flow& flow, const Packet& packet, View frame, std::uint32_t id) {
  const bool v4 = flow.peer.address.is_v4();
  sys::NewSocket made = sys::make_inet_socket(v4, sys::Transport::datagram);
  if (made.error != 0) {
    limited(packet, "limit of open files");
    core_.tap.complain(core_.gateway(v4), packet.source, Unreachable::prohibited, 0, packet.ip_packet(frame));
    return false;
  }
  sys::set_option(made.fd, v4 ? sys::SocketOption::v4_errors : sys::SocketOption::v6_errors, 1);
  if (packet.destination_port != 53) sys::set_option(made.fd, sys::SocketOption::receive_groups, 1);
  Endpoint any{v4 ? Address::from_v4(0) : Address{}, packet.source_port};
  if (packet.source_port >= 1024 && sys::bind_to(made.fd, to_socket(any)) != 0) any.port = 0;
  if (const int error = sys::connect_to(made.fd, to_socket(flow.peer)); error != 0) {
    if (const auto why = complaint_of(error))
      core_.tap.complain(core_.gateway(v4), packet.source, *why, 0, packet.ip_packet(frame));
    return false;
  }
  const auto mtu = static_cast<unsigned>(std::clamp(sys::path_mtu(made.fd, v4), 0, 65535));
  flow.mtu_limit = static_cast<std::uint16_t>(mtu > 48 ? mtu - 48 : 0);
  flow.socket = std::move(made.fd);
  return core_.watch(flow.socket, {Source::udp, table_.generation(id), id});
}

// Visitors of one port are told apart by what the sandbox sees of them; two may look the same but for the port.
std::optional<std::uint32_t> UdpFlows::open_visitor(std::uint32_t listener, const Endpoint& from) {
  const bool v4 = from.address.is_v4();
  FlowKey key{{core_.guest(v4), listeners_[listener].inside}, {core_.visible(from.address), from.port}};
  for (unsigned tries = 0; tries < 8; ++tries, ++key.outside.port) {
    const std::optional<std::uint32_t> known = table_.find(key);
    if (known && flows_[*known].listener == listener && flows_[*known].peer == from) return known;
    if (known) continue;
    if (table_.size() + 32 > table_.capacity()) evict();
    const std::optional<std::uint32_t> id = table_.add(key);
    if (!id) return std::nullopt;
    Flow& flow = flows_.begin(*id);
    flow.rule = core_.rule_of(Builtin::published), flow.peer = from, flow.listener = listener;
    flow.mtu_limit = 1400;
    touch(flow);
    ++core_.policy.counters(flow.rule).flows;
    ++core_.report.counted.udp_flows;
    core_.timers.set(core_.numbers.udp + *id, core_.now + after_dns);
    return id;
  }
  return std::nullopt;
}

Milliseconds UdpFlows::lifetime(std::uint32_t id) const {
  const Flow& flow = flows_[id];
  if (!flow.replied) return unreplied;
  return table_.key(id).outside.port == 53 ? after_dns : stream;
}

void UdpFlows::expired(std::uint32_t id) {
  if (!table_.is_live(id)) return;
  const Milliseconds until = flows_[id].active + lifetime(id);
  if (until <= core_.now) close(id);
  else core_.timers.set(core_.numbers.udp + id, until);
}

void UdpFlows::close(std::uint32_t id) {
  Flow& flow = flows_[id];
  if (flow.removed) return;
  if (batch_.flow == id) flush();
  core_.policy.keep(flow.rule, table_.key(id).outside.address, core_.now);
  core_.timers.cancel(core_.numbers.udp + id);
  table_.remove(id);
  flow.socket.reset();
  flow.removed = true, flow.next_dead = dead_, dead_ = id;
}

void UdpFlows::end_of_turn() {
  std::uint32_t later = none;
  while (dead_ != none) {
    const std::uint32_t id = dead_;
    dead_ = flows_[id].next_dead;
    if (flows_[id].queued) {
      flows_[id].next_dead = later, later = id;
      continue;
    }
    flows_.end(id);
    table_.release(id);
  }
  dead_ = later;
}

void UdpFlows::keep_pins() {
  for (std::uint32_t id = 0; id < table_.begun(); ++id)
    if (table_.is_live(id)) core_.policy.keep(flows_[id].rule, table_.key(id).outside.address, core_.now);
}

}  // namespace net
