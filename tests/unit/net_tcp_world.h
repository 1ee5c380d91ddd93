// A connection of the engine between a simulated guest kernel and a simulated socket, with a link that loses,
// doubles, delays and reorders, all from one seed. Frames go through build_tcp() and parse() in both directions. The
// world checks what must hold at every step; who uses it checks what must hold at the end.
#pragma once

#include "net/build.h"
#include "net/tcp.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace world {

using net::View;
using net::tcp::Connection;
using net::tcp::Header;
using net::tcp::Time;
namespace flag = net::tcp::flag;

inline bool seq_before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t next() {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return state_;
  }
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : (next() >> 8) % limit; }
  bool chance(unsigned per_mille) { return below(1000) < per_mille; }

 private:
  std::uint64_t state_;
};

// The byte at a place of a stream, so that no stream has to be kept to be compared.
inline std::uint8_t byte_at(unsigned stream, std::uint64_t place) {
  return static_cast<std::uint8_t>(((place + stream * 7919u) * 0x9e3779b97f4a7c15u) >> 56);
}

struct Options {
  std::uint64_t seed = 1;
  bool v6 = false, sack = true, scaled = true, inbound = false;
  std::uint16_t mss = 1460;
  std::uint64_t upload = 0, download = 0;         // bytes
  unsigned loss = 0, doubled = 0, reordered = 0;  // per mille of frames, in both directions
  unsigned frame_segments = 44;                   // largest frame of the guest, in segments
  bool split = false;                             // the link segments and loses by the segment
  std::uint32_t guest_buffer = 1u << 20;
  unsigned guest_pauses = 0, host_pauses = 0;     // per mille of the steps in which a reader stops for a while
  bool shrinks = false;                           // the guest takes back window that it gave
  std::uint32_t host_buffer = 256u << 10;
  std::size_t pool_bytes = 64u << 20;
  bool guest_closes = true, host_closes = true;   // at the end of what they send
};

// The sandbox's kernel, as simple as TCP can be: go-back-N on a timeout, one segment again after three duplicates.
class Guest {
 public:
  Guest(const Options& options, Random& random) : o_(options), random_(random), buffer_(options.guest_buffer) {}
  std::function<void(const Header&, const std::vector<std::uint8_t>&, std::uint16_t gso)> send;
  std::string fault;

  std::uint32_t iss = 0xfffffe00, una = iss, nxt = iss, largest_sent = iss;
  std::uint32_t rcv_nxt = 0, edge = 0;            // edge: the furthest that was ever told
  bool open = false, fin_acked = false, fin_received = false, reset = false;
  std::uint64_t received = 0, retransmits = 0, sacks = 0;
  Time timer = 0, pause_until = 0;

  Header header(std::uint8_t flags, std::uint32_t seq) {
    Header out{.seq = seq, .ack = (flags & flag::ack) != 0 ? rcv_nxt : 0, .flags = flags, .window = window()};
    if ((flags & flag::syn) != 0) {
      out.mss = o_.mss, out.scaled = o_.scaled, out.scale = scale(), out.sack_permitted = o_.sack;
      out.window = static_cast<std::uint16_t>(std::min<std::uint32_t>(buffer_, 65535));
    } else if (o_.sack && (flags & flag::rst) == 0) {
      for (const auto& [begin, bytes] : early_) {
        const auto end = begin + static_cast<std::uint32_t>(bytes.size());
        if (out.block_count != 0 && out.blocks[out.block_count - 1u].end == begin) out.blocks[out.block_count - 1u].end = end;
        else if (out.block_count < 4) out.blocks[out.block_count++] = {begin, end};
      }
    }
    return out;
  }
  std::uint8_t scale() const { return o_.scaled ? 7 : 0; }
  std::uint16_t window() {
    const std::uint32_t used = unread_ + early_bytes();
    const std::uint32_t room = buffer_ > used ? buffer_ - used : 0;
    const auto field = static_cast<std::uint16_t>(std::min<std::uint32_t>(room >> scale(), 65535));
    const std::uint32_t right = rcv_nxt + (std::uint32_t{field} << scale());
    if (seq_before(edge, right) || edge == 0) edge = right;
    told_zero_ = field == 0;
    return field;
  }
  void start(Time now) {
    nxt = largest_sent = iss + 1;
    transmit(header(flag::syn, iss), {}, now);
  }
  void transmit(const Header& out, const std::vector<std::uint8_t>& bytes, Time now) {
    send(out, bytes, o_.mss);
    if (timer == 0) timer = now + rto_;
  }

