// Segments of the guest, in the order of RFC 9293, 3.10.7.4, with the checks of RFC 5961.
#include "net/tcp.h"

#include "net/tcp_seq.h"

#include <algorithm>

namespace net::tcp {

Connection::Received Connection::receive(const Header& header, Slice payload) {
  if (state_ == State::closed || state_ == State::idle) return Received::done;
  heard_at_ = stack_.now;
  keepalives_ = 0;
  if (state_ == State::syn_sent) {
    receive_syn_sent(header);
  } else if (header.has(flag::rst)) {
    receive_reset(header);
  } else if (state_ == State::connecting) {
    // A SYN again: the answer depends on the host, which is being asked. Data of a SYN is not taken.
  } else if (header.has(flag::syn)) {
    return receive_syn(header);
  } else if (header.has(flag::ack)) {
    const std::size_t length = payload.size() + (header.has(flag::fin) ? 1u : 0u);
    if (!in_window(header, length)) {
      ++stack_.counters.duplicate_segments;
      owe_ack();
    } else if (receive_ack(header, length)) {
      receive_bytes(header, std::move(payload));
      advance_close();
    }
  }
  schedule();
  return Received::done;
}

// A keepalive probe lies just before the window; it is answered, and its window counts.
bool Connection::in_window(const Header& header, std::size_t length) const {
  const std::uint32_t size = rcv_edge_ - rcv_nxt_, distance = header.seq - rcv_nxt_;
  if (header.seq + 1 == rcv_nxt_ && length <= 1) return true;
  if (distance == 0 || (length == 0 && distance <= size)) return true;
  if (length == 0) return false;
  return before(header.seq, rcv_edge_) && after(header.seq + static_cast<std::uint32_t>(length), rcv_nxt_);
}

void Connection::receive_syn_sent(const Header& header) {
  const bool answers = header.has(flag::ack) && header.ack == snd_nxt_;
  if (header.has(flag::rst)) {
    if (answers) end(false, true);
    return;
  }
  if (header.has(flag::ack) && !answers) return transmit_control(flag::rst, header.ack);
  if (!header.has(flag::syn) || !answers) return;
  const std::uint32_t isn = snd_una_;
  negotiate(header);
  snd_una_ = isn;
  acknowledge(header.ack);
  establish();
  owe_ack();
}

Connection::Received Connection::receive_syn(const Header& header) {
  if (state_ == State::syn_received && header.seq == irs_) {
    transmit_control(flag::syn | flag::ack, snd_una_);
  } else if (state_ == State::time_wait && after(header.seq, rcv_nxt_) && !header.has(flag::ack)) {
    become_closed();
    return Received::reopen;                    // RFC 9293, 3.6.1: the old connection can send nothing more
  } else {
    challenge();
  }
  return Received::done;
}

// RFC 5961, 3.2: only a RST that hits exactly is obeyed; one that comes near is asked about.
void Connection::receive_reset(const Header& header) {
  if (header.seq == rcv_nxt_) return end(false, true);
  if (state_ != State::connecting && header.seq - rcv_nxt_ < rcv_edge_ - rcv_nxt_) challenge();
}

bool Connection::receive_ack(const Header& header, std::size_t length) {
  if (state_ == State::syn_received) {
    if (header.ack != snd_nxt_) {
      transmit_control(flag::rst, header.ack);
      return false;
    }
    acknowledge(header.ack);
    snd_wl1_ = header.seq;
    establish();
    receive_window(header);
    return true;
  }
  // After what was sent, or before what can be late (RFC 5961, 5.2).
  if (after(header.ack, snd_nxt_) || (before(header.ack, snd_una_) && snd_una_ - header.ack > largest_wnd_)) {
    challenge();
    return false;
  }
  if (before(header.ack, snd_una_)) return true;
  const bool advanced = after(header.ack, snd_una_);
  const std::uint32_t window = snd_wnd_;
  if (advanced) {
    acknowledge(header.ack);
    snd_wl1_ = header.seq;                        // what acknowledges more is newer, whatever its sequence number
  }
  receive_window(header);
  const bool learnt = note_sacks(header);
  if (!advanced && length == 0 && in_flight() != 0 && header.ack == snd_una_ && (window == snd_wnd_ || learnt))
    duplicate_acks_ = static_cast<std::uint8_t>(std::min(duplicate_acks_ + 1, 255));
  detect_loss(advanced);
  output(true);
  return true;
}

// Segments may come in another order than they were sent, and an old window must not replace a newer one. A keepalive
// probe repeats the last sequence number and does count.
void Connection::receive_window(const Header& header) {
  if (before(header.ack, snd_una_) || before(header.seq + 1, snd_wl1_)) return;
  const bool was_shut = snd_wnd_ == 0;
  snd_wnd_ = std::uint32_t{header.window} << scale_;
  snd_wl1_ = header.seq;
  largest_wnd_ = std::max(largest_wnd_, snd_wnd_);
  if (!was_shut || snd_wnd_ == 0) return;
  probing_ = false;
  backoff_ = 0;
  timer_ = Timer::off;
  // Shut with bytes in flight, it refused them (Linux shrinks windows): they go again from the first.
  if (in_flight() != 0 && state_ == State::established) resend_from(snd_nxt_);
}

void Connection::receive_bytes(const Header& header, Slice payload) {
  if (header.seq + 1 == rcv_nxt_ && payload.size() <= 1 && !header.has(flag::fin)) {
    owe_ack();
    active_at_ = stack_.now;
    if (!asked_keepalive_ && host_open_) {
      asked_keepalive_ = true;
      stack_.sink.keep_alive(*this);
    }
    return;
  }
  if (payload.empty() && !header.has(flag::fin)) return;
  owe_ack();
  std::uint32_t begin = header.seq;
  const std::uint32_t end = begin + static_cast<std::uint32_t>(payload.size());
  if (header.has(flag::fin) && !guest_fin_ && !before(end, rcv_nxt_)) {
    guest_fin_ = true;
    guest_fin_seq_ = end;
  }
  if (before(begin, rcv_nxt_)) {
    payload.drop_front(rcv_nxt_ - begin);
    begin = rcv_nxt_;
  }
  // Neither what was not offered a place nor what stands behind the end.
  const std::uint32_t edge = guest_fin_ && before(guest_fin_seq_, rcv_edge_) ? guest_fin_seq_ : rcv_edge_;
  payload.keep_front(before(begin, edge) ? edge - begin : 0);
  if (guest_done_) return;
  if (begin != rcv_nxt_) {
    if (!payload.empty()) store_early(begin, std::move(payload));
    if (!sack_ && state_ == State::established) transmit_control(flag::ack, snd_nxt_);   // counted by its fast retransmit
  } else {
    accept(payload);
    accept_early();
  }
  if (guest_fin_ && !before(rcv_nxt_, guest_fin_seq_)) accept_fin();
  open_window(false);
}

// In-order bytes: to the socket, else into the queue. Either way they are ours, and acknowledged.
std::size_t Connection::accept(const Slice& payload) {
  if (payload.empty()) return 0;
  const std::size_t size = payload.size();
  std::size_t taken = broken_ ? size : 0;
  if (!broken_ && to_host_.empty() && !blocked_) taken = write(payload);
  if (taken < size) {
    const std::size_t queued = append(to_host_, payload.part(taken), rcv_nxt_ + static_cast<std::uint32_t>(taken),
                                      !stack_.pool.scarce());
    to_host_bytes_ += static_cast<std::uint32_t>(queued);
    taken += queued;
    stack_.counters.out_of_memory += size - taken;
  }
  rcv_nxt_ += static_cast<std::uint32_t>(taken);
  active_at_ = stack_.now;
  since_growth_ += static_cast<std::uint32_t>(taken);
  if (to_host_.empty() && since_growth_ >= window_cap_) {
    since_growth_ = 0;
    if (window_cap_ < largest_window && stack_.pool.pressure() < 50) window_cap_ *= 2;
  }
  return taken;
}

std::size_t Connection::write(const Slice& payload) {
  const View view = payload.view();
  const Written written = stack_.sink.write(*this, {&view, 1});
  if (written.stop != Written::Stop::failed) {
    blocked_ = written.bytes < view.size();
    return written.bytes;
  }
  broken_ = true;
  return view.size();
}

void Connection::accept_fin() {
  ++rcv_nxt_;
  rcv_edge_ = later(rcv_edge_, rcv_nxt_);
  guest_done_ = true;
  guest_last_ = fin_sent_;
  release(early_);
  early_bytes_ = early_count_ = 0;
}

void Connection::host_writable() {
  blocked_ = false;
  if (state_ != State::established) return;
  flush();
  open_window(true);
  advance_close();
  schedule();
}

void Connection::flush() {
  while (!to_host_.empty() && !blocked_) {
    View views[16];
    std::size_t count = 0, total = 0;
    for (const Node* node = to_host_.first; node != nullptr && count < 16; node = node->next) {
      views[count++] = node->slice.view();
      total += node->slice.size();
    }
    const Written written = stack_.sink.write(*this, {views, count});
    if (written.stop == Written::Stop::failed) {
      broken_ = true;
      release(to_host_);
      to_host_bytes_ = 0;
      return;
    }
    blocked_ = written.bytes < total;
    std::size_t left = written.bytes;
    to_host_bytes_ -= static_cast<std::uint32_t>(left);
    while (left != 0) {
      Node* node = to_host_.first;
      const std::size_t cut = std::min(left, node->slice.size());
      left -= cut;
      node->slice.drop_front(cut);
      node->begin += static_cast<std::uint32_t>(cut);
      if (node->slice.empty()) pop(to_host_);
    }
  }
}

// How much may be on its way to us beyond what is acknowledged. Memory that is short is kept for those who move.
std::uint32_t Connection::window_target() const {
  const unsigned pressure = stack_.pool.pressure();
  std::uint32_t cap = window_cap_;
  if (!scaled_) cap = std::min<std::uint32_t>(cap, 65535);
  if (pressure >= 50) cap = std::min(cap, first_window);
  if (pressure >= 75) cap = to_host_.empty() && early_.empty() ? std::min<std::uint32_t>(cap, 65535) : 0;
  return cap > to_host_bytes_ ? cap - to_host_bytes_ : 0;
}

// The right edge goes right only, and not by crumbs (RFC 9293, 3.8.6.2.2): a sender with Nagle's rule would wait for
// the rest of a segment's room.
void Connection::open_window(bool drained) {
  const std::uint32_t edge = rcv_nxt_ + window_target(), left = rcv_edge_ - rcv_nxt_;
  if (!after(edge, rcv_edge_) || guest_done_) return;
  const std::uint32_t opening = edge - rcv_edge_;
  const std::uint32_t least = std::min<std::uint32_t>(mss_, window_cap_ / 2);
  if (opening < least) return;
  rcv_edge_ = edge;
  if (drained && (left < 2u * mss_ || opening >= window_cap_ / 4)) owe_ack();
}

}  // namespace net::tcp
