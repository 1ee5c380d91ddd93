// What all parts of the running engine share: one thread, one clock, one pool, one wheel of timers, one tap.
#pragma once

#include "net/buffer.h"
#include "net/engine_report.h"
#include "net/engine_tap.h"
#include "net/flow_table.h"
#include "net/icmp.h"
#include "net/policy.h"
#include "net/timers.h"
#include "sys/epoll.h"

namespace net {

// Whom an event of epoll is for; with a number of that part's and its generation.
enum class Source : std::uint8_t { control, tap, tcp, udp, ping, dns, tcp_listener, udp_listener };
struct EventName {
  Source source{};
  std::uint32_t generation = 0, id = 0;  // 24 and 32 bits
};
constexpr std::uint64_t to_number(EventName name) {
  return std::uint64_t{static_cast<std::uint8_t>(name.source)} << 56 | std::uint64_t{name.generation & 0xffffff} << 32 | name.id;
}
constexpr EventName to_name(std::uint64_t number) {
  return {static_cast<Source>(number >> 56), static_cast<std::uint32_t>(number >> 32) & 0xffffff,
          static_cast<std::uint32_t>(number)};
}

// Which timers are whose.
struct TimerNumbers {
  std::uint32_t tcp = 0, udp, ping, dns, second, minute, starved, count;
  explicit TimerNumbers(const Limits& limits)
      : udp(limits.tcp_flows), ping(udp + limits.udp_flows), dns(ping + limits.ping_flows), second(dns + 1),
        minute(second + 1), starved(minute + 1), count(starved + 1) {}
};

struct Core {
  Core(const Config& config_, const HostNetwork& host_, std::span<std::uint8_t> memory)
      : config(config_), host(host_), policy(config_, host_), pool(memory), numbers(config_.limits),
        tap(config_.addressing) {}

  const Config& config;
  HostNetwork host;       // never grows beyond its capacity once the engine is locked in
  Policy policy;
  Pool pool;
  TimerNumbers numbers;
  Timers timers;
  Reporter report;
  TapPort tap;
  sys::Fd epoll;
  SipKey key{};
  Milliseconds now = 0;
  std::uint64_t now_us = 1;

  bool is_gateway(const Address& address) const {
    return address == config.addressing.gateway4 || address == config.addressing.gateway6;
  }
  bool is_host_port(const Address& address) const {
    return address == config.addressing.host4 || address == config.addressing.host6;
  }
  const Address& gateway(bool v4) const { return v4 ? config.addressing.gateway4 : config.addressing.gateway6; }
  const Address& guest(bool v4) const { return v4 ? config.addressing.guest4 : config.addressing.guest6; }
  std::uint16_t rule_of(Builtin which) const {
    return static_cast<std::uint16_t>(policy.rules() - static_cast<std::size_t>(Builtin::count_) + static_cast<std::size_t>(which));
  }
  bool is_engine_rule(std::uint16_t rule) const;  // of the gateway's own ports: refused, which is no denial

  // A packet that the policy refuses: told once, and answered unless the flow is merely not there.
  void deny(Protocol protocol, const Packet& packet, View frame, const Decision& decision);
  void passed(std::uint16_t rule, std::uint64_t bytes, bool out);
  void need_second() {                            // something is to be looked at again in a second
    if (!timers.is_set(numbers.second)) timers.set(numbers.second, now + 1000);
  }
  void retry_soon() {                             // without memory: what has ended meanwhile gives some
    if (!timers.is_set(numbers.starved)) timers.set(numbers.starved, now + 5);
  }
  bool watch(const sys::Fd& socket, EventName name);  // both ways; false: the kernel has no room
  // Where a visitor of a published port appears to the sandbox: as itself, or as the gateway where its address means
  // something else inside.
  Address visible(const Address& visitor) const;
};

}  // namespace net