  void receive(const Header& in, View bytes, Time now) {
    if (reset) return;
    if (in.has(flag::rst)) {
      reset = in.seq == rcv_nxt || !open;
      return;
    }
    if (in.has(flag::syn)) return receive_syn(in, now);
    if (!in.has(flag::ack)) return void(fault = "a segment without ACK");
    if (!open && !receive_third(in)) return;
    receive_ack(in, bytes.empty(), now);
    receive_bytes(in, bytes);
    step(now);
  }

  // What the program does now and then: reads, writes, goes away for a while.
  void step(Time now) {
    if (!open || reset) return;
    if (now >= pause_until && random_.chance(o_.guest_pauses)) pause_until = now + 1000 + random_.below(400000);
    if (now >= pause_until && unread_ != 0) {
      unread_ -= static_cast<std::uint32_t>(random_.chance(300) ? random_.below(unread_ + 1) : unread_);
      if (told_zero_ || random_.chance(100)) owe_ = true;
    }
    if (o_.shrinks && random_.chance(20)) buffer_ = random_.chance(300) ? 0 : static_cast<std::uint32_t>(random_.below(o_.guest_buffer));
    if (o_.shrinks && random_.chance(100)) buffer_ = o_.guest_buffer;
    output(now);
    if (owe_) send(header(flag::ack, nxt), {}, 0), owe_ = false;
    if (timer != 0 && now >= timer) timed_out(now);
  }
  // When step() has something to do again.
  Time due() const {
    Time out = timer;
    if (unread_ != 0) out = out == 0 ? std::max(pause_until, Time{1}) : std::min(out, pause_until);
    return out;
  }
  bool sent_all() const { return una == iss + 1 + o_.upload + (o_.guest_closes ? 1 : 0); }

