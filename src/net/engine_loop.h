// The running engine: what happened (a frame, an event of epoll, a timer, a message) is given to the part whose it is.
// A turn of the loop has a budget for each source, so that no flow waits for another's bulk: frames of the tap, then a
// quantum for each ready socket, then timers, then what was read goes to the sandbox with one acknowledgement per flow,
// and what was closed is freed last.
#pragma once

#include "net/engine.h"
#include "net/engine_core.h"
#include "net/engine_dns.h"
#include "net/engine_ping.h"
#include "net/engine_publish.h"
#include "net/engine_tcp.h"
#include "net/engine_udp.h"
#include "net/fragments.h"

#include <memory>

namespace net {

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> make(const EngineStart& start);
  std::vector<int> descriptors() const;     // all that are to stay open
  Result<> attach_tap(sys::Fd tap);
  Result<> listen(const sys::Fd& control);  // events begin
  void run();                               // until the launcher is gone or says stop

 private:
  static constexpr std::size_t frames_per_turn = 64, events_per_turn = 256, visitors_per_turn = 64;

  explicit Engine(const EngineStart& start, std::span<std::uint8_t> memory);
  Result<> make_parts(const EngineStart& start);
  void update_time();
  int timeout() const;
  std::size_t wait(std::span<epoll_event> events);
  void turn();
  void read_tap();
  void dispatch(EventName name, std::uint32_t events);
  void fire(std::uint32_t timer);
  void accept(std::uint32_t listener);
  void accept_waiting();
  void every_second();

  // engine_frames.cpp
  void frame(const Slice& frame);
  void packet(const Packet& packet, const Slice& frame);
  void internet(const Packet& packet, const Slice& frame);
  bool is_from_guest(const Packet& packet);
  void answer_arp(const Packet& packet);
  bool answer_neighbour(const Packet& packet, View frame);
  void reassemble(const Packet& packet, const Slice& frame);

  // engine_control.cpp
  void read_control();
  void control_message(std::string_view message);
  void tell_totals(bool wait);
  void say_goodbye();

  Core core_;
  std::unique_ptr<TcpFlows> tcp_;
  std::unique_ptr<UdpFlows> udp_;
  std::unique_ptr<PingFlows> ping_;
  std::unique_ptr<DnsPort> dns_;
  Fragments fragments_;
  std::vector<Listener> tcp_listeners_;
  const sys::Fd* control_ = nullptr;
  HostNetwork received_;                    // decoded into, then swapped
  std::uint64_t wall_offset_us_ = 0;
  std::uint64_t look_us_ = 0;               // how long to look for events before sleeping
  std::uint64_t looks_since_us_ = 0, looks_left_us_ = 0;
  bool tap_readable_ = false, out_of_memory_ = false, visitors_waiting_ = false, stop_ = false, asked_to_stop_ = false;
};

}  // namespace net
