// One frame of the sandbox: what it is, whether it may be from there, and whose it is.
#include "net/engine_loop.h"

namespace net {

namespace {
bool is_group(const Address& address) {
  if (address.is_v4() && address.bytes[12] < 224) return false;  // RFC 5771; this is asked of each frame
  const Reach reach = reach_of(address);
  return reach == Reach::multicast || reach == Reach::broadcast;
}
}  // namespace

void Engine::frame(const Slice& frame) {
  Packet packet;
  const Reject reject = parse(frame.view(), packet);
  if (reject != Reject::none) {
    ++core_.report.counted.malformed;
    core_.tap.comment_read(reject_names[reject]);
    return;
  }
  if (packet.kind == Kind::arp) return answer_arp(packet);
  if (packet.v6 && packet.kind == Kind::icmp && answer_neighbour(packet, frame.view())) return;
  if (is_group(packet.destination)) return;
  if (!is_from_guest(packet)) return;
  core_.tap.learn(packet.source_mac);
  if (packet.kind == Kind::fragment) return reassemble(packet, frame);
  internet(packet, frame);
}

// The addresses that were given to the sandbox and no other: not even a raw socket inside speaks for someone else.
bool Engine::is_from_guest(const Packet& packet) {
  const Addressing& own = core_.config.addressing;
  if (packet.source == own.guest4 || packet.source == own.guest6) return true;
  if (packet.v6 && reach_of(packet.source) == Reach::link_local) return false;  // of the link: not forwarded, no forgery
  ++core_.report.counted.denied;
  core_.tap.comment_read("forged source");
  core_.report.denied(Protocol::any, {packet.destination, packet.destination_port}, {}, "forged source", core_.now);
  core_.need_second();
  return false;
}

void Engine::internet(const Packet& packet, const Slice& frame) {
  switch (packet.kind) {
    case Kind::tcp: return tcp_->segment(packet, frame);
    case Kind::udp:
      if (core_.is_gateway(packet.destination) && packet.destination_port == 53) return dns_->datagram(packet, frame.view());
      return udp_->datagram(packet, frame);
    case Kind::icmp: return ping_->echo(packet, frame.view());
    case Kind::other:
      return core_.tap.complain(core_.gateway(!packet.v6), packet.source, Unreachable::protocol, 0,
                                packet.ip_packet(frame.view()));
    case Kind::arp: case Kind::fragment: return;
  }
}

void Engine::answer_arp(const Packet& packet) {
  const Address& target = packet.arp.target;
  if (packet.arp.operation != 1 || (!core_.is_gateway(target) && !core_.is_host_port(target))) return;
  std::array<std::uint8_t, 128> out;
  core_.tap.write(View(out.data(), build_arp_reply(out, packet, core_.config.addressing.gateway_mac)));
}

bool Engine::answer_neighbour(const Packet& packet, View frame) {
  const std::optional<Address> target = solicited_target(packet, frame);
  if (!target) return false;
  if (!core_.is_gateway(*target) && !core_.is_host_port(*target)) return true;
  std::array<std::uint8_t, 128> out;
  const std::size_t size = build_neighbour(out, packet, *target, core_.config.addressing.gateway_mac);
  if (size != 0) core_.tap.write(View(out.data(), size));
  return true;
}

void Engine::reassemble(const Packet& packet, const Slice& frame) {
  const Fragments::Taken taken = fragments_.take(packet, frame.view(), core_.now);
  if (taken.outcome == Fragments::Outcome::refused) ++core_.report.counted.malformed;
  if (taken.outcome != Fragments::Outcome::complete) return;
  Slice whole = core_.pool.large();
  if (!whole || taken.whole.size() > whole.size()) return;
  whole.keep_front(taken.whole.size());
  taken.whole.copy_to(whole.writable().data());
  Packet inner;
  if (parse(whole.view(), inner) != Reject::none) {
    ++core_.report.counted.malformed;
    return;
  }
  inner.df = false;  // who fragments takes fragments
  internet(inner, whole);
}

}  // namespace net
