// Any sequence of events on one connection. The streams' bytes follow from their places, so that each byte that
// arrives anywhere can be judged: in order, none twice, none beyond a window; and all memory returns.
#include "net/tcp.h"
#include "net/tcp_seq.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <vector>

namespace {

using net::View;
using net::tcp::Connection;
using net::tcp::Header;
using net::tcp::State;
namespace flag = net::tcp::flag;

constexpr std::uint32_t guest_first = 0xffff8000, own_first = 0xffffc001;

void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

std::uint8_t byte_at(std::uint32_t stream, std::uint32_t place) {
  return static_cast<std::uint8_t>((place * 2654435761u + stream * 97) >> 24);
}

class Model final : public net::tcp::Sink {
 public:
  std::uint32_t written = 0, given = 0, told_edge = guest_first + 65535, told_ack = guest_first;
  std::uint32_t guest_edge = own_first, sent_end = own_first;
  std::size_t room = 100000;
  bool scaled = false, refuse = false, fail = false, finished = false, host_gone = false, gone = false, deferred = false;

  bool transmit(Connection& flow, const Header& header, std::span<const View> payload, std::size_t size, std::uint16_t) override {
    require(!gone);
    if (header.has(flag::rst)) return true;
    if (header.has(flag::syn)) return true;
    require(header.has(flag::ack));
    require(!net::tcp::before(header.ack, told_ack));
    // An edge that moved within a turn is told at its end; what is held stays below the cap of all windows.
    require(!net::tcp::after(header.ack, told_edge + 1 + Connection::largest_window));
    require(flow.held() <= Connection::largest_window + Connection::largest_flight + 65536);
    told_ack = header.ack;
    const std::uint32_t edge = header.ack + (std::uint32_t{header.window} << (scaled ? 10 : 0));
    require(!net::tcp::before(edge + 1023, told_edge));
    told_edge = net::tcp::later(told_edge, edge);
    std::uint32_t seq = header.seq;
    for (const View& view : payload)
      for (std::size_t i = 0; i < view.size(); ++i) require(view.u8(i) == byte_at(2, seq++ - own_first));
    require(seq - header.seq == size);
    require(size <= 1 || !net::tcp::after(seq, guest_edge));
    require(size == 0 || !net::tcp::after(seq, own_first + given));
    sent_end = net::tcp::later(sent_end, seq + (header.has(flag::fin) ? 1 : 0));
    for (unsigned i = 0; i < header.block_count; ++i) {
      require(net::tcp::before(header.blocks[i].begin, header.blocks[i].end) && net::tcp::after(header.blocks[i].begin, header.ack));
      require(!net::tcp::after(header.blocks[i].end, told_edge));
    }
    return !refuse;
  }
  net::tcp::Written write(Connection&, std::span<const View> views) override {
    using Stop = net::tcp::Written::Stop;
    require(!gone && !finished && !host_gone);
    if (fail) return {.bytes = 0, .stop = Stop::failed};
    std::size_t taken = 0;
    for (const View& view : views) {
      require(!view.empty());
      for (std::size_t i = 0; i < view.size(); ++i, ++taken, --room) {
        if (room == 0) return {.bytes = taken, .stop = Stop::would_block};
        require(view.u8(i) == byte_at(1, written++));
      }
    }
    return {.bytes = taken, .stop = Stop::none};
  }
  void finish(Connection&) override { require(!finished && !host_gone), finished = true; }
  void keep_alive(Connection&) override { require(!host_gone); }
  void close_host(Connection&) override { require(!host_gone), host_gone = true; }
  void reset_host(Connection&) override { require(!host_gone), host_gone = true; }
  void arm(Connection&, net::tcp::Time at) override { require(at != 0); }
  void defer(Connection&) override { require(!deferred), deferred = true; }
  void closed(Connection&) override { require(!gone && host_gone), gone = true; }
};

struct Input {
  const std::uint8_t* at;
  const std::uint8_t* end;
  bool more() const { return at != end; }
  std::uint32_t take(unsigned bytes) {
    std::uint32_t out = 0;
    for (; bytes != 0 && more(); --bytes) out = out << 8 | *at++;
    return out;
  }
};

class Run {
 public:
  Run(std::vector<std::uint8_t>& memory, bool big_tcp)
      : pool({memory.data(), memory.size()}), stack{.sink = model, .pool = pool, .big_tcp = big_tcp}, flow(stack, 0, false) {}
  net::Pool pool;
  Model model;
  net::tcp::Stack stack;
  Connection flow;
  std::vector<net::Slice> hoard;

