// One TCP connection between the sandbox ("guest") and a socket of the host's kernel ("host").
//
// Theory of operation. The guest's kernel speaks TCP with us; the host's kernel speaks TCP with the peer. A
// Connection joins the two: it is the guest's peer in every respect (RFC 9293), and to the host it is a program that
// reads and writes a socket. It makes no system call: the engine tells it what happened (open, connected, receive,
// host_writable, take, host_ended, expired, …), and it acts through a Sink, which the engine implements.
//
//   guest → host. receive() hands in-order bytes to Sink::write() straight from the chunk that the frame was read
//   into. What the socket does not take waits in `to_host_`, and is acknowledged all the same: the bytes are ours
//   now. So that this stays bounded, the window is the buffer's size less what waits in it, and nothing inside a
//   window once advertised is dropped. Bytes that came too early wait in `early_`, told by SACK (RFC 2018).
//   host → guest. The engine asks wanted(), reads so much from the socket, a frame's worth into each chunk, and gives
//   them to take(). At the end of the turn each goes as one frame (segmented by the guest's kernel: gso_size), or
//   several in one where its kernel takes that (BIG TCP), when other flows were read, too: whoever is woken then finds
//   more than one frame's work, and answers once. It stays in `to_guest_` until it
//   is acknowledged. Lost is what lies under three segments of SACKed bytes, what three duplicate ACKs point at, what a
//   tail probe finds, and what the retransmission timer (RFC 6298) runs out on.
//
//   open:  SYN ─ open() ─► connecting ─ connected() ─► SYN-ACK, syn_received ─ ACK ─► established
//                              └─ refused() ─► RST, or nothing where the engine answered by ICMP
//          open_inbound() ─► SYN, syn_sent ─ SYN-ACK ─► established           (a visitor of a published port)
//   close: each direction ends by itself. The guest's FIN is passed on (Sink::finish) when all bytes before it are
//          written; the host's end becomes a FIN behind all bytes, retransmitted as they are. When both ended and our
//          FIN is acknowledged the flow is closed, at once if the guest ended first, else after two seconds of
//          time_wait, which answer its late FINs. A RST of one side becomes a RST to the other.
//
// The engine's socket is closed by one call of close_host or reset_host, before closed(); after refused() by neither.
// A socket that fails a write is read out first: host_ended() or host_reset() is expected to follow.
//
// There is one deadline per connection. Sink::arm() moves it earlier only; expired() before anything is due just arms
// it again, which is cheaper than to cancel a timer for every ACK.
// After each event the engine asks wanted(), if the host's socket is known to be readable: ACKs and timers change it.
#pragma once

#include "net/buffer.h"
#include "net/wire.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace net::tcp {

using Time = std::uint64_t;                    // microseconds of a clock that never goes back; 0 is "never"

class Connection;

struct Written {
  enum class Stop : std::uint8_t { none, would_block, failed };
  std::size_t bytes = 0;                       // taken by the socket
  Stop stop = Stop::none;                      // would_block: host_writable() will follow
};

class Sink {
 public:
  // One frame to the guest. False: the tap did not take it, which is as if it were lost.
  virtual bool transmit(Connection& from, const Header& header, std::span<const View> payload,
                        std::size_t payload_size, std::uint16_t gso_size) = 0;
  virtual Written write(Connection& from, std::span<const View> bytes) = 0;
  virtual void finish(Connection& from) = 0;          // shutdown(SHUT_WR)
  virtual void keep_alive(Connection& from) = 0;      // SO_KEEPALIVE: the guest's program asked for it
  virtual void close_host(Connection& from) = 0;      // the socket is done with; never called after reset_host
  virtual void reset_host(Connection& from) = 0;      // SO_LINGER {1, 0} and close: the peer sees a RST
  virtual void arm(Connection& from, Time deadline) = 0;
  virtual void defer(Connection& from) = 0;           // call end_of_turn() before waiting; asked once per turn
  virtual void closed(Connection& from) = 0;          // nothing is left: free it at the end of the turn

 protected:
  ~Sink() = default;
};

struct Counters {
  std::uint64_t retransmitted = 0, timeouts = 0, tail_probes = 0, fast_recoveries = 0, window_probes = 0;
  std::uint64_t early_segments = 0, duplicate_segments = 0, challenge_acks = 0, refused_frames = 0;
  std::uint64_t out_of_memory = 0;                    // bytes not accepted because the pool was empty
};

