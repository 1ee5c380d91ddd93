// How a connection opens and ends, and its queues.
#include "net/tcp.h"

#include "net/tcp_seq.h"

#include <algorithm>

namespace net::tcp {

namespace {

// A slice this small is copied together with others: alone it would pin a chunk of 64 KiB.
constexpr std::size_t copied = 4096, copied_under_pressure = 32768;

}  // namespace

Connection::Connection(Stack& stack, std::uint32_t id, bool v6) : stack_(stack), id_(id), v6_(v6), big_(stack.big_tcp) {}

Connection::~Connection() {
  for (Queue* queue : {&to_host_, &early_, &to_guest_, &sacked_}) release(*queue);
}

void Connection::open(const Header& syn, std::uint32_t isn) {
  state_ = State::connecting;
  host_open_ = true;
  snd_una_ = snd_nxt_ = snd_end_ = isn;
  heard_at_ = active_at_ = stack_.now;
  negotiate(syn);
}

void Connection::negotiate(const Header& syn) {
  irs_ = syn.seq;
  rcv_nxt_ = irs_ + 1;                 // data in a SYN is not taken, and comes again (RFC 9293, 3.10.7.4)
  rcv_edge_ = rcv_nxt_ + 65535;        // the window of a SYN is not scaled
  const std::uint32_t offered = syn.mss != 0 ? syn.mss : v6_ ? 1220 : 536;
  mss_ = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(offered, 88, own_mss()));
  scaled_ = syn.scaled;
  scale_ = syn.scaled ? syn.scale : std::uint8_t{0};
  sack_ = syn.sack_permitted;
  snd_wnd_ = largest_wnd_ = syn.window;
  snd_wl1_ = syn.seq;
}

void Connection::connected() {
  if (state_ != State::connecting) return;
  state_ = State::syn_received;
  snd_nxt_ = snd_end_ = snd_una_ + 1;
  measuring_ = true;
  measured_seq_ = snd_nxt_;
  measured_at_ = stack_.now;
  transmit_control(flag::syn | flag::ack, snd_una_);
  schedule();
}

void Connection::refused(Refusal how) {
  if (state_ != State::connecting) return;
  host_open_ = false;
  end(how == Refusal::reset, false);
}

void Connection::open_inbound(std::uint32_t isn) {
  state_ = State::syn_sent;
  host_open_ = true;
  // What the guest offers is known with its SYN-ACK; ours is offered whole.
  scaled_ = sack_ = true;
  snd_una_ = isn;
  snd_nxt_ = snd_end_ = isn + 1;
  measuring_ = true;
  measured_seq_ = snd_nxt_;
  measured_at_ = heard_at_ = active_at_ = stack_.now;
  transmit_control(flag::syn, isn);
  schedule();
}

void Connection::establish() {
  state_ = State::established;
  active_at_ = stack_.now;
  open_window(false);
}

void Connection::host_ended() {
  if (host_done_ || state_ == State::closed || state_ == State::time_wait) return;
  if (broken_) return host_reset();
  host_done_ = true;
  output(true);
  advance_close();
  schedule();
}

void Connection::host_reset() {
  output(true);
  end(true, false);
}

void Connection::abort() { end(true, true); }

// A RST must hit what the guest expects next (RFC 5961, 3.2). With bytes in flight that is one of two.
void Connection::end(bool reset_guest, bool reset_host) {
  if (state_ == State::closed) return;
  if (reset_guest && state_ == State::connecting) transmit_control(flag::rst | flag::ack, 0);
  if (reset_guest && state_ != State::connecting && state_ != State::time_wait && state_ != State::idle) {
    transmit_control(flag::rst | flag::ack, snd_nxt_);
    if (in_flight() != 0 && state_ == State::established) transmit_control(flag::rst | flag::ack, snd_una_);
  }
  if (host_open_ && reset_host) stack_.sink.reset_host(*this);
  if (host_open_ && !reset_host) stack_.sink.close_host(*this);
  host_open_ = false;
  become_closed();
}

// Passes ends on as soon as everything before them is delivered; see the theory of operation.
void Connection::advance_close() {
  if (state_ != State::established) return;
  if (guest_done_ && to_host_.empty() && !finish_called_) {
    finish_called_ = true;
    if (!broken_) stack_.sink.finish(*this);
  }
  if (!finish_called_ || !fin_sent_ || snd_una_ != snd_end_ + 1) return;
  if (host_open_) stack_.sink.close_host(*this);
  host_open_ = false;
  if (!guest_last_) return become_closed();
  state_ = State::time_wait;
  timer_ = Timer::off;                 // schedule() sets the one of this state
}

void Connection::become_closed() {
  for (Queue* queue : {&to_host_, &early_, &to_guest_, &sacked_}) release(*queue);
  to_host_bytes_ = early_bytes_ = 0;
  early_count_ = sacked_count_ = 0;
  sending_ = nullptr;
  snd_una_ = snd_nxt_ = snd_end_;
  state_ = State::closed;
  timer_ = Timer::off;
  ack_owed_ = false;
  stack_.sink.closed(*this);
}

void Connection::pop(Queue& queue) {
  Node* node = queue.first;
  queue.first = node->next;
  if (queue.first == nullptr) queue.last = nullptr;
  if (node == sending_) sending_ = nullptr;
  stack_.pool.free(node);
}

void Connection::release(Queue& queue) {
  while (!queue.empty()) pop(queue);
}

void Connection::push(Queue& queue, Slice bytes, std::uint32_t begin, Node* node) {
  node->begin = begin;
  node->end = begin + static_cast<std::uint32_t>(bytes.size());
  node->slice = std::move(bytes);
  (queue.last == nullptr ? queue.first : queue.last->next) = node;
  queue.last = node;
}

// Returns how much was taken: all, but for a pool that ran out. `may_keep`: the chunk itself may be held on to.
std::size_t Connection::append(Queue& queue, const Slice& bytes, std::uint32_t begin, bool may_keep) {
  Pool& pool = stack_.pool;
  const View view = bytes.view();
  std::size_t taken = 0;
  if (view.size() < (pool.pressure() > 50 ? copied_under_pressure : copied) || !may_keep) {
    if (queue.last != nullptr && queue.last->end == begin) {
      taken = queue.last->slice.grow(view);
      queue.last->end += static_cast<std::uint32_t>(taken);
    }
    while (taken < view.size()) {
      Slice room = view.size() - taken > 2 * Pool::small_size ? pool.large() : pool.small();
      if (!room) room = pool.small();
      Node* node = room ? pool.node() : nullptr;
      if (node == nullptr) break;
      room.keep_front(0);
      const std::size_t count = room.grow(view.from(taken));
      push(queue, std::move(room), begin + static_cast<std::uint32_t>(taken), node);
      taken += count;
    }
  }
  if (taken == view.size() || !may_keep) return taken;
  Node* node = pool.node();
  if (node == nullptr) return taken;
  push(queue, bytes.part(taken), begin + static_cast<std::uint32_t>(taken), node);
  return view.size();
}

}  // namespace net::tcp
