// UDP between the tap and the host's sockets. Each flow has a connected socket, so that only its peer is heard and
// the kernel reports the errors of that path; visitors of a published port share its listening socket. Datagrams that
// come together go on together, in batches and as runs for segmentation offload.
#pragma once

#include "net/engine_core.h"
#include "net/engine_publish.h"
#include "sys/datagram.h"

#include <memory>

namespace net {

class UdpFlows {
 public:
  static Result<std::unique_ptr<UdpFlows>> make(Core& core, std::vector<Listener> listeners);

  void datagram(const Packet& packet, const Slice& frame);
  void flush();                 // what datagram() has gathered
  void event(std::uint32_t id, std::uint32_t generation, std::uint32_t events);
  void visitors(std::uint32_t listener);
  void expired(std::uint32_t id);
  bool has_ready() const { return ready_ != none || visitors_waiting_; }
  void serve_ready();
  void end_of_turn();
  void keep_pins();
  std::span<const Listener> listeners() const { return listeners_; }
  void close_listeners() { listeners_.clear(); }  // after the last event
  std::size_t size() const { return table_.size(); }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  static constexpr std::size_t batch_size = sys::datagrams_per_call, calls_per_turn = 4;
  // A stride that is no power of two, or the buffers' first bytes would compete for the same few lines of the cache.
  static constexpr std::size_t buffer_stride = 65536 + 4096 + 192;
  static constexpr Milliseconds unreplied = 30'000, stream = 120'000, after_dns = 10'000;

  struct Flow {
    sys::Fd socket;
    Endpoint peer;                        // in the host's view
    std::uint32_t listener = none;        // of visitors
    std::uint32_t next_ready = none, next_dead = none;
    std::uint16_t rule = 0, mtu_limit = 0;  // mtu_limit: largest segment that may be part of a run
    std::uint8_t hops = 64;               // what sockets begin with (net.ipv4.ip_default_ttl)
    bool df_known = false, df = false, readable = false, queued = false, replied = false, removed = false;
    Milliseconds active = 0;
  };
  struct Waiting {                        // to the host
    Slice frame;
    std::uint32_t l3, ip_end, payload, length;
    std::uint16_t segment;
  };
  struct Batch {
    std::uint32_t flow = none;
    std::size_t count = 0;
    std::array<Waiting, batch_size> waiting;
  };

  explicit UdpFlows(Core& core) : core_(core) {}
  std::optional<std::uint32_t> open(const Packet& packet, View frame);
  bool connect(Flow& flow, const Packet& packet, View frame, std::uint32_t id);
  std::optional<std::uint32_t> open_visitor(std::uint32_t listener, const Endpoint& from);
  void set_options(Flow& flow, const Packet& packet);
  void limited(const Packet& packet, std::string_view which);
  void evict();
  void close(std::uint32_t id);
  void touch(Flow& flow) { flow.active = core_.now; }
  Milliseconds lifetime(std::uint32_t id) const;

  // engine_udp_send.cpp
  const sys::Fd& socket_of(const Flow& flow) const;
  std::size_t make_outgoing(const Flow& flow, std::span<sys::OutgoingDatagram> out, std::span<iovec> pieces,
                            std::span<std::size_t> first, const sys::InetAddress* to);
  void send(Flow& flow, std::span<const sys::OutgoingDatagram> out, std::span<const std::size_t> first);
  void send_apart(Flow& flow, const sys::OutgoingDatagram& run);
  void refuse(const Flow& flow, const Waiting& waiting, int error);
  void drain_errors(std::uint32_t id);

  // engine_udp_receive.cpp
  void serve(std::uint32_t id);
  std::size_t receive(const sys::Fd& socket);
  void deliver(std::uint32_t id, std::size_t first, std::size_t count);
  void deliver_run(std::uint32_t id, std::size_t first, std::size_t count);
  void deliver_segments(std::uint32_t id, View bytes, std::size_t segment);
  View received(std::size_t index) const { return {&buffers_[index * buffer_stride], received_[index].size}; }

  Core& core_;
  FlowTable table_;
  MappedArray<Flow> flows_;
  MappedArray<std::uint8_t> buffers_;
  std::vector<Listener> listeners_;
  std::array<sys::ReceivedDatagram, batch_size> received_;
  Batch batch_;
  std::uint32_t ready_ = none, last_ready_ = none, dead_ = none, evict_at_ = 0;
  bool visitors_waiting_ = false;         // of some listener
};

}  // namespace net