 private:
  std::uint32_t early_bytes() const {
    std::uint32_t out = 0;
    for (const auto& [begin, bytes] : early_) out += static_cast<std::uint32_t>(bytes.size());
    return out;
  }
  void receive_syn(const Header& in, Time now) {
    if (o_.inbound ? in.has(flag::ack) : !in.has(flag::ack) || in.ack != iss + 1) return;
    if (open) return void(owe_ = true);
    rcv_nxt = in.seq + 1;
    edge = rcv_nxt + std::min<std::uint32_t>(buffer_, 65535);
    peer_scale_ = in.scaled && o_.scaled ? in.scale : std::uint8_t{0};
    peer_window_ = in.window;
    if (o_.inbound) {
      nxt = largest_sent = iss + 1;
      return transmit(header(flag::syn | flag::ack, iss), {}, now);
    }
    una = iss + 1;
    open = true;
    timer = 0;
    send(header(flag::ack, nxt), {}, 0);
    output(now);
  }
  bool receive_third(const Header& in) {
    if (!o_.inbound || in.ack != iss + 1) return false;
    una = iss + 1;
    timer = 0;
    return open = true;
  }
  void receive_ack(const Header& in, bool empty, Time now) {
    if (seq_before(largest_sent, in.ack)) return void(fault = "an ACK of what was not sent");
    if (seq_before(in.ack, una)) return;
    const bool update = peer_window_ != std::uint32_t{in.window} << peer_scale_;
    peer_window_ = std::uint32_t{in.window} << peer_scale_;
    sacks += in.block_count;
    if (in.ack != una) {
      una = in.ack;
      if (seq_before(nxt, una)) nxt = una;
      duplicates_ = 0, rto_ = 200000;
      timer = una == nxt ? 0 : now + rto_;
    } else if (empty && !update && una != nxt && ++duplicates_ == 3) {
      ++retransmits;
      send_from(una, true, now);
    }
  }
  void receive_bytes(const Header& in, View bytes) {
    if (bytes.empty() && !in.has(flag::fin)) {
      if (in.seq != rcv_nxt && seq_before(in.seq, rcv_nxt)) owe_ = true;       // a keepalive
      return;
    }
    owe_ = true;
    const std::uint32_t right = rcv_nxt + window_left();
    std::uint32_t begin = in.seq;
    if (seq_before(begin, rcv_nxt)) {
      bytes = bytes.from(std::min<std::size_t>(rcv_nxt - begin, bytes.size()));
      begin = rcv_nxt;
    }
    const std::size_t fits = seq_before(begin, right) ? right - begin : 0;
    const bool whole = bytes.size() <= fits;
    bytes = bytes.from(0, fits);
    if (in.has(flag::fin) && whole) fin_at_ = in.seq + static_cast<std::uint32_t>(in_size(in, bytes, begin)), fin_known_ = true;
    if (!bytes.empty()) early_[begin].assign(bytes.data(), bytes.data() + bytes.size());
    while (!early_.empty() && take_first()) {}
    if (fin_known_ && fin_at_ == rcv_nxt && !fin_received) fin_received = true, ++rcv_nxt;
  }
  static std::size_t in_size(const Header& in, View bytes, std::uint32_t begin) { return bytes.size() + (begin - in.seq); }
  std::uint32_t window_left() const {
    return buffer_ > unread_ ? buffer_ - unread_ : 0;
  }
  bool take_first() {
    for (auto it = early_.begin(); it != early_.end(); ++it) {
      const auto end = it->first + static_cast<std::uint32_t>(it->second.size());
      if (!seq_before(rcv_nxt, it->first) && !seq_before(rcv_nxt, end)) return early_.erase(it), true;
      if (seq_before(rcv_nxt, it->first)) continue;
      for (std::size_t i = rcv_nxt - it->first; i < it->second.size(); ++i, ++received)
        if (it->second[i] != byte_at(2, received)) fault = "a wrong byte came to the guest";
      unread_ += end - rcv_nxt;
      rcv_nxt = end;
      early_.erase(it);
      return true;
    }
    return false;
  }
  void output(Time now) {
    while (send_from(nxt, false, now)) {}
  }
  // One frame; false if nothing was sent.
  bool send_from(std::uint32_t seq, bool again, Time now) {
    const std::uint32_t end = iss + 1 + static_cast<std::uint32_t>(o_.upload);
    const std::uint32_t edge_of_window = una + peer_window_;
    if (!open || seq_before(end, seq)) return false;
    const std::uint32_t limit = again ? o_.mss : o_.mss * std::max(1u, o_.frame_segments);
    std::uint32_t length = std::min(end - seq, limit);
    length = seq_before(seq, edge_of_window) ? std::min(length, edge_of_window - seq) : 0;
    length = std::min(length, 65000u);
    std::vector<std::uint8_t> bytes(length);
    for (std::uint32_t i = 0; i < length; ++i) bytes[i] = byte_at(1, seq - iss - 1 + i);
    const bool fin = o_.guest_closes && seq + length == end;
    if (length == 0 && !fin) {
      if (peer_window_ == 0 && una == nxt && end != nxt && timer == 0) timer = now + rto_;
      return false;
    }
    if (!again) {
      nxt = seq + length + (fin ? 1 : 0);
      if (seq_before(largest_sent, nxt)) largest_sent = nxt;
    }
    owe_ = false;
    transmit(header(static_cast<std::uint8_t>(flag::ack | (fin ? flag::fin : 0)), seq), bytes, now);
    return !again;
  }
  void timed_out(Time now) {
    timer = now + rto_;
    rto_ = std::min<Time>(rto_ * 2, 5000000);
    ++retransmits;
    if (!open) return send(header(static_cast<std::uint8_t>(flag::syn | (o_.inbound ? flag::ack : 0)), iss), {}, 0);
    if (una == largest_sent && peer_window_ != 0) return void(timer = 0);
    if (peer_window_ == 0) {                          // a probe of one byte
      const std::uint8_t probe = byte_at(1, una - iss - 1);
      const bool data = una != iss + 1 + o_.upload;
      if (data && una == largest_sent) ++largest_sent;
      if (data && una == nxt) ++nxt;
      return data ? send(header(flag::ack, una), {probe}, o_.mss) : send_fin();
    }
    nxt = una;
    output(now);
  }
  void send_fin() {
    if (o_.guest_closes) send(header(flag::ack | flag::fin, una), {}, 0);
  }

