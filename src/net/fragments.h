// Reassembly of UDP and ICMP datagrams (RFC 791, RFC 8200 4.5), within bounds that the sandbox cannot move: so many
// datagrams at a time, 64 KiB each, ten seconds. Any overlap discards the whole datagram (RFC 5722, for IPv4 too):
// what overlaps is an attempt to have two readers see different bytes.
#pragma once

#include "net/mapped_array.h"
#include "net/pins.h"
#include "net/wire.h"

#include <array>
#include <optional>

namespace net {

class Fragments {
 public:
  static constexpr Milliseconds patience = 10'000;
  static constexpr std::size_t most_pieces = 64;
  static Result<Fragments> make(std::size_t sets);

  enum class Outcome { waiting, complete, refused };
  struct Taken {
    Outcome outcome = Outcome::waiting;
    View whole;  // complete: a frame for parse(), until the next call
  };
  // `packet` was parsed from `frame` and is of Kind::fragment.
  Taken take(const Packet& packet, View frame, Milliseconds now);

  std::size_t waiting() const { return used_; }

 private:
  struct Piece { std::uint16_t begin, end; };
  struct Set {
    bool used;
    std::uint8_t protocol, hop_limit, traffic_class;
    std::uint16_t pieces;
    std::uint32_t id, length;  // length: 0 until the last fragment came
    std::uint32_t bytes;       // that came
    Address source, destination;
    Mac source_mac, destination_mac;
    Milliseconds expires;
    std::array<Piece, most_pieces> piece;
  };
  std::size_t find(const Packet& packet, Milliseconds now);
  bool add(Set& set, std::size_t at, const Packet& packet, View body);
  View finish(const Set& set, std::size_t at);
  void drop(Set& set);

  MappedArray<Set> sets_;
  MappedArray<std::uint8_t> bytes_;  // per set: room for headers, then the payload
  std::size_t used_ = 0;
};

}  // namespace net
