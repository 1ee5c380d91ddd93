// The DNS forwarder as a state machine: queries of the sandbox and answers of the host's resolvers go in, actions
// come out. Only names that the policy allows leave the host; the addresses of an answer are pinned to the name
// before the answer is given. It has no cache. Nothing is allocated after construction.
//
// The engine gives each question its own socket (connected, so that the kernel checks the server and chooses a
// random port) and calls it by the slot of the question, from ask() until finish().
#pragma once

#include "net/config.h"
#include "net/dns_message.h"
#include "net/dns_reply.h"
#include "net/policy.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace net {

enum class Transport : std::uint8_t { udp, tcp };

// Who asked: the reply goes from `to` to `from`, or into the stream.
struct DnsClient {
  Transport transport = Transport::udp;
  Endpoint from, to;
  std::uint32_t stream = 0;     // tcp: the engine's name of the connection
  bool operator==(const DnsClient&) const = default;
};

class DnsActions {
 public:
  virtual ~DnsActions() = default;
  // Over tcp the bytes begin with their length (RFC 1035 4.2.2), in both directions. May call stream_closed().
  virtual void reply(const DnsClient& client, std::span<const std::uint8_t> message) = 0;
  // To port 53 of the server, by a new socket of its own. When the slot has a socket already, that one is closed.
  // False: there is no socket, or the server cannot be reached; the next one is asked.
  virtual bool ask(std::uint16_t slot, const Address& server, Transport transport,
                   std::span<const std::uint8_t> message) = 0;
  virtual void finish(std::uint16_t slot) = 0;   // the slot's socket is closed
  virtual void close_stream(std::uint32_t stream) = 0;  // it does not speak DNS
  virtual void denied(std::string_view name, std::uint16_t type, std::uint16_t rule) = 0;
};

class RandomNumbers {
 public:
  virtual ~RandomNumbers() = default;
  virtual std::uint32_t next() = 0;              // not to be guessed
};

class Dns {
 public:
  static constexpr std::size_t slots = 256, streams = 32, large_answers = 8, servers = 3;
  static constexpr Milliseconds patience = 2000;  // for one server

  // The references outlive the object.
  Dns(const Config& config, const HostNetwork& host, Policy& policy, RandomNumbers& random, DnsActions& actions);

  void query(const DnsClient& client, std::span<const std::uint8_t> datagram, Milliseconds now);
  // A client's connection, in pieces of any size.
  void stream_bytes(const DnsClient& client, std::span<const std::uint8_t> bytes, Milliseconds now);
  void stream_closed(std::uint32_t stream);
  // A datagram, or bytes of the stream when the slot was asked over tcp.
  void answer(std::uint16_t slot, std::span<const std::uint8_t> bytes, Milliseconds now);
  // No socket, connection refused or closed, an ICMP error.
  void upstream_failed(std::uint16_t slot, Milliseconds now);
  void tick(Milliseconds now);
  Milliseconds next_tick() const;                 // when tick() has work; the largest number: never
  void set_resolvers(std::span<const Address> resolvers);  // of the host; not asked when Config::dns has any

 private:
  static constexpr std::size_t longest_query = 1024, longest_answer = 2 + 65535;
  static constexpr std::uint8_t no_buffer = 0xff;
  struct Pending {
    bool used = false, edns = true;
    Transport transport = Transport::udp;        // towards the server
    std::uint8_t server = 0, tries = 0, buffer = no_buffer;
    std::uint16_t id = 0;
    std::uint32_t received = 0;                  // bytes in the buffer
    Milliseconds deadline = 0;
    DnsClient client;
    Query query;
  };
  struct Stream {
    bool used = false;
    std::uint32_t stream = 0;
    std::size_t size = 0;
    std::array<std::uint8_t, 2 + longest_query> bytes;
  };
  struct Tables {
    std::array<Pending, slots> pending;
    std::array<Stream, streams> clients;
  };

  void serve(const DnsClient& client, Bytes message, Milliseconds now);
  bool answered_here(const DnsClient& client, const Query& query, const Name& name);
  Decision decide(const Name& name, Milliseconds now) const;
  void forward(const DnsClient& client, const Query& query, Milliseconds now);
  void send(std::uint16_t slot, Milliseconds now);
  bool attempt(std::uint16_t slot, Milliseconds now);
  bool another_server(Pending& pending);
  void read_stream(std::uint16_t slot, Bytes bytes, Milliseconds now);
  void read_answer(std::uint16_t slot, Bytes message, Milliseconds now);
  void fail(std::uint16_t slot, Rcode rcode);
  void finish(std::uint16_t slot);
  void ask_by_stream(std::uint16_t slot, Milliseconds now);
  bool is_pending(const DnsClient& client, const Query& query) const;
  Stream* stream_of(std::uint32_t stream);
  std::span<std::uint8_t> room_for(const DnsClient& client, const Query& query) const;
  void reply(const DnsClient& client, const Query& query, MessageWriter& message);

  Policy& policy_;
  RandomNumbers& random_;
  DnsActions& actions_;
  LocalNames local_;
  std::uint16_t largest_datagram_;               // that fits a frame inside
  bool own_servers_;
  std::array<Address, servers> servers_{};
  std::size_t server_count_ = 0, preferred_ = 0;
  std::size_t waiting_ = 0;                      // pending questions: most turns of the engine have none
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<std::uint8_t[]> buffers_, out_;  // answers by tcp; the message that is being written
  std::array<bool, large_answers> buffer_used_{};
};

}  // namespace net
