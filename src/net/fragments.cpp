// A datagram is put together where its headers will stand before it; the whole is then read by parse() like any frame,
// so that nothing here needs to know what is in it.
#include "net/fragments.h"

#include "net/checksum.h"

#include <algorithm>
#include <cstring>

namespace net {

namespace {
constexpr std::size_t headers = frame_start + 40, most_payload = 65535, stride = (headers + most_payload + 4095) / 4096 * 4096;

void put16(std::uint8_t* at, std::size_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8), at[1] = static_cast<std::uint8_t>(value);
}
}  // namespace

Result<Fragments> Fragments::make(std::size_t sets) {
  Fragments made;
  made.sets_ = TRY(MappedArray<Set>::make(std::max<std::size_t>(sets, 1), "fragments"));
  made.bytes_ = TRY(MappedArray<std::uint8_t>::make(made.sets_.size() * stride, "fragments"));
  return made;
}

void Fragments::drop(Set& set) {
  if (set.used) --used_;
  set.used = false;
  sys::give_back_memory(std::as_writable_bytes(
      std::span(&bytes_[static_cast<std::size_t>(&set - &sets_[0]) * stride], stride)));
}

// The set of the packet; a new one takes the place of what expired, or else of the oldest.
std::size_t Fragments::find(const Packet& packet, Milliseconds now) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    Set& set = sets_[i];
    if (set.used && set.expires <= now) drop(set);
    if (set.used && set.id == packet.fragment.id && set.protocol == packet.protocol && set.source == packet.source &&
        set.destination == packet.destination)
      return i;
    const Set& best = sets_[place];
    if (best.used && (!set.used || set.expires < best.expires)) place = i;
  }
  Set& set = sets_[place];
  if (set.used) drop(set);
  set = {.used = true, .protocol = packet.protocol, .hop_limit = packet.hop_limit,
         .traffic_class = packet.traffic_class, .pieces = 0, .id = packet.fragment.id, .length = 0, .bytes = 0,
         .source = packet.source, .destination = packet.destination, .source_mac = packet.source_mac,
         .destination_mac = packet.destination_mac, .expires = now + patience, .piece = {}};
  ++used_;
  return place;
}

bool Fragments::add(Set& set, std::size_t at, const Packet& packet, View body) {
  const std::size_t begin = packet.fragment.offset, end = begin + body.size();
  const std::size_t limit = packet.v6 ? most_payload : most_payload - 20;
  if (body.empty() || end > limit || set.pieces == most_pieces) return false;
  if (set.length != 0 && end > set.length) return false;
  if (!packet.fragment.more) {
    if (set.length != 0) return false;
    for (std::size_t i = 0; i < set.pieces; ++i)
      if (set.piece[i].end > end) return false;
    set.length = static_cast<std::uint32_t>(end);
  }
  for (std::size_t i = 0; i < set.pieces; ++i)
    if (begin < set.piece[i].end && set.piece[i].begin < end) return false;
  set.piece[set.pieces++] = {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(end)};
  set.bytes += static_cast<std::uint32_t>(body.size());
  body.copy_to(&bytes_[at * stride + headers + begin]);
  return true;
}

View Fragments::finish(const Set& set, std::size_t at) {
  const bool v6 = !set.source.is_v4();
  const std::size_t l3 = v6 ? 40 : 20;
  std::uint8_t* const payload = &bytes_[at * stride + headers];
  std::uint8_t* const start = payload - l3 - ethernet_size - vnet::size;
  std::memset(start, 0, vnet::size + ethernet_size + l3);
  std::uint8_t* const ethernet = start + vnet::size;
  std::memcpy(ethernet, set.destination_mac.data(), 6);
  std::memcpy(ethernet + 6, set.source_mac.data(), 6);
  put16(ethernet + 12, v6 ? 0x86dd : 0x0800);
  std::uint8_t* const header = ethernet + ethernet_size;
  if (v6) {
    put16(header, 0x6000u | std::size_t{set.traffic_class} << 4);
    put16(header + 4, set.length);
    header[6] = set.protocol, header[7] = set.hop_limit;
    std::memcpy(header + 8, set.source.bytes.data(), 16);
    std::memcpy(header + 24, set.destination.bytes.data(), 16);
  } else {
    header[0] = 0x45, header[1] = set.traffic_class;
    put16(header + 2, set.length + 20);
    put16(header + 4, set.id);
    header[8] = set.hop_limit, header[9] = set.protocol;
    std::memcpy(header + 12, set.source.bytes.data() + 12, 4);
    std::memcpy(header + 16, set.destination.bytes.data() + 12, 4);
    put16(header + 10, checksum(add_bytes(0, View(header, 20))));
  }
  return {start, vnet::size + ethernet_size + l3 + set.length};
}

Fragments::Taken Fragments::take(const Packet& packet, View frame, Milliseconds now) {
  if (packet.protocol != ip::udp && packet.protocol != (packet.v6 ? ip::icmp6 : ip::icmp4))
    return {Outcome::refused, {}};
  const std::size_t at = find(packet, now);
  Set& set = sets_[at];
  if (!add(set, at, packet, packet.body(frame))) {
    drop(set);
    return {Outcome::refused, {}};
  }
  if (set.length == 0 || set.bytes != set.length) return {Outcome::waiting, {}};
  const View whole = finish(set, at);
  // The bytes stay until another set takes the place.
  set.used = false, --used_;
  return {Outcome::complete, whole};
}

}  // namespace net