  void event(Input& in) {
    switch (in.take(1) % 14) {
      case 0: case 1: return segment(in, model.told_ack + in.take(2) - 100, static_cast<std::uint8_t>(flag::ack));
      case 2: return segment(in, model.told_ack, flag::ack);
      case 3: return segment(in, model.told_ack + in.take(2), static_cast<std::uint8_t>(in.take(1)));
      case 4: return segment(in, in.take(4), static_cast<std::uint8_t>(in.take(1)));
      case 5: model.room += in.take(2); return model.host_gone ? void() : flow.host_writable();
      case 6: return read_host(in.take(2));
      case 7: return in.take(1) < 40 && !model.host_gone ? flow.host_ended() : void();
      case 8: stack.now += std::uint64_t{in.take(2)} << in.take(1) % 16; return flow.expired();
      case 9: model.refuse = in.take(1) % 2 != 0; return;
      case 10: model.fail = in.take(1) == 0; return;
      case 11: hoard.push_back(pool.large()); return;
      case 12: return hoard.clear();
      default: model.deferred = false; return flow.end_of_turn();
    }
  }

 private:
  void segment(Input& in, std::uint32_t seq, std::uint8_t flags) {
    std::uint32_t length = in.take(1);            // mostly small: a run of 64 KiB segments tests little
    length = length < 252 ? length * 8 : length * 256;
    Header header{.seq = seq, .ack = model.sent_end - in.take(1) % 16 * 300, .flags = flags,
                  .window = static_cast<std::uint16_t>(in.take(2))};
    if (in.take(1) % 4 == 0) header.ack = in.take(4);
    for (header.block_count = static_cast<std::uint8_t>(in.take(1) % 5); Block(header.blocks, in, header.block_count);) {}
    net::Slice chunk = pool.for_frame();
    if (!chunk) return;
    for (std::uint32_t i = 0; i < length; ++i) chunk.writable()[i] = byte_at(1, seq - guest_first + i);
    // A FIN that is believed ends the stream where it says; bytes after it are not the model's.
    chunk.keep_front(length);
    const bool counts = !net::tcp::before(header.ack, own_first) && !net::tcp::after(header.ack, model.sent_end) &&
                        flow.state() == State::established;
    if (counts) model.guest_edge = net::tcp::later(model.guest_edge, header.ack + (std::uint32_t{header.window} << (model.scaled ? 7 : 0)));
    if (flow.receive(header, std::move(chunk)) == Connection::Received::reopen) require(model.gone);
  }
  static bool Block(std::array<net::tcp::Block, 4>& blocks, Input& in, unsigned count) {
    for (unsigned i = 0; i < count; ++i) blocks[i] = {own_first + in.take(2), own_first + in.take(3)};
    return false;
  }
  void read_host(std::uint32_t most) {
    const std::size_t wanted = std::min<std::size_t>({flow.wanted(), flow.frame_limit(), most});
    if (wanted == 0 || model.host_gone) return;
    net::Slice chunk = pool.large();
    if (!chunk) return;
    chunk.keep_front(wanted);
    for (std::size_t i = 0; i < wanted; ++i) chunk.writable()[i] = byte_at(2, model.given++);
    flow.take(std::move(chunk), most % 2 == 0);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static std::vector<std::uint8_t> memory(3u << 20);
  Input in{bytes, bytes + size};
  const std::uint32_t how = in.take(1);
  Run run(memory, how % 8 >= 4);
  run.model.scaled = how % 2 != 0;
  run.model.guest_edge = own_first + 30000;
  const Header syn{.seq = guest_first - 1, .flags = flag::syn, .window = 30000, .mss = static_cast<std::uint16_t>(in.take(2)),
                   .scaled = run.model.scaled, .scale = 7, .sack_permitted = how % 4 < 2};
  run.flow.open(syn, own_first - 1);
  run.flow.connected();
  run.flow.receive({.seq = guest_first, .ack = own_first, .flags = flag::ack, .window = 200}, {});
  while (in.more() && !run.model.gone) run.event(in);
  if (!run.model.gone) run.flow.abort();
  require(run.model.gone && run.flow.to_host().empty());
  run.hoard.clear();
  require(run.pool.bytes_in_use() == 0 && run.pool.nodes_in_use() == 0);
  return 0;
}
