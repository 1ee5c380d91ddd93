// TCP between the tap and the host's sockets: a Connection for each flow, and here what it must not know: who may
// connect where, sockets, limits, readiness. Nothing is told to the sandbox before the host's connect() has ended.
#pragma once

#include "net/client_hello.h"
#include "net/engine_core.h"
#include "net/tcp.h"

#include <memory>

namespace net {

// Who serves connections to port 53 of the gateway.
class StreamServer {
 public:
  virtual void stream_bytes(std::uint32_t flow, View bytes) = 0;  // all are taken
  virtual void stream_closed(std::uint32_t flow) = 0;

 protected:
  ~StreamServer() = default;
};

class TcpFlows final : private tcp::Sink {
 public:
  static Result<std::unique_ptr<TcpFlows>> make(Core& core);
  void attach(StreamServer& server) { server_ = &server; }
  void send_big() { stack_.big_tcp = true; }

  void segment(const Packet& packet, const Slice& frame);
  void event(std::uint32_t id, std::uint32_t generation, std::uint32_t events);
  void expired(std::uint32_t id);
  void retry_starved();
  // A visitor of a published port; the socket is taken.
  void visitor(sys::Fd socket, const Endpoint& from, bool v4, std::uint16_t inside_port);

  bool has_ready() const { return ready_.first != none; }
  void serve_ready();     // a quantum for each that was ready at the start
  void end_of_turn();     // what was read and acknowledgements, then what has closed goes
  void keep_pins();       // once a minute
  bool check_held();      // once a second: a client that says nothing must not wait for ever; false: none waits

  // Of the stream server: false when the flow has no room or is gone.
  bool send_stream(std::uint32_t id, std::span<const std::uint8_t> bytes);
  void close_stream(std::uint32_t id);
  const FlowKey& key(std::uint32_t id) const { return table_.key(id); }

  std::size_t size() const { return table_.size(); }
  void set_time() { stack_.now = core_.now_us; }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  static constexpr std::size_t most_chunks = 8;               // of one read
  static constexpr std::size_t quantum = most_chunks * Pool::large_payload, served_per_turn = 1 << 20;
  static constexpr std::size_t most_replies = 8, most_streams = 32, targets = 4096;
  static constexpr Milliseconds hello_patience = 10'000, opening_patience = 1000;

  enum class Peer : std::uint8_t { outside, visitor, server };
  struct Flow {
    Flow(tcp::Stack& stack, std::uint32_t id, bool v6) : connection(stack, id, v6) {}
    tcp::Connection connection;
    sys::Fd socket;
    Peer peer = Peer::outside;
    bool connecting = false, visiting = false;  // the host's, the sandbox's answer is awaited
    bool readable = false, hung_up = false, ended = false;  // ended: the host's side gave its end
    bool queued = false, starved = false, holding = false, second_try = false, removed = false;
    std::uint8_t stream = 0xff;
    std::uint16_t rule = 0, target = 0;      // target: which counter of opening_to_ it is in
    std::uint32_t next_ready = none, next_deferred = none, next_starved = none;
    std::uint32_t older = none, newer = none;  // of those that are opening
    Milliseconds since = 0;                  // opening, or holding
  };
  struct List { std::uint32_t first = none, last = none; };
  struct Stream {
    bool used = false;
    std::size_t count = 0;
    std::array<Slice, most_replies> replies;
  };

  explicit TcpFlows(Core& core);

  // tcp::Sink
  bool transmit(tcp::Connection& from, const tcp::Header& header, std::span<const View> payload,
                std::size_t payload_size, std::uint16_t gso_size) override;
  tcp::Written write(tcp::Connection& from, std::span<const View> bytes) override;
  void finish(tcp::Connection& from) override;
  void keep_alive(tcp::Connection& from) override;
  void close_host(tcp::Connection& from) override;
  void reset_host(tcp::Connection& from) override;
  void arm(tcp::Connection& from, tcp::Time deadline) override;
  void defer(tcp::Connection& from) override;
  void closed(tcp::Connection& from) override;

  // engine_tcp_open.cpp
  void open(const Packet& packet, View frame);
  void open_outside(const Packet& packet, View frame, const Decision& decision);
  void open_server(const Packet& packet);
  bool may_open(const Packet& packet, std::uint16_t target);
  Flow* add(const FlowKey& key, bool v6, std::uint16_t rule);
  void reset(const Packet& packet);
  void limited(const Packet& packet, std::string_view which);
  void answer_failure(const Packet& packet, View frame, int error);
  void connect_ended(Flow& flow, int error);
  bool try_second_address(Flow& flow);
  void stop_opening(Flow& flow);
  void start_visitor(sys::Fd socket, const FlowKey& key, bool second_try);
  void visit_other_family(std::uint32_t id);
  void evict_finished();
  std::uint32_t make_isn(const FlowKey& key) const;

  void after(Flow& flow);
  void serve(Flow& flow);
  void serve_stream(Flow& flow);
  void read_host(Flow& flow);
  void check_hello(Flow& flow);
  void enqueue(Flow& flow);
  void starve(Flow& flow);
  void append(List& list, std::uint32_t Flow::*next, std::uint32_t id);
  Flow& of(tcp::Connection& connection) { return flows_[connection.id()]; }

  Core& core_;
  tcp::Stack stack_;
  FlowTable table_;
  MappedArray<Flow> flows_;
  std::array<std::uint16_t, targets> opening_to_{};
  std::array<Stream, most_streams> streams_;
  StreamServer* server_ = nullptr;
  List ready_, opening_, deferred_;
  std::size_t served_ = 0;
  std::uint32_t opening_count_ = 0;
  std::uint32_t starved_ = none, dead_ = none, evict_at_ = 0;
};

}  // namespace net
