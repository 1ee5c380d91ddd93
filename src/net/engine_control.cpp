// The launcher's messages. Nothing is allocated: lists are decoded into memory that was reserved.
#include "net/engine_loop.h"

#include "sys/inet.h"

#include <utility>

namespace net {

void Engine::read_control() {
  ControlBuffer buffer;
  for (;;) {
    const sys::IoCount got = sys::receive_bytes(*control_, std::as_writable_bytes(std::span(buffer)));
    if (got.would_block()) return;
    if (got.count <= 0) {
      stop_ = true;
      return;
    }
    control_message({buffer.data(), static_cast<std::size_t>(got.count)});
  }
}

void Engine::control_message(std::string_view message) {
  const std::optional<ControlKind> kind = kind_of(message);
  if (kind == ControlKind::totals_wanted) tell_totals(false);
  if (kind == ControlKind::stop) stop_ = asked_to_stop_ = true;
  if (kind != ControlKind::host_network || !decode_host(message, received_)) return;
  std::swap(core_.host, received_);
  dns_->set_resolvers();
  if (!core_.policy.set_host(core_.host)) stop_ = true;  // an engine with wrong rules is none
}

// The launcher does not wait for more than the totals: before them the capture is whole and the ports are free.
void Engine::say_goodbye() {
  core_.tap.flush_capture();
  tcp_listeners_.clear();
  udp_->close_listeners();
  if (asked_to_stop_) tell_totals(true);
}

void Engine::tell_totals(bool wait) {
  core_.report.counted.tx_packets = core_.tap.frames_in;
  core_.report.counted.rx_packets = core_.tap.frames_out;
  core_.report.totals(core_.policy, tcp_->size() + udp_->size() + ping_->size(), wait);
}

}  // namespace net
