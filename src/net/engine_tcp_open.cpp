// How a TCP flow begins, and how it is refused: the policy, the limits, the host's connect(), the mapping of its
// errors, and the ClientHello that a rule may ask for.
#include "net/engine_tcp.h"

#include "sys/inet.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace net {

namespace {
constexpr int not_sent_low_water = 256 << 10;  // unsent bytes in the host's socket: what is beyond waits with us, counted

Endpoint loopback(bool v4, std::uint16_t port) {
  Address address{};
  if (v4) return {Address::from_v4(0x7f000001), port};
  address.bytes[15] = 1;
  return {address, port};
}

void prepare(const sys::Fd& socket) {
  // Each of these makes a flow better and none is needed for it.
  sys::set_option(socket, sys::SocketOption::no_delay, 1);
  sys::set_option(socket, sys::SocketOption::not_sent_low_water, not_sent_low_water);
  sys::set_option(socket, sys::SocketOption::out_of_band_inline, 1);
}
}  // namespace

// RFC 6528: a clock of 4 µs and a secret of the flow.
std::uint32_t TcpFlows::make_isn(const FlowKey& key) const {
  std::array<std::uint8_t, 36> bytes;
  std::memcpy(bytes.data(), key.inside.address.bytes.data(), 16);
  std::memcpy(&bytes[16], key.outside.address.bytes.data(), 16);
  std::memcpy(&bytes[32], &key.inside.port, 2);
  std::memcpy(&bytes[34], &key.outside.port, 2);
  const SipKey secret{core_.key[0] ^ 0x69736e, core_.key[1]};
  return static_cast<std::uint32_t>(siphash(secret, bytes) + core_.now_us / 4);
}

void TcpFlows::reset(const Packet& packet) {
  std::array<std::uint8_t, 128> frame;
  const std::size_t size = build_reset(frame, packet);
  if (size != 0) core_.tap.write(View(frame.data(), size));
}

void TcpFlows::limited(const Packet& packet, std::string_view which) {
  ++core_.report.counted.refused;
  core_.report.denied(Protocol::tcp, {packet.destination, packet.destination_port}, {}, which, core_.now);
  core_.need_second();
}

void TcpFlows::open(const Packet& packet, View frame) {
  const tcp::Header& syn = packet.segment;
  if (!syn.has(tcp::flag::syn) || syn.has(tcp::flag::ack | tcp::flag::rst | tcp::flag::fin)) return reset(packet);
  if (core_.is_gateway(packet.destination) && packet.destination_port == 53) return open_server(packet);
  const Decision decision =
      core_.policy.decide(Protocol::tcp, packet.destination, packet.destination_port, core_.now);
  if (decision.allowed()) return open_outside(packet, frame, decision);
  if (core_.is_engine_rule(decision.rule)) return reset(packet);
  core_.deny(Protocol::tcp, packet, frame, decision);
}

TcpFlows::Flow* TcpFlows::add(const FlowKey& key, bool v6, std::uint16_t rule) {
  std::optional<FlowTable::Id> id = table_.add(key);
  if (!id) return nullptr;
  Flow& flow = flows_.begin(*id, stack_, *id, v6);
  flow.rule = rule;
  ++core_.policy.counters(rule).flows;
  ++core_.report.counted.tcp_flows;
  return &flow;
}

// Flows that only wait for late segments make room before it is needed: a number is free a turn later.
void TcpFlows::evict_finished() {
  if (table_.size() + 64 < table_.capacity()) return;
  for (unsigned i = 0, evicted = 0; i < 256 && i < table_.begun() && evicted < 2; ++i) {
    evict_at_ = (evict_at_ + 1) % table_.begun();
    if (!table_.is_live(evict_at_) || flows_[evict_at_].connection.state() != tcp::State::time_wait) continue;
    closed(flows_[evict_at_].connection);
    ++evicted;
  }
}

// The oldest attempt goes when there are too many, once it had its second: what a black hole swallows must not keep
// others from connecting. Within that second the new one is not heard, and its SYN comes again.
bool TcpFlows::may_open(const Packet& packet, std::uint16_t target) {
  if (opening_to_[target] >= core_.config.limits.tcp_opening_per_target) {
    limited(packet, "limit of connections being opened to one address");
    return false;
  }
  if (opening_count_ >= core_.config.limits.tcp_opening) {
    limited(packet, "limit of connections being opened");
    Flow& oldest = flows_[opening_.first];
    if (core_.now < oldest.since + opening_patience) return false;
    oldest.connection.refused(tcp::Connection::Refusal::silent);
    closed(oldest.connection);
  }
  evict_finished();
  if (table_.size() >= table_.capacity()) {
    limited(packet, "limit of TCP flows");
    reset(packet);
    return false;
  }
  return true;
}