  const Options& o_;
  Random& random_;
  std::uint32_t buffer_, unread_ = 0, peer_window_ = 0, fin_at_ = 0;
  std::uint8_t peer_scale_ = 0;
  unsigned duplicates_ = 0;
  bool owe_ = false, told_zero_ = false, fin_known_ = false;
  Time rto_ = 200000;
  std::map<std::uint32_t, std::vector<std::uint8_t>> early_;
};

// The engine's part, and the link.
class World : public net::tcp::Sink {
 public:
  explicit World(const Options& options)
      : o(options), random(options.seed), memory_(options.pool_bytes + 4096), pool({memory_.data(), options.pool_bytes}),
        stack{.sink = *this, .pool = pool, .mtu = 1500}, guest(o, random) {
    connection = std::make_unique<Connection>(stack, 7, o.v6);
    guest.send = [this](const Header& header, const std::vector<std::uint8_t>& bytes, std::uint16_t gso) {
      to_engine(header, View(bytes.data(), bytes.size()), gso);
    };
    ends.source = o.v6 ? *net::parse_address("2001:db8::1") : *net::parse_address("192.0.2.1");
    ends.destination = o.v6 ? *net::parse_address("fd00::2") : *net::parse_address("10.0.2.2");
    ends.source_port = 443;
    ends.destination_port = 40000;
  }

  Options o;
  Random random;
  std::vector<std::uint8_t> memory_;
  net::Pool pool;
  net::tcp::Stack stack;
  Guest guest;
  std::unique_ptr<Connection> connection;
  net::Ends ends;
  std::string fault;
  std::vector<Header> sent;                          // by the engine, if asked for
  bool record = false, refuse_tap = false;

  std::uint64_t host_received = 0, host_given = 0, frames_out = 0, steps = 0;
  bool finished = false, host_closed = false, host_was_reset = false, is_closed = false, asked_keepalive = false;
  bool host_fails = false;
  Time deadline = 0;

  // Until the connection is closed, or nothing is left to happen, or the time is over.
  void run(Time limit) {
    const Time end = stack.now + limit;
    while (stack.now < end && !is_closed && fault.empty() && steps < 3000000) {
      ++steps;
      turn();
      const Time next = next_event();
      if (next == 0) break;
      stack.now = std::max(stack.now + 1, std::min(next, end));
    }
    if (fault.empty()) fault = guest.fault;
  }
  void start() {
    o.inbound ? connection->open_inbound(1000) : guest.start(stack.now);
  }
  void turn() {
    deliver();
    host_turn();
    if (deadline != 0 && deadline <= stack.now) deadline = 0, connection->expired();
    read_host();
    if (deferred_) deferred_ = false, connection->end_of_turn();
    guest.step(stack.now);
  }
  void to_engine(const Header& header, View bytes, std::uint16_t gso) {
    net::Ends back = ends;
    std::swap(back.source, back.destination);
    std::swap(back.source_port, back.destination_port);
    put_on(link_in_, back, header, {&bytes, 1}, bytes.size(), gso);
  }

