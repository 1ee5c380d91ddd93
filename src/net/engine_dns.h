// The sockets of the DNS forwarder: port 53 of the gateway inside, one connected socket per question outside.
#pragma once

#include "net/dns.h"
#include "net/engine_core.h"
#include "net/engine_tcp.h"

#include <memory>

namespace net {

class DnsPort final : private DnsActions, private RandomNumbers, public StreamServer {
 public:
  static Result<std::unique_ptr<DnsPort>> make(Core& core, TcpFlows& tcp);
  void datagram(const Packet& packet, View frame);
  void event(std::uint32_t slot, std::uint32_t generation, std::uint32_t events);
  void tick();
  void end_of_turn();  // the timer follows what the turn has changed
  void set_resolvers() { dns_.set_resolvers(core_.host.resolvers); }

  void stream_bytes(std::uint32_t flow, View bytes) override;
  void stream_closed(std::uint32_t flow) override { dns_.stream_closed(flow); }

 private:
  static constexpr std::size_t buffer_size = 65536 + 2, longest_question = 1200;
  struct Question {
    sys::Fd socket;
    Transport transport = Transport::udp;
    bool connecting = false;
    std::uint32_t generation = 0;
    std::size_t size = 0;                    // tcp: what is to be sent once it is connected
    std::array<std::uint8_t, longest_question> bytes;
  };
  DnsPort(Core& core, TcpFlows& tcp)
      : core_(core), tcp_(tcp), dns_(core.config, core.host, core.policy, *this, *this) {}
  DnsClient client_of(std::uint32_t flow) const;

  void reply(const DnsClient& client, std::span<const std::uint8_t> message) override;
  bool ask(std::uint16_t slot, const Address& server, Transport transport, std::span<const std::uint8_t> message) override;
  void finish(std::uint16_t slot) override;
  void close_stream(std::uint32_t stream) override { tcp_.close_stream(stream); }
  void denied(std::string_view name, std::uint16_t type, std::uint16_t rule) override;
  std::uint32_t next() override { return static_cast<std::uint32_t>(sys::random_number()); }

  Core& core_;
  TcpFlows& tcp_;
  MappedArray<Question> questions_;
  MappedArray<std::uint8_t> buffer_;
  Dns dns_;
};

}  // namespace net
