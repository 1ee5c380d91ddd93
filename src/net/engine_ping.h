// Echo requests of the sandbox by unprivileged ICMP sockets (icmp(7), ping_group_range): the kernel of the host writes
// their checksum and identifier. Where they are not permitted, the sandbox hears that at once and the user why.
#pragma once

#include "net/engine_core.h"
#include "sys/datagram.h"

#include <memory>

namespace net {

class PingFlows {
 public:
  static Result<std::unique_ptr<PingFlows>> make(Core& core);
  void echo(const Packet& packet, View frame);
  void event(std::uint32_t id, std::uint32_t generation, std::uint32_t events);
  void expired(std::uint32_t id);
  void end_of_turn();
  std::size_t size() const { return table_.size(); }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  static constexpr Milliseconds lifetime = 30'000;
  struct Flow {
    sys::Fd socket;
    std::uint16_t rule = 0;
    std::uint8_t hops = 0;
    bool removed = false;
    std::uint32_t next_dead = none;
    Milliseconds active = 0;
  };
  explicit PingFlows(Core& core) : core_(core) {}
  void answer_self(const Packet& packet, View frame);
  std::optional<std::uint32_t> open(const Packet& packet, View frame);
  void refuse(const Packet& packet, View frame, std::string_view why);
  void receive(std::uint32_t id);
  void drain_errors(std::uint32_t id);
  void close(std::uint32_t id);

  Core& core_;
  FlowTable table_;
  MappedArray<Flow> flows_;
  MappedArray<std::uint8_t> buffer_;
  bool v4_permitted_ = false, v6_permitted_ = false;
  std::uint32_t dead_ = none, evict_at_ = 0;
};

}  // namespace net