  // Sink
  bool transmit(Connection&, const Header& header, std::span<const View> payload, std::size_t size, std::uint16_t gso) override {
    if (record) sent.push_back(header);
    ++frames_out;
    check(header, size);
    if (refuse_tap) return false;
    put_on(link_out_, ends, header, payload, size, gso);
    return true;
  }
  net::tcp::Written write(Connection&, std::span<const View> views) override {
    if (host_fails) return {.bytes = 0, .stop = net::tcp::Written::Stop::failed};
    if (finished || host_closed) fault = "a write after the end";
    std::size_t total = 0;
    for (const View& view : views)
      for (std::size_t i = 0; i < view.size() && host_held_ < o.host_buffer; ++i, ++host_held_, ++total, ++host_received)
        if (view.u8(i) != byte_at(1, host_received)) fault = "a wrong byte came to the host";
    const bool full = host_held_ == o.host_buffer;
    blocked_ = blocked_ || full;
    return {.bytes = total, .stop = full ? net::tcp::Written::Stop::would_block : net::tcp::Written::Stop::none};
  }
  void finish(Connection&) override { finished = true; }
  void keep_alive(Connection&) override { asked_keepalive = true; }
  void close_host(Connection&) override { closing("close"); }
  void reset_host(Connection&) override { closing("reset"), host_was_reset = true; }
  void arm(Connection&, Time at) override { deadline = at; }
  void defer(Connection&) override { deferred_ = true; }
  void closed(Connection&) override {
    if (is_closed) fault = "closed twice";
    is_closed = true;
  }

