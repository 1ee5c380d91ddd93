// What is the same for every protocol: refusing, counting, registering.
#include "net/engine_core.h"

#include <algorithm>

namespace net {

bool Core::is_engine_rule(std::uint16_t rule) const {
  return rule == rule_of(Builtin::gateway) || rule == rule_of(Builtin::host_port);
}

void Core::deny(Protocol protocol, const Packet& packet, View frame, const Decision& decision) {
  Counters& counters = policy.counters(decision.rule);
  ++counters.flows, ++counters.packets;
  counters.bytes += packet.payload_length;
  ++report.counted.denied;
  const std::string_view rule = policy.text(decision.rule);
  tap.comment_read(rule);
  report.denied(protocol, {packet.destination, packet.destination_port}, decision.name, rule, now);
  need_second();
  tap.complain(gateway(!packet.v6), packet.source, Unreachable::prohibited, 0, packet.ip_packet(frame));
}

void Core::passed(std::uint16_t rule, std::uint64_t bytes, bool out) {
  Counters& counters = policy.counters(rule);
  counters.bytes += bytes, ++counters.packets;
  (out ? report.counted.tx_bytes : report.counted.rx_bytes) += bytes;
}

bool Core::watch(const sys::Fd& socket, EventName name) {
  return sys::watch_edges(epoll, socket.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, to_number(name)) == 0;
}

Address Core::visible(const Address& visitor) const {
  const Addressing& own = config.addressing;
  const bool v4 = visitor.is_v4();
  const Prefix inside{own.guest4, 96 + own.bits4}, inside6{own.guest6, own.bits6};
  const Reach reach = reach_of(visitor);
  const bool routed = reach == Reach::global || reach == Reach::private_use;
  const auto same_net = [&](const Prefix& net) {
    Prefix masked = net;
    for (std::size_t bit = net.bits; bit < 128; ++bit)
      masked.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
    return masked.contains(visitor);
  };
  const bool means_else = same_net(v4 ? inside : inside6) || is_host_port(visitor) || (!v4 && !own.ipv6);
  return routed && !means_else && !policy.is_host(visitor) ? visitor : gateway(v4);
}

}  // namespace net
