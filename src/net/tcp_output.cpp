// Segments to the guest. All carry an ACK and the window as they are when sent.
#include "net/tcp.h"

#include "net/tcp_seq.h"

#include <algorithm>

namespace net::tcp {

namespace {

constexpr unsigned our_scale = 10;
// A frame that is not all of the window left waits for ACKs rather than be small, up to this.
constexpr std::uint32_t good_frame = 32768;

}  // namespace

std::size_t Connection::frame_limit() const { return largest_payload / mss_ * mss_; }

std::size_t Connection::wanted() const {
  if (state_ != State::established || host_done_ || !host_open_ || stack_.pool.scarce()) return 0;
  if (snd_wnd_ == 0) return probing_ && to_guest_.empty() ? 1 : 0;
  const std::uint32_t window = std::min(snd_wnd_, flight_cap_), queued = snd_end_ - snd_una_;
  if (queued >= window) return 0;
  const std::uint32_t room = window - queued;
  if (queued != 0 && room < std::min(good_frame, window / 2)) return 0;
  return room >= mss_ ? room - room % mss_ : room;
}

void Connection::take(Slice bytes, bool last) {
  if (state_ != State::established || host_done_ || bytes.empty()) return;
  const std::uint32_t begin = snd_end_;
  if (append(to_guest_, bytes, begin, true) < bytes.size()) return abort();
  snd_end_ += static_cast<std::uint32_t>(bytes.size());
  active_at_ = stack_.now;
  if (snd_wnd_ == 0 && probing_ && in_flight() == 0) {
    probing_ = false;
    ++stack_.counters.window_probes;
    snd_nxt_ += transmit(snd_nxt_, 1, true);
  }
  unsent_last_ = last;
  defer();
}

// At most half of the window: what a frame takes of the guest's buffer is free again only when all of it was read.
std::size_t Connection::largest_frame(std::uint32_t window) const {
  const std::size_t limit = frame_limit();
  return big_ ? std::clamp<std::size_t>(window / 2 / mss_ * mss_, limit, big_frame * limit) : limit;
}

// What is new and fits the window, then the FIN.
void Connection::output(bool last) {
  if (state_ != State::established) return;
  while (snd_nxt_ != snd_end_ && !fin_sent_) {
    const std::uint32_t window = std::min(snd_wnd_, flight_cap_), unsent = snd_end_ - snd_nxt_;
    if (in_flight() >= window) break;
    const std::size_t room = std::min<std::size_t>(window - in_flight(), largest_frame(window));
    const std::size_t length = std::min<std::size_t>(unsent, room);
    if (length < unsent && length < mss_ && in_flight() != 0) break;
    snd_nxt_ += transmit(snd_nxt_, length, last && length == unsent);
    if (measuring_) continue;
    measuring_ = true;
    measured_seq_ = snd_nxt_;
    measured_at_ = stack_.now;
  }
  if (!host_done_ || fin_sent_ || snd_nxt_ != snd_end_) return;
  fin_sent_ = true;
  transmit_control(flag::fin | flag::ack, snd_nxt_++);
}

// Bytes of to_guest_, new or again; returns how many are in the frame. One that the tap does not take is a loss, which
// the timers see.
std::uint32_t Connection::transmit(std::uint32_t seq, std::size_t length, bool last) {
  Node* node = sending_ != nullptr && !before(seq, sending_->begin) ? sending_ : to_guest_.first;
  while (node != nullptr && !before(seq, node->end)) node = node->next;
  std::array<View, most_pieces> pieces;
  std::size_t count = 0, total = 0;
  for (std::uint32_t skip = node == nullptr ? 0 : seq - node->begin; node != nullptr && count < most_pieces && total < length;
       node = node->next, skip = 0) {
    pieces[count] = node->slice.view().from(skip, length - total);
    total += pieces[count++].size();
    sending_ = node;
  }
  Header header{.seq = seq, .ack = rcv_nxt_, .flags = flag::ack, .window = window_field()};
  if (last && total == length) header.flags |= flag::psh;
  const bool sent = stack_.sink.transmit(*this, header, {pieces.data(), count}, total, mss_);
  if (!sent) ++stack_.counters.refused_frames;
  if (!sent && total > frame_limit()) {                // perhaps for its size
    big_ = false;
    return transmit(seq, frame_limit(), false);
  }
  if (sent && early_.empty()) ack_owed_ = false;       // SACK blocks need a segment of their own
  return static_cast<std::uint32_t>(total);
}

void Connection::transmit_control(std::uint8_t flags, std::uint32_t seq) {
  Header header{.seq = seq, .ack = rcv_nxt_, .flags = flags};
  if ((flags & flag::ack) == 0) header.ack = 0;
  if ((flags & flag::syn) != 0) {
    header.window = 65535;
    header.mss = static_cast<std::uint16_t>(own_mss());
    header.scaled = scaled_;
    header.scale = our_scale;
    header.sack_permitted = sack_;
  } else if ((flags & flag::rst) == 0) {
    header.window = window_field();
    put_blocks(header);
    ack_owed_ = false;
  }
  if (!stack_.sink.transmit(*this, header, {}, 0, 0)) ++stack_.counters.refused_frames;
}

void Connection::owe_ack() {
  ack_owed_ = true;
  defer();
}

void Connection::defer() {
  if (deferred_) return;
  deferred_ = true;
  stack_.sink.defer(*this);
}

void Connection::challenge() {
  ++stack_.counters.challenge_acks;
  owe_ack();
}

void Connection::end_of_turn() {
  deferred_ = false;
  output(unsent_last_);
  schedule();
  if (ack_owed_) transmit_control(flag::ack, snd_nxt_);
}

// Rounded up, so that the right edge does not seem to go left; but never to more than 16 KiB above what may be held,
// or a guest that sends single bytes would never meet the end of the window.
std::uint16_t Connection::window_field() {
  const std::uint32_t window = rcv_edge_ - rcv_nxt_;
  if (!scaled_) return static_cast<std::uint16_t>(std::min<std::uint32_t>(window, 65535));
  constexpr std::uint32_t unit = 1u << our_scale;
  const std::uint32_t up = (window + unit - 1) & ~(unit - 1);
  if (up != window && up + to_host_bytes_ <= window_cap_ + 16 * unit) rcv_edge_ = rcv_nxt_ + up;
  return static_cast<std::uint16_t>(std::min<std::uint32_t>((rcv_edge_ - rcv_nxt_) >> our_scale, 65535));
}

}  // namespace net::tcp