void TcpFlows::open_outside(const Packet& packet, View frame, const Decision& decision) {
  const FlowKey key{{packet.source, packet.source_port}, {packet.destination, packet.destination_port}};
  const SipKey secret{core_.key[0] ^ 0x746f, core_.key[1]};
  const auto target = static_cast<std::uint16_t>(siphash(secret, packet.destination.bytes) % targets);
  if (!may_open(packet, target)) return;
  const Endpoint to = core_.is_host_port(packet.destination) ? loopback(true, packet.destination_port) : key.outside;
  sys::NewSocket made = sys::make_inet_socket(to.address.is_v4(), sys::Transport::stream);
  if (made.error != 0) {
    limited(packet, "limit of open files");
    return reset(packet);
  }
  prepare(made.fd);
  const int error = sys::connect_to(made.fd, to_socket(to));
  if (error != 0 && error != EINPROGRESS) return answer_failure(packet, frame, error);
  Flow* const flow = add(key, packet.v6, decision.rule);
  if (flow == nullptr) return reset(packet);
  const std::uint32_t id = flow->connection.id();
  flow->socket = std::move(made.fd);
  flow->connecting = true, flow->holding = decision.tls, flow->since = core_.now, flow->target = target;
  ++opening_to_[target], ++opening_count_;
  flow->older = opening_.last;
  (opening_.last == none ? opening_.first : flows_[opening_.last].newer) = id;
  opening_.last = id;
  if (flow->holding) core_.need_second();
  flow->connection.open(packet.segment, make_isn(key));
  if (!core_.watch(flow->socket, {Source::tcp, table_.generation(id), id})) connect_ended(*flow, EMFILE);
}

void TcpFlows::stop_opening(Flow& flow) {
  flow.connecting = false;
  --opening_to_[flow.target], --opening_count_;
  (flow.older == none ? opening_.first : flows_[flow.older].newer) = flow.newer;
  (flow.newer == none ? opening_.last : flows_[flow.newer].older) = flow.older;
  flow.older = flow.newer = none;
}

void TcpFlows::answer_failure(const Packet& packet, View frame, int error) {
  const OpenAnswer answer = answer_to_open(error);
  if (answer.how == OpenAnswer::How::reset) reset(packet);
  if (answer.how == OpenAnswer::How::complain)
    core_.tap.complain(core_.gateway(!packet.v6), packet.source, answer.why, 0, packet.ip_packet(frame));
}

// A port of the host's may be served on either loopback address.
bool TcpFlows::try_second_address(Flow& flow) {
  const std::uint32_t id = flow.connection.id();
  const FlowKey& key = table_.key(id);
  if (flow.second_try || !core_.is_host_port(key.outside.address)) return false;
  flow.second_try = true;
  sys::NewSocket made = sys::make_inet_socket(false, sys::Transport::stream);
  if (made.error != 0) return false;
  prepare(made.fd);
  const int error = sys::connect_to(made.fd, to_socket(loopback(false, key.outside.port)));
  if (error != 0 && error != EINPROGRESS) return false;
  flow.socket = std::move(made.fd);
  return core_.watch(flow.socket, {Source::tcp, table_.generation(id), id});
}

void TcpFlows::connect_ended(Flow& flow, int error) {
  if (error != 0 && try_second_address(flow)) return;
  stop_opening(flow);
  if (error == 0) {
    if (flow.holding) flow.since = core_.now;
    return flow.connection.connected();
  }
  const FlowKey& key = table_.key(flow.connection.id());
  const OpenAnswer answer = answer_to_open(error);
  const bool by_reset = answer.how == OpenAnswer::How::reset;
  if (answer.how == OpenAnswer::How::complain) {
    std::array<std::uint8_t, 60> syn;
    const Ends from_inside{.source = key.inside.address, .destination = key.outside.address,
                           .source_port = key.inside.port, .destination_port = key.outside.port};
    const std::size_t size = build_quoted_syn(syn, from_inside, flow.connection.guest_isn());
    core_.tap.complain(core_.gateway(key.inside.address.is_v4()), key.inside.address, answer.why, 0, View(syn.data(), size));
  }
  flow.connection.refused(by_reset ? tcp::Connection::Refusal::reset : tcp::Connection::Refusal::silent);
  closed(flow.connection);
}