// What all connections of an engine share. The engine sets `now` at the start of each turn.
struct Stack {
  Sink& sink;
  Pool& pool;
  std::uint16_t mtu = 1500;
  bool big_tcp = false;                        // the guest takes frames of more than 64 KiB
  Time now = 1;
  Counters counters{};
};

enum class State : std::uint8_t { idle, connecting, syn_received, syn_sent, established, time_wait, closed };

// First in, first out; nodes are the pool's.
struct Queue {
  Node* first = nullptr;
  Node* last = nullptr;
  bool empty() const { return first == nullptr; }
};

class Connection {
 public:
  static constexpr std::size_t most_pieces = 40;      // of one frame's payload
  static constexpr std::uint32_t largest_payload = 65475;  // of a frame: what IPv4's length field leaves beside headers
  static constexpr std::size_t big_frame = 7;         // frames in one that is big: sixteen pieces of 32 KiB or less hold it
  static constexpr std::uint32_t first_window = 256u << 10, largest_window = 4u << 20, largest_flight = 1u << 20;

  // `id` is the engine's: its flow. One that was closed may be constructed again in place.
  Connection(Stack& stack, std::uint32_t id, bool v6);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `isn`: RFC 6528, by the engine's clock and key.
  void open(const Header& syn, std::uint32_t isn);
  void connected();
  enum class Refusal : std::uint8_t { reset, silent };
  void refused(Refusal how);                          // connect() failed: the host's socket is not mentioned again
  void open_inbound(std::uint32_t isn);

  enum class Received : std::uint8_t { done, reopen };
  // A segment of this flow. `payload` is a slice of the chunk it was read into (empty: none needed). On `reopen` it
  // was a SYN that replaces this flow, which is closed by now: open a new one with it.
  Received receive(const Header& header, Slice payload);
  void end_of_turn();                                 // sends what was taken in this turn, and the one ACK it owes

  void host_writable();
  std::size_t wanted() const;                         // how much to read from the host's socket now; 0: stop
  std::size_t frame_limit() const;                    // whole segments, at least one
  // Bytes read from it, at most wanted() and frame_limit(). `last`: the socket has no more for now. The slice should begin
  // Pool::headroom behind the chunk's start; small ones are copied into a small chunk here.
  void take(Slice bytes, bool last);
  void host_ended();                                  // read() gave 0
  void host_reset();                                  // the host's socket failed, and is read out: RST to the guest
  void abort();                                       // RST both ways: a limit, a rule, an end
  void expired();

  State state() const { return state_; }
  bool finished() const { return state_ == State::time_wait || state_ == State::closed; }
  bool guest_done() const { return guest_done_; }     // its FIN was accepted
  std::uint32_t id() const { return id_; }
  bool v6() const { return v6_; }
  std::uint32_t guest_isn() const { return irs_; }
  const Queue& to_host() const { return to_host_; }   // accepted, not yet written: ClientHello is looked at here
  std::size_t held() const { return to_host_bytes_ + early_bytes_ + unacknowledged(); }
  Time active_at() const { return active_at_; }       // when data last moved: who is to be evicted

 private:
  enum class Timer : std::uint8_t { off, resend, tail_probe, persist, linger };

  // tcp.cpp: opening, closing, states
  void negotiate(const Header& syn);
  void establish();
  void end(bool reset_guest, bool reset_host);
  void advance_close();
  void become_closed();
  void release(Queue& queue);
  void pop(Queue& queue);
  void push(Queue& queue, Slice bytes, std::uint32_t begin, Node* node);
  std::size_t append(Queue& queue, const Slice& bytes, std::uint32_t begin, bool may_keep);

  // tcp_input.cpp: segments, and the bytes in them up to the host's socket
  bool in_window(const Header& header, std::size_t length) const;
  void receive_syn_sent(const Header& header);
  Received receive_syn(const Header& header);
  void receive_reset(const Header& header);
  bool receive_ack(const Header& header, std::size_t length);
  void receive_window(const Header& header);
  void receive_bytes(const Header& header, Slice payload);
  std::size_t accept(const Slice& payload);
  std::size_t write(const Slice& payload);
  void accept_fin();
  void flush();
  std::uint32_t window_target() const;
  void open_window(bool drained);

