// The tap as the engine's parts use it: frames in, frames out, each seen by the capture and counted.
#pragma once

#include "net/buffer.h"
#include "net/build.h"
#include "net/config.h"
#include "net/pcap.h"
#include "net/wire.h"
#include "sys/fd.h"

#include <span>
#include <string_view>

namespace net {

class TapPort {
 public:
  explicit TapPort(const Addressing& own) : own_(own.gateway_mac), guest_(own.guest_mac) {}
  static constexpr std::size_t most_pieces = 64;

  void attach(sys::Fd tap, bool udp_segments) { tap_ = std::move(tap), udp_segments_ = udp_segments; }
  void attach(Capture capture) { capture_ = std::move(capture); }
  const sys::Fd& descriptor() const { return tap_; }
  bool capturing() const { return capture_.active(); }
  int capture_number() const { return capture_.number(); }
  void flush_capture() { capture_.flush(); }
  bool udp_segments() const { return udp_segments_; }  // the kernel takes UDP_L4 frames
  void refuse_udp_segments() { udp_segments_ = false; }

  struct Read {
    enum { frame, nothing, no_memory } what = nothing;
    Slice slice;
  };
  Read read(Pool& pool);
  // False: the kernel did not take it, and nobody will hear of it again.
  bool write(View headers, std::span<const View> payload);
  bool write(View headers, View payload = {}) { return write(headers, std::span(&payload, payload.empty() ? 0 : 1)); }

  // For a frame from outside to the sandbox.
  Ends ends(const Endpoint& outside, const Endpoint& inside) const;
  // An ICMP error to the sandbox about one of its packets; `from` is who complains.
  void complain(const Address& from, const Address& inside, Unreachable why, std::uint32_t mtu, View offending);

  void learn(const Mac& sandbox) { guest_ = sandbox; }
  void set_time(std::uint64_t microseconds) { time_ = microseconds; }
  void comment_read(std::string_view comment);  // on the frame that read() gave last

  std::uint64_t frames_in = 0, frames_out = 0;

 private:
  void capture_written(View headers, std::span<const View> payload);

  sys::Fd tap_;
  Capture capture_;
  bool udp_segments_ = false;
  Mac own_, guest_;
  View last_read_;
  std::uint64_t time_ = 0;  // of the wall clock
};

}  // namespace net