 private:
  void closing(const char* how) {
    if (host_closed) fault = std::string("a second ") + how;
    host_closed = true;
  }
  void check(const Header& header, std::size_t size) {
    if (header.has(flag::rst)) return;
    if (!header.has(flag::ack)) {
      if (!header.has(flag::syn)) fault = "a segment without ACK";
      return;
    }
    const std::uint32_t scale = header.has(flag::syn) || !o.scaled ? 0 : 10;
    const std::uint32_t edge = header.ack + (std::uint32_t{header.window} << scale);
    if (told_ && seq_before(edge + 1023, edge_)) fault = "the window's right edge went left";
    if (told_ && seq_before(header.ack, ack_)) fault = "the ACK went back";
    if (!told_ || seq_before(edge_, edge)) edge_ = edge;
    ack_ = header.ack;
    told_ = true;
    if (size > 1 && guest.open && seq_before(guest.edge, header.seq + static_cast<std::uint32_t>(size))) fault = "sent beyond the guest's window";
  }
  using Link = std::multimap<Time, std::vector<std::uint8_t>>;
  void put_on(Link& link, const net::Ends& from, const Header& header, std::span<const View> payload, std::size_t size, std::uint16_t gso) {
    std::vector<std::uint8_t> bytes;
    for (const View& view : payload) bytes.insert(bytes.end(), view.data(), view.data() + view.size());
    if (bytes.size() != size) fault = "pieces are not the size told";
    if (!o.split || gso == 0 || size <= gso) return put_frame(link, from, header, bytes, gso);
    for (std::size_t at = 0; at < bytes.size(); at += gso) {
      Header part = header;
      part.seq += static_cast<std::uint32_t>(at);
      const std::size_t count = std::min<std::size_t>(gso, bytes.size() - at);
      if (at + count != bytes.size()) part.flags &= static_cast<std::uint8_t>(~(flag::fin | flag::psh));
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      put_frame(link, from, part, {begin, begin + static_cast<std::ptrdiff_t>(count)}, gso);
    }
  }
  void put_frame(Link& link, const net::Ends& from, const Header& header, const std::vector<std::uint8_t>& bytes, std::uint16_t gso) {
    std::uint8_t headers[128];
    const std::size_t length = net::build_tcp(headers, from, header, bytes.size(), gso);
    std::vector<std::uint8_t> frame(headers, headers + length);
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    const unsigned copies = random.chance(o.loss) ? 0 : random.chance(o.doubled) ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      Time at = stack.now + 20;
      if (random.chance(o.reordered)) at += random.below(3000);
      link.emplace(at, frame);
    }
  }
  void deliver() {
    while (!link_in_.empty() && link_in_.begin()->first <= stack.now) {
      const auto frame = std::move(link_in_.begin()->second);
      link_in_.erase(link_in_.begin());
      net::Slice chunk = pool.for_frame();
      if (!chunk) continue;                          // as a read that is put off for so long that the tap overflows
      std::copy(frame.begin(), frame.end(), chunk.writable().begin());
      net::Packet packet;
      const net::Reject why = net::parse(View(chunk.writable().data(), frame.size()), packet);
      if (why != net::Reject::none) fault = "rejected: " + std::string(net::reject_names[why]);
      else segment(packet, std::move(chunk));
    }
    while (!link_out_.empty() && link_out_.begin()->first <= stack.now) {
      const auto frame = std::move(link_out_.begin()->second);
      link_out_.erase(link_out_.begin());
      net::Packet packet;
      const View view(frame.data(), frame.size());
      const net::Reject why = net::parse(view, packet);
      if (why != net::Reject::none) fault = "rejected at the guest: " + std::string(net::reject_names[why]);
      guest.receive(packet.segment, packet.body(view), stack.now);
    }
  }
  void segment(const net::Packet& packet, net::Slice chunk) {
    if (is_closed) return;
    if (connection->state() == net::tcp::State::idle) {
      if (!packet.segment.has(flag::syn)) return;
      connection->open(packet.segment, 0xffff0000u + static_cast<std::uint32_t>(random.below(70000)));
      connect_at_ = stack.now + random.below(3000);
      return;
    }
    connection->receive(packet.segment, chunk.part(packet.payload, packet.payload_length));
  }
  void host_turn() {
    if (connect_at_ != 0 && connect_at_ <= stack.now) connect_at_ = 0, connection->connected();
    if (stack.now < host_pause_) return;
    if (random.chance(o.host_pauses)) host_pause_ = stack.now + 1000 + random.below(300000);
    host_held_ -= static_cast<std::uint32_t>(random.below(host_held_ + 1));
    if (host_held_ < 1000) host_held_ = 0;
    if (blocked_ && host_held_ < o.host_buffer) blocked_ = false, connection->host_writable();
  }
  void read_host() {
    if (is_closed || host_closed || stack.now < host_pause_) return;
    while (host_given < o.download) {
      std::size_t most = std::min(connection->wanted(), connection->frame_limit());
      if (most == 0) return;
      net::Slice chunk = pool.large();
      if (!chunk) return;
      most = static_cast<std::size_t>(std::min<std::uint64_t>(most, o.download - host_given));
      const std::size_t count = random.chance(300) ? 1 + random.below(most) : most;
      chunk.drop_front(net::Pool::headroom);
      for (std::size_t i = 0; i < count; ++i) chunk.writable()[i] = byte_at(2, host_given++);
      chunk.keep_front(count);
      connection->take(std::move(chunk), count < most);
      if (is_closed) return;
    }
    if (o.host_closes && !ended_ && connection->state() == net::tcp::State::established) ended_ = true, connection->host_ended();
  }
  Time next_event() {
    Time next = deadline;
    const auto earliest = [&next](Time at) { next = at != 0 && (next == 0 || at < next) ? at : next; };
    if (!link_in_.empty()) earliest(link_in_.begin()->first);
    if (!link_out_.empty()) earliest(link_out_.begin()->first);
    earliest(guest.reset ? 0 : guest.due());
    earliest(connect_at_);
    const bool host_busy = blocked_ || host_held_ != 0 || (host_given < o.download && connection->wanted() != 0);
    if (host_busy) earliest(std::max(host_pause_, stack.now + 50));
    return next;
  }

  Link link_in_, link_out_;
  std::uint32_t host_held_ = 0, edge_ = 0, ack_ = 0;
  bool blocked_ = false, deferred_ = false, told_ = false, ended_ = false;
  Time connect_at_ = 0, host_pause_ = 0;
};

}  // namespace world