  // tcp_early.cpp: bytes before their turn
  void store_early(std::uint32_t begin, Slice payload);
  bool make_room(std::uint32_t& begin, Slice& payload, Node*& before);
  void drop_early_after(Node* before);
  void accept_early();
  void put_blocks(Header& header) const;

  // tcp_output.cpp: segments to the guest
  std::size_t largest_frame(std::uint32_t window) const;
  void output(bool last);
  std::uint32_t transmit(std::uint32_t seq, std::size_t length, bool last);
  void transmit_control(std::uint8_t flags, std::uint32_t seq);
  void owe_ack();
  void defer();
  void challenge();
  std::uint16_t window_field();
  std::uint32_t own_mss() const { return std::min<std::uint32_t>(stack_.mtu - (v6_ ? 60u : 40u), largest_payload); }
  std::uint32_t in_flight() const { return snd_nxt_ - snd_una_; }
  std::uint32_t unacknowledged() const { return snd_una_ == snd_end_ + 1 ? 0 : snd_end_ - snd_una_; }

  // tcp_recovery.cpp: what was lost
  void acknowledge(std::uint32_t ack);
  void measure(Time sample);
  bool note_sacks(const Header& header);
  bool note_sack(std::uint32_t begin, std::uint32_t end);
  void detect_loss(bool advanced);
  void resend_from(std::uint32_t end);
  void retransmit(std::size_t budget);

  // tcp_timer.cpp
  Timer needed() const;
  void schedule();
  Time timeout() const;
  Time keepalive_due() const;
  void timer_fired();
  void resend_expired();
  void probe_tail();
  void probe_window();
  void keepalive_fired();

  Stack& stack_;
  Queue to_host_, early_, to_guest_, sacked_;
  Node* sending_ = nullptr;                           // where the last frame ended
  std::uint32_t id_;
  State state_ = State::idle;
  Timer timer_ = Timer::off;
  bool v6_ : 1;
  bool sack_ : 1 = false, scaled_ : 1 = false;
  bool guest_fin_ : 1 = false;                        // seen, perhaps early: at guest_fin_seq_
  bool guest_done_ : 1 = false, finish_called_ : 1 = false, guest_last_ : 1 = false;
  bool host_done_ : 1 = false, fin_sent_ : 1 = false, host_open_ : 1 = false;
  bool blocked_ : 1 = false;                          // the socket said would_block
  bool broken_ : 1 = false;                           // the socket failed; what it received may still be read
  bool recovering_ : 1 = false, probing_ : 1 = false, measuring_ : 1 = false, timed_out_ : 1 = false;
  bool unsent_last_ : 1 = false;                      // take()'s `last`
  bool big_ : 1;                                      // no frame was lost or refused so far
  bool ack_owed_ : 1 = false, deferred_ : 1 = false, asked_keepalive_ : 1 = false;
  std::uint8_t scale_ = 0, backoff_ = 0, duplicate_acks_ = 0;
  std::uint8_t keepalives_ = 0;                       // probes of ours since anything was heard
  std::uint16_t mss_ = 536;
  std::uint16_t early_count_ = 0, sacked_count_ = 0;

  // To the guest (RFC 9293, 3.3.1). Bytes [snd_una_, snd_end_) are in to_guest_; the FIN is at snd_end_.
  std::uint32_t snd_una_ = 0, snd_nxt_ = 0, snd_end_ = 0, snd_wnd_ = 0, snd_wl1_ = 0, largest_wnd_ = 0;
  std::uint32_t flight_cap_ = largest_flight;
  std::uint32_t recover_ = 0, resend_next_ = 0, resend_end_ = 0, measured_seq_ = 0;
  // From the guest. [rcv_nxt_, rcv_edge_) is the window that was advertised.
  std::uint32_t irs_ = 0, rcv_nxt_ = 0, rcv_edge_ = 0, guest_fin_seq_ = 0, latest_early_ = 0;
  std::uint32_t window_cap_ = first_window, since_growth_ = 0;
  std::uint32_t to_host_bytes_ = 0, early_bytes_ = 0;
  std::uint32_t srtt_ = 0, rttvar_ = 0, rto_ = 1000000;
  Time timer_at_ = 0, armed_at_ = 0, measured_at_ = 0, heard_at_ = 0, active_at_ = 0, probed_at_ = 0;
};

}  // namespace net::tcp