void TcpFlows::open_server(const Packet& packet) {
  const auto free = std::ranges::find_if(streams_, [](const Stream& stream) { return !stream.used; });
  const FlowKey key{{packet.source, packet.source_port}, {packet.destination, packet.destination_port}};
  Flow* const flow =
      free == streams_.end() || server_ == nullptr ? nullptr : add(key, packet.v6, core_.rule_of(Builtin::dns));
  if (flow == nullptr) {
    limited(packet, "limit of connections to the DNS forwarder");
    return reset(packet);
  }
  free->used = true;
  flow->peer = Peer::server, flow->stream = static_cast<std::uint8_t>(free - streams_.begin());
  flow->connection.open(packet.segment, make_isn(key));
  flow->connection.connected();
}

bool TcpFlows::send_stream(std::uint32_t id, std::span<const std::uint8_t> bytes) {
  if (!table_.is_live(id) || flows_[id].peer != Peer::server) return false;
  Flow& flow = flows_[id];
  Stream& stream = streams_[flow.stream];
  Slice chunk = stream.count < most_replies ? core_.pool.large() : Slice{};
  if (!chunk) return false;
  chunk.drop_front(Pool::headroom);
  if (bytes.size() > chunk.size()) return false;
  chunk.keep_front(bytes.size());
  std::ranges::copy(bytes, chunk.writable().begin());
  stream.replies[stream.count++] = std::move(chunk);
  enqueue(flow);
  return true;
}

void TcpFlows::close_stream(std::uint32_t id) {
  if (!table_.is_live(id) || flows_[id].peer != Peer::server) return;
  flows_[id].ended = true;
  enqueue(flows_[id]);
}

void TcpFlows::visitor(sys::Fd socket, const Endpoint& from, bool v4, std::uint16_t inside_port) {
  FlowKey key{{core_.guest(v4), inside_port}, {core_.visible(from.address), from.port}};
  // Two addresses of the host become one inside: their ports may be the same.
  while (table_.find(key) && ++key.outside.port != from.port) {}
  start_visitor(std::move(socket), key, false);
}

// The closing of the socket is the refusal: a reset where nothing was read.
void TcpFlows::start_visitor(sys::Fd socket, const FlowKey& key, bool second_try) {
  prepare(socket);
  evict_finished();
  Flow* const flow = add(key, !key.inside.address.is_v4(), core_.rule_of(Builtin::published));
  if (flow == nullptr) {
    sys::set_option(socket, sys::SocketOption::reset_on_close, 1);
    return;
  }
  const std::uint32_t id = flow->connection.id();
  flow->socket = std::move(socket);
  flow->peer = Peer::visitor, flow->visiting = true, flow->second_try = second_try;
  flow->connection.open_inbound(make_isn(key));
  if (!core_.watch(flow->socket, {Source::tcp, table_.generation(id), id})) flow->connection.abort();
}

void TcpFlows::visit_other_family(std::uint32_t id) {
  const FlowKey old = table_.key(id);
  const bool v4 = !old.inside.address.is_v4();
  sys::Fd socket = std::move(flows_[id].socket);
  FlowKey key{{core_.guest(v4), old.inside.port}, {core_.gateway(v4), old.outside.port}};
  while (table_.find(key) && ++key.outside.port != old.outside.port) {}
  start_visitor(std::move(socket), key, true);
}

bool TcpFlows::check_held() {
  bool any = false;
  for (std::uint32_t id = 0; id < table_.begun(); ++id) {
    if (!table_.is_live(id) || !flows_[id].holding) continue;
    check_hello(flows_[id]);
    any = true;
  }
  return any;
}

// The first flight waits in the connection's queue until its name is known; the socket has seen none of it.
void TcpFlows::check_hello(Flow& flow) {
  std::array<std::span<const std::uint8_t>, 32> pieces;
  std::size_t count = 0;
  for (const Node* node = flow.connection.to_host().first; node != nullptr && count < pieces.size(); node = node->next)
    pieces[count++] = {node->slice.view().data(), node->slice.size()};
  const ClientHello hello = parse_client_hello(std::span(pieces).first(count));
  const FlowKey& key = table_.key(flow.connection.id());
  const bool patient = !flow.connection.guest_done() && count < pieces.size() && core_.now < flow.since + hello_patience;
  if (hello.state == ClientHello::State::need_more && (patient || flow.connecting)) return;
  const bool named = hello.state == ClientHello::State::name;
  const Decision decision = core_.policy.decide_tls(key.outside.address, key.outside.port,
                                                    named ? hello.name.view() : std::string_view{}, core_.now);
  flow.holding = false;
  if (decision.allowed()) {
    flow.rule = decision.rule;
    return flow.connection.host_writable();
  }
  ++core_.policy.counters(decision.rule).flows;
  ++core_.report.counted.denied;
  core_.report.denied(Protocol::tcp, key.outside, named ? hello.name.view() : decision.name,
                      core_.policy.text(decision.rule), core_.now);
  flow.connection.abort();
}

}  // namespace net
