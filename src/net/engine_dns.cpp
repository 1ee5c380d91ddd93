// Each question has its own socket and so a source port of its own, chosen by the kernel: one more thing that a forged
// answer would have to guess (RFC 5452).
#include "net/engine_dns.h"

#include "sys/inet.h"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace net {

Result<std::unique_ptr<DnsPort>> DnsPort::make(Core& core, TcpFlows& tcp) {
  std::unique_ptr<DnsPort> made(new DnsPort(core, tcp));
  made->questions_ = TRY(MappedArray<Question>::make(Dns::slots, "questions"));
  made->buffer_ = TRY(MappedArray<std::uint8_t>::make(buffer_size, "answers"));
  for (std::size_t slot = 0; slot < Dns::slots; ++slot) made->questions_.begin(slot);
  tcp.attach(*made);
  return made;
}

void DnsPort::datagram(const Packet& packet, View frame) {
  const DnsClient client{.transport = Transport::udp, .from = {packet.source, packet.source_port},
                         .to = {packet.destination, packet.destination_port}};
  const View body = packet.body(frame);
  core_.passed(core_.rule_of(Builtin::dns), body.size(), true);
  dns_.query(client, {body.data(), body.size()}, core_.now);
}

DnsClient DnsPort::client_of(std::uint32_t flow) const {
  const FlowKey& key = tcp_.key(flow);
  return {.transport = Transport::tcp, .from = key.inside, .to = key.outside, .stream = flow};
}

void DnsPort::stream_bytes(std::uint32_t flow, View bytes) {
  dns_.stream_bytes(client_of(flow), {bytes.data(), bytes.size()}, core_.now);
}

void DnsPort::reply(const DnsClient& client, std::span<const std::uint8_t> message) {
  if (client.transport == Transport::tcp) {
    if (!tcp_.send_stream(client.stream, message)) tcp_.close_stream(client.stream);
    return;
  }
  std::array<std::uint8_t, 128> headers;
  const std::size_t size = build_udp(headers, core_.tap.ends(client.to, client.from), message.size(), false, 0);
  core_.passed(core_.rule_of(Builtin::dns), message.size(), false);
  core_.tap.write(View(headers.data(), size), View(message));
}

bool DnsPort::ask(std::uint16_t slot, const Address& server, Transport transport, std::span<const std::uint8_t> message) {
  finish(slot);
  Question& question = questions_[slot];
  const bool stream = transport == Transport::tcp;
  sys::NewSocket made =
      sys::make_inet_socket(server.is_v4(), stream ? sys::Transport::stream : sys::Transport::datagram);
  if (made.error != 0 || message.size() > question.bytes.size()) return false;
  const int error = sys::connect_to(made.fd, to_socket({server, 53}));
  if (error != 0 && !(stream && error == EINPROGRESS)) return false;
  question.transport = transport, question.connecting = stream, question.size = message.size();
  std::ranges::copy(message, question.bytes.begin());
  if (!stream) {
    const iovec piece{question.bytes.data(), question.size};
    if (sys::send_pieces(made.fd, {&piece, 1}).count < 0) return false;
  }
  question.socket = std::move(made.fd);
  return core_.watch(question.socket, {Source::dns, question.generation, slot});
}

void DnsPort::finish(std::uint16_t slot) {
  questions_[slot].socket.reset();
  ++questions_[slot].generation;
}

void DnsPort::event(std::uint32_t slot, std::uint32_t generation, std::uint32_t events) {
  Question& question = questions_[slot];
  const auto number = static_cast<std::uint16_t>(slot);
  const auto is_same = [&] { return question.socket.valid() && (question.generation & 0xffffff) == generation; };
  if (!is_same()) return;
  if (question.connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
    question.connecting = false;
    const iovec piece{question.bytes.data(), question.size};
    // A new connection takes a question whole.
    if (sys::take_socket_error(question.socket) != 0 ||
        sys::send_pieces(question.socket, {&piece, 1}).count != static_cast<ssize_t>(question.size))
      return dns_.upstream_failed(number, core_.now);
  }
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) == 0) return;
  while (is_same()) {
    const sys::IoCount got = sys::receive_bytes(question.socket, std::as_writable_bytes(std::span(&buffer_[0], buffer_size)));
    if (got.would_block()) return;
    if (got.count < 0 || (got.count == 0 && question.transport == Transport::tcp))
      return dns_.upstream_failed(number, core_.now);
    dns_.answer(number, {&buffer_[0], static_cast<std::size_t>(got.count)}, core_.now);
  }
}

void DnsPort::tick() { dns_.tick(core_.now); }

void DnsPort::end_of_turn() {
  const Milliseconds next = dns_.next_tick();
  if (next == std::numeric_limits<Milliseconds>::max()) return core_.timers.cancel(core_.numbers.dns);
  core_.timers.set(core_.numbers.dns, next);
}

void DnsPort::denied(std::string_view name, std::uint16_t, std::uint16_t rule) {
  ++core_.report.counted.denied;
  ++core_.policy.counters(rule).flows;
  core_.report.denied(Protocol::udp, {Address{}, 53}, name, core_.policy.text(rule), core_.now);
  core_.need_second();
}

}  // namespace net
