// What the guest has, what it lacks, and sending that again: SACK (RFC 2018, RFC 6675 in the small), three duplicate
// ACKs where there is none. There is no congestion window, as there is no network in between: only a cap on what is in
// flight, which a timeout halves.
#include "net/tcp.h"

#include "net/tcp_seq.h"

#include <algorithm>

namespace net::tcp {

namespace {

constexpr unsigned most_ranges = 64;
constexpr std::size_t burst = 4 * 65536;          // sent again for one ACK
constexpr Time least_timeout = 200 * milliseconds, longest_timeout = 120 * seconds;

}  // namespace

void Connection::acknowledge(std::uint32_t ack) {
  const std::uint32_t count = ack - snd_una_;
  snd_una_ = ack;
  for (Queue* queue : {&to_guest_, &sacked_}) {
    while (!queue->empty() && !after(queue->first->end, ack)) {
      pop(*queue);
      if (queue == &sacked_) --sacked_count_;
    }
    if (queue->empty() || !before(queue->first->begin, ack)) continue;
    queue->first->slice.drop_front(ack - queue->first->begin);
    queue->first->begin = ack;
  }
  if (measuring_ && !before(ack, measured_seq_)) measure(stack_.now - measured_at_);
  backoff_ = duplicate_acks_ = 0;
  probing_ = false;
  timer_ = Timer::off;
  flight_cap_ = std::min(flight_cap_ + count / 4, largest_flight);
  if (recovering_ && !before(ack, recover_)) recovering_ = timed_out_ = false;
}

// RFC 6298, 2.
void Connection::measure(Time sample) {
  measuring_ = false;
  const auto rtt = static_cast<std::uint32_t>(std::min<Time>(sample, 60 * seconds));
  if (srtt_ == 0) {
    srtt_ = std::max(rtt, 1u);
    rttvar_ = rtt / 2;
  } else {
    const std::uint32_t error = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
    rttvar_ = (3 * rttvar_ + error) / 4;
    srtt_ = std::max((7 * srtt_ + rtt) / 8, 1u);
  }
  rto_ = static_cast<std::uint32_t>(std::clamp<Time>(srtt_ + 4u * rttvar_, least_timeout, longest_timeout));
}

// True if something was new. Blocks below the ACK are D-SACK (RFC 2883), which asks for nothing.
bool Connection::note_sacks(const Header& header) {
  bool learnt = false;
  if (!sack_) return false;
  for (std::size_t i = 0; i < header.block_count; ++i) {
    const Block& block = header.blocks[i];
    if (!before(block.begin, block.end) || !after(block.begin, snd_una_) || after(block.end, snd_nxt_)) continue;
    learnt = note_sack(block.begin, block.end) || learnt;
  }
  return learnt;
}

bool Connection::note_sack(std::uint32_t begin, std::uint32_t end) {
  Node* before_it = nullptr;
  Node* node = sacked_.first;
  for (; node != nullptr && before(node->end, begin); node = node->next) before_it = node;
  if (node == nullptr || after(node->begin, end)) {
    Node* fresh = sacked_count_ < most_ranges ? stack_.pool.node() : nullptr;
    if (fresh == nullptr) return false;           // unknown is only sent again
    ++sacked_count_;
    fresh->begin = begin;
    fresh->end = end;
    fresh->next = node;
    (before_it == nullptr ? sacked_.first : before_it->next) = fresh;
    if (node == nullptr) sacked_.last = fresh;
    return true;
  }
  if (!before(begin, node->begin) && !after(end, node->end)) return false;
  node->begin = earlier(node->begin, begin);
  node->end = later(node->end, end);
  while (node->next != nullptr && !after(node->next->begin, node->end)) {
    Node* gone = node->next;
    node->end = later(node->end, gone->end);
    node->next = gone->next;
    if (sacked_.last == gone) sacked_.last = node;
    --sacked_count_;
    stack_.pool.free(gone);
  }
  return true;
}

void Connection::detect_loss(bool advanced) {
  if (in_flight() == 0) return;
  const std::uint32_t many = 3u * mss_;
  if (!recovering_) {
    std::uint32_t sacked = 0;
    for (const Node* node = sacked_.first; node != nullptr; node = node->next) sacked += node->end - node->begin;
    if (sacked < many && duplicate_acks_ < 3) return;
    ++stack_.counters.fast_recoveries;
    recovering_ = true;
    recover_ = snd_nxt_;
    resend_next_ = snd_una_;
  } else if (!sacked_.empty() && after(sacked_.last->end, recover_) && sacked_.last->end - recover_ >= many) {
    // What was sent after the repair is there and the gap still is: the repair was lost too.
    recover_ = snd_nxt_;
    resend_next_ = snd_una_;
  }
  if (!timed_out_) {
    if (sacked_.empty() && advanced) resend_next_ = snd_una_;                // RFC 6582: a partial ACK
    resend_end_ = sacked_.empty() ? snd_una_ + mss_ : sacked_.last->begin;
    if (after(resend_end_, snd_nxt_)) resend_end_ = snd_nxt_;
  }
  retransmit(burst);
}

// All up to `end` is taken for lost.
void Connection::resend_from(std::uint32_t end) {
  release(sacked_);                               // RFC 2018, 8: the guest may have dropped what it told of
  sacked_count_ = 0;
  recovering_ = timed_out_ = true;
  recover_ = resend_end_ = end;
  resend_next_ = snd_una_;
  duplicate_acks_ = 0;
}

// From resend_next_ to resend_end_, without what the guest has, as far as its window goes.
void Connection::retransmit(std::size_t budget) {
  resend_next_ = later(resend_next_, snd_una_);
  const std::uint32_t edge = snd_una_ + std::min(snd_wnd_, largest_flight);
  const Node* known = sacked_.first;
  while (budget != 0 && before(resend_next_, resend_end_)) {
    while (known != nullptr && !after(known->end, resend_next_)) known = known->next;
    if (known != nullptr && !after(known->begin, resend_next_)) {
      resend_next_ = known->end;
      continue;
    }
    measuring_ = false;                           // Karn: an ACK would not tell which of the two it is for
    if (resend_next_ == snd_end_ && fin_sent_) {
      ++stack_.counters.retransmitted;
      transmit_control(flag::fin | flag::ack, resend_next_++);
      return;
    }
    std::uint32_t end = earlier(earlier(resend_end_, edge), snd_end_);
    if (known != nullptr) end = earlier(end, known->begin);
    if (!before(resend_next_, end)) return;
    if (end - resend_next_ > mss_) big_ = false;  // whatever drops frames inside may do so for their size
    const std::size_t length = std::min<std::size_t>({end - resend_next_, frame_limit(), budget});
    ++stack_.counters.retransmitted;
    const std::uint32_t sent = transmit(resend_next_, length, false);
    if (sent == 0) return;
    resend_next_ += sent;
    budget -= sent;
  }
}

}  // namespace net::tcp
