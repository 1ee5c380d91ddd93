// A connection whose guest and host are the test itself: it says what happens, and looks at what came of it.
#pragma once

#include "net/tcp.h"
#include "net/tcp_seq.h"

#include <string>
#include <vector>

namespace script {

using net::View;
using net::tcp::Connection;
using net::tcp::Header;
using net::tcp::State;
using net::tcp::Time;
namespace flag = net::tcp::flag;

inline constexpr Time ms = 1000, second = 1000000;
inline constexpr std::uint32_t guest_isn = 5000, own_isn = 90000;
inline constexpr std::uint32_t g = guest_isn + 1, h = own_isn + 1;      // the first bytes of both streams

struct Sent {
  Header header;
  std::string bytes;
  std::uint16_t gso = 0;
};

class Script : public net::tcp::Sink {
 public:
  explicit Script(std::size_t pool_bytes = 16u << 20, bool v6 = false, bool big_tcp = false)
      : memory(pool_bytes), pool({memory.data(), memory.size()}), stack{.sink = *this, .pool = pool, .big_tcp = big_tcp, .now = second},
        c(stack, 1, v6) {}

  std::vector<std::uint8_t> memory;
  net::Pool pool;
  net::tcp::Stack stack;
  Connection c;
  std::vector<Sent> sent;                 // since it was last cleared
  std::string host, events;               // what the socket got; one letter per call of the sink
  std::size_t host_room = SIZE_MAX, largest = SIZE_MAX;  // a payload that the tap takes
  bool fails = false, refuse = false, deferred = false;
  Time deadline = 0;

  static Header syn() { return {.seq = guest_isn, .flags = flag::syn, .window = 64000, .mss = 1460, .scaled = true, .scale = 7, .sack_permitted = true}; }
  // Open, with the SYN-ACK forgotten.
  void establish(Header first = syn()) {
    c.open(first, own_isn);
    c.connected();
    segment({.seq = g, .ack = h, .flags = flag::ack, .window = 512});
    sent.clear();
  }
  Connection::Received segment(const Header& header, const std::string& bytes = {}) {
    net::Slice chunk = pool.for_frame();
    if (!chunk) chunk = net::Slice{};
    else View(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()).copy_to(chunk.writable().data());
    chunk.keep_front(bytes.size());
    const auto out = c.receive(header, std::move(chunk));
    turn();
    return out;
  }
  void data(std::uint32_t seq, const std::string& bytes, std::uint8_t more = 0) {
    segment({.seq = seq, .ack = ack, .flags = static_cast<std::uint8_t>(flag::ack | more), .window = window}, bytes);
  }
  void acks(std::uint32_t number, std::uint16_t its_window = 512) {
    ack = number, window = its_window;
    segment({.seq = guest_next, .ack = number, .flags = flag::ack, .window = its_window});
  }
  void gives(const std::string& bytes) {
    net::Slice chunk = pool.large();
    View(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()).copy_to(chunk.writable().data());
    chunk.keep_front(bytes.size());
    c.take(std::move(chunk), true);
    turn();
  }
  void turn() {
    if (deferred) deferred = false, c.end_of_turn();
  }
  // Lets the time go by, with the timers that fire meanwhile.
  void pass(Time time) {
    const Time end = stack.now + time;
    while (deadline != 0 && deadline <= end) {
      stack.now = std::max(stack.now, deadline);
      deadline = 0;
      c.expired();
      turn();
    }
    stack.now = end;
  }
  std::uint32_t edge() const {             // of the window that was told last
    const Header& last = sent.back().header;
    return last.ack + (std::uint32_t{last.window} << 10);
  }
  std::uint32_t ack = h, guest_next = g;
  std::uint16_t window = 512;

  bool transmit(Connection&, const Header& header, std::span<const View> payload, std::size_t, std::uint16_t gso) override {
    Sent out{.header = header, .bytes = {}, .gso = gso};
    for (const View& view : payload) out.bytes.append(reinterpret_cast<const char*>(view.data()), view.size());
    const bool taken = !refuse && out.bytes.size() <= largest;
    if (taken) sent.push_back(std::move(out));
    return taken;
  }
  net::tcp::Written write(Connection&, std::span<const View> views) override {
    using Stop = net::tcp::Written::Stop;
    if (fails) return {.bytes = 0, .stop = Stop::failed};
    std::size_t taken = 0;
    for (const View& view : views) {
      const std::size_t count = std::min(view.size(), host_room);
      host.append(reinterpret_cast<const char*>(view.data()), count);
      host_room -= host_room == SIZE_MAX ? 0 : count;
      taken += count;
      if (count < view.size()) return {.bytes = taken, .stop = Stop::would_block};
    }
    return {.bytes = taken, .stop = Stop::none};
  }
  void finish(Connection&) override { events += 'F'; }
  void keep_alive(Connection&) override { events += 'K'; }
  void close_host(Connection&) override { events += 'C'; }
  void reset_host(Connection&) override { events += 'R'; }
  void arm(Connection&, Time at) override { deadline = at; }
  void defer(Connection&) override { deferred = true; }
  void closed(Connection&) override { events += 'X'; }
};

}  // namespace script
