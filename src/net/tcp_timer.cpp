// The one deadline of a connection: what it stands for now, and what happens when it has passed.
#include "net/tcp.h"

#include "net/tcp_seq.h"

#include <algorithm>

namespace net::tcp {

namespace {

constexpr Time least_tail_probe = 10 * milliseconds;
constexpr Time first_window_probe = 200 * milliseconds, slowest_window_probe = 60 * seconds;
constexpr Time longest_timeout = 120 * seconds;
constexpr Time linger = 2 * seconds;
constexpr unsigned most_tries = 15, most_syns = 6;
// Linux forgets a socket in FIN_WAIT_2 after 60 s without a word (tcp_fin_timeout).
constexpr Time half_closed_idle = 60 * seconds, idle = 300 * seconds, between_keepalives = 15 * seconds;
constexpr unsigned most_keepalives = 5;
constexpr Time longest_silence = 7200 * seconds;

}  // namespace

// Which timer the state asks for. Tail probes (RFC 8985, 7) only where more is in flight than a guest delays its ACK
// for, or every answer of a chat would be sent twice.
Connection::Timer Connection::needed() const {
  if (state_ == State::time_wait) return Timer::linger;
  if (state_ == State::syn_received || state_ == State::syn_sent) return Timer::resend;
  if (state_ != State::established) return Timer::off;
  const bool shut = snd_wnd_ == 0;
  if (in_flight() == 0) return shut && !fin_sent_ ? Timer::persist : Timer::off;
  if (shut && unacknowledged() != 0) return Timer::persist;
  const bool tail = !probing_ && backoff_ == 0 && srtt_ != 0 && (recovering_ || in_flight() > 2u * mss_);
  return tail ? Timer::tail_probe : Timer::resend;
}

Time Connection::timeout() const {
  switch (timer_) {
    case Timer::off: return 0;
    case Timer::linger: return linger;
    case Timer::tail_probe: return std::max<Time>(2u * srtt_, least_tail_probe);
    case Timer::persist: return std::min(first_window_probe << std::min<unsigned>(backoff_, 16), slowest_window_probe);
    case Timer::resend: return std::min(Time{rto_} << std::min<unsigned>(backoff_, 16), longest_timeout);
  }
  return 0;
}

Time Connection::keepalive_due() const {
  if (state_ != State::established) return 0;
  if (in_flight() != 0) return active_at_ + longest_silence;      // what is sent again tells as much
  const Time quiet = guest_done_ || fin_sent_ ? half_closed_idle : idle;
  const Time probe = keepalives_ == 0 ? heard_at_ + quiet : probed_at_ + between_keepalives;
  return std::min(probe, active_at_ + longest_silence);
}

// After every event. A timer of the same kind goes on; whoever made progress has set it to off.
void Connection::schedule() {
  const Timer kind = needed();
  if (kind != timer_) {
    timer_ = kind;
    timer_at_ = kind == Timer::off ? 0 : stack_.now + timeout();
  }
  Time deadline = keepalive_due();
  if (timer_ != Timer::off && (deadline == 0 || timer_at_ < deadline)) deadline = timer_at_;
  if (deadline == 0 || (armed_at_ != 0 && armed_at_ <= deadline)) return;
  armed_at_ = deadline;
  stack_.sink.arm(*this, deadline);
}

void Connection::expired() {
  armed_at_ = 0;
  if (state_ == State::closed) return;
  if (timer_ != Timer::off && timer_at_ <= stack_.now) timer_fired();
  if (state_ == State::established && keepalive_due() <= stack_.now) keepalive_fired();
  if (state_ != State::closed) schedule();
}

void Connection::timer_fired() {
  const Timer kind = timer_;
  timer_ = Timer::off;
  switch (kind) {
    case Timer::off: return;
    case Timer::linger: return become_closed();
    case Timer::tail_probe: return probe_tail();
    case Timer::persist: return probe_window();
    case Timer::resend: return resend_expired();
  }
}

void Connection::resend_expired() {
  const bool opening = state_ == State::syn_received || state_ == State::syn_sent;
  if (++backoff_ > (opening ? most_syns : most_tries)) return end(true, true);
  ++stack_.counters.timeouts;
  measuring_ = false;
  if (opening) {
    const std::uint8_t flags = state_ == State::syn_sent ? flag::syn : flag::syn | flag::ack;
    return transmit_control(flags, snd_una_);
  }
  flight_cap_ = std::max(flight_cap_ / 2, 65536u);
  resend_from(snd_nxt_);
  retransmit(mss_);
}

// The last segment again, so that the guest's answer tells what is missing; in a recovery, the gaps once more.
void Connection::probe_tail() {
  ++stack_.counters.tail_probes;
  probing_ = true;
  measuring_ = false;
  if (recovering_) {
    resend_next_ = snd_una_;
    return retransmit(65536);
  }
  const std::uint32_t end = earlier(snd_end_, snd_nxt_);
  if (fin_sent_ && snd_una_ == snd_end_) return transmit_control(flag::fin | flag::ack, snd_end_);
  const std::uint32_t begin = later(snd_una_, end - mss_);
  ++stack_.counters.retransmitted;
  transmit(begin, end - begin, true);
}

// One byte that the guest has no room for: zero-length probes it answers only twice a second. Where nothing was read
// yet that could be sent, wanted() asks for that byte.
void Connection::probe_window() {
  if (backoff_ < 16) ++backoff_;
  if (unacknowledged() == 0) {
    probing_ = true;
    return;
  }
  if (++keepalives_ > most_tries) return end(true, true);
  probed_at_ = stack_.now;
  ++stack_.counters.window_probes;
  measuring_ = false;
  const std::uint32_t sent = transmit(snd_una_, 1, true);
  if (snd_nxt_ == snd_una_) snd_nxt_ += sent;
}

void Connection::keepalive_fired() {
  if (active_at_ + longest_silence <= stack_.now || ++keepalives_ > most_keepalives) return end(true, true);
  probed_at_ = stack_.now;
  transmit_control(flag::ack, snd_una_ - 1);
}

}  // namespace net::tcp
