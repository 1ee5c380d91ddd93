// Any bytes as frames of the tap: parsed, answered by every builder that quotes or mirrors them, and the TCP ones
// given to a connection. Input: frames, each behind two bytes of its length.
#include "net/build.h"
#include "net/tcp.h"

#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <vector>

namespace {

using net::View;

void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

class Quiet final : public net::tcp::Sink {
 public:
  bool gone = false;
  bool transmit(net::tcp::Connection& from, const net::tcp::Header& header, std::span<const View> payload, std::size_t size,
                std::uint16_t gso) override {
    std::uint8_t headers[128];
    net::Ends ends;
    ends.source = ends.destination = from.v6() ? net::Address{{0xfd, 1}} : net::Address::from_v4(0x0a000202);
    std::vector<std::uint8_t> frame(headers, headers + net::build_tcp(headers, ends, header, size, gso));
    for (const View& view : payload) frame.insert(frame.end(), view.data(), view.data() + view.size());
    net::Packet packet;
    require(net::parse(View(frame.data(), frame.size()), packet) == net::Reject::none);
    require(packet.payload_length == size);
    return true;
  }
  net::tcp::Written write(net::tcp::Connection&, std::span<const View> bytes) override {
    using Stop = net::tcp::Written::Stop;
    if (++writes_ % 3 == 0) return {.bytes = bytes[0].size() / 2, .stop = Stop::would_block};
    std::size_t total = 0;
    for (const View& view : bytes) total += view.size();
    return {.bytes = total, .stop = Stop::none};
  }
  void finish(net::tcp::Connection&) override {}
  void keep_alive(net::tcp::Connection&) override {}
  void close_host(net::tcp::Connection&) override {}
  void reset_host(net::tcp::Connection&) override {}
  void arm(net::tcp::Connection&, net::tcp::Time) override {}
  void defer(net::tcp::Connection&) override {}
  void closed(net::tcp::Connection&) override { gone = true; }

 private:
  unsigned writes_ = 0;
};

// What parse() promises of an accepted frame.
void check(const net::Packet& packet, View frame) {
  require(packet.ip_end <= frame.size() && packet.l3 == net::frame_start);
  if (packet.kind == net::Kind::arp) return;
  require(packet.l4 >= packet.l3 + 20 && packet.payload >= packet.l4);
  require(frame.has(packet.payload, packet.payload_length) && packet.payload + packet.payload_length <= packet.ip_end);
  require(packet.body(frame).size() == packet.payload_length);
  require(packet.kind != net::Kind::fragment || packet.fragment.offset + packet.payload_length <= 65535);
}

void answer(const net::Packet& packet, View frame) {
  std::uint8_t headers[128];
  const net::Mac own{2, 0, 0, 0, 0, 1};
  if (packet.kind == net::Kind::arp) return void(net::build_arp_reply(headers, packet, own));
  require(net::build_reset(headers, packet) <= sizeof headers);
  if (const auto target = net::solicited_target(packet, frame)) net::build_neighbour(headers, packet, *target, own);
  if (packet.kind == net::Kind::icmp && packet.v6) net::build_router(headers, packet, {.mac = own, .link_local = {}, .prefix = {}});
  for (const auto why : {net::Unreachable::too_big, net::Unreachable::prohibited}) {
    std::uint8_t error[net::longest_error];
    const std::size_t size = net::build_error(error, net::reply_to(packet), why, 1400, packet.ip_packet(frame));
    net::Packet parsed;
    if (size != 0 && net::parse(View(error, size), parsed) != net::Reject::none) require(packet.destination.bytes[0] == 0xff || packet.destination.is_v4());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static std::vector<std::uint8_t> memory(4u << 20);
  Quiet sink;
  net::Pool pool({memory.data(), memory.size()});
  net::tcp::Stack stack{.sink = sink, .pool = pool};
  {
    net::tcp::Connection flow(stack, 0, size % 2 != 0);
    for (std::size_t at = 0; size - at >= 2 && !sink.gone;) {
      const std::size_t length = std::min<std::size_t>(bytes[at] << 8 | bytes[at + 1], size - at - 2);
      net::Slice chunk = pool.for_frame();
      require(static_cast<bool>(chunk));
      View(bytes + at + 2, length).copy_to(chunk.writable().data());
      at += 2 + length;
      // In a buffer of its own size, so that a load behind it is seen.
      const std::vector<std::uint8_t> exact(chunk.writable().data(), chunk.writable().data() + length);
      net::Packet packet;
      if (net::parse(View(exact.data(), exact.size()), packet) != net::Reject::none) continue;
      check(packet, View(exact.data(), exact.size()));
      answer(packet, View(exact.data(), exact.size()));
      if (packet.kind != net::Kind::tcp) continue;
      stack.now += 5000;
      if (flow.state() == net::tcp::State::idle) {
        flow.open(packet.segment, 1);
        flow.connected();
        continue;
      }
      flow.receive(packet.segment, chunk.part(packet.payload, packet.payload_length));
      if (length % 4 == 0) flow.host_writable();
      flow.expired();
      flow.end_of_turn();
    }
  }
  require(pool.bytes_in_use() == 0 && pool.nodes_in_use() == 0);
  return 0;
}
