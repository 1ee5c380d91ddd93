// A record is found by what it is about, not by the port it came from: a program that tries again is one line.
#include "net/engine_report.h"

#include "sys/inet.h"

#include <algorithm>
#include <cstring>

namespace net {

Result<Reporter> Reporter::make(const SipKey& key) {
  Reporter made;
  made.key_ = key;
  made.places_ = TRY(MappedArray<Place>::make(places, "the log"));
  return made;
}

bool Reporter::send(std::string_view message) {
  if (control_ == nullptr) return false;
  const iovec piece{const_cast<char*>(message.data()), message.size()};
  return sys::send_pieces(*control_, {&piece, 1}, wait_ ? sys::Wait::yes : sys::Wait::no).count >= 0;
}

Reporter::Place& Reporter::find(Protocol protocol, const Endpoint& target, std::string_view host, std::string_view rule) {
  std::array<std::uint8_t, 16 + 3 + sizeof(void*) + Name::longest> bytes;
  std::memcpy(bytes.data(), target.address.bytes.data(), 16);
  bytes[16] = static_cast<std::uint8_t>(protocol);
  std::memcpy(&bytes[17], &target.port, 2);
  const char* const text = rule.data();
  std::memcpy(&bytes[19], &text, sizeof text);
  const std::size_t named = std::min(host.size(), Name::longest);
  std::ranges::copy(host.substr(0, named), bytes.begin() + 19 + sizeof text);
  const std::uint64_t hash = siphash(key_, std::span(bytes).first(19 + sizeof text + named));
  Place* oldest = nullptr;
  for (std::size_t i = 0; i < probes; ++i) {
    Place& place = places_[(hash + i) % places];
    if (place.used && place.protocol == protocol && place.target == target && place.rule.data() == rule.data() &&
        place.host.view() == host.substr(0, named))
      return place;
    if (oldest == nullptr || (oldest->used && (!place.used || place.last < oldest->last))) oldest = &place;
  }
  if (oldest->used && oldest->changed) tell(*oldest);
  oldest->protocol = protocol, oldest->target = target, oldest->rule = rule;
  std::ranges::copy(host.substr(0, named), oldest->host.characters.begin());
  oldest->host.size = static_cast<std::uint8_t>(named);
  oldest->count = 0, oldest->used = true, oldest->changed = false;
  return *oldest;
}

void Reporter::denied(Protocol protocol, const Endpoint& target, std::string_view host, std::string_view rule,
                      Milliseconds now) {
  Place& place = find(protocol, target, host, rule);
  place.last = now;
  place.changed = true;
  if (++place.count == 1) tell(place);
}

bool Reporter::tell(Place& place) {
  if (tokens_ == 0) {
    if (place.count == 1) ++suppressed_;
    return false;
  }
  const Denied record{.protocol = place.protocol, .target = place.target, .host = place.host.view(), .rule = place.rule,
                      .count = place.count, .suppressed = suppressed_};
  if (!send(encode(record, buffer_))) return false;
  --tokens_;
  suppressed_ = 0, place.changed = false;
  return true;
}

bool Reporter::tick() {
  tokens_ = std::min(burst, tokens_ + per_second);
  for (std::size_t looked = 0; looked < places; ++looked, sweep_ = (sweep_ + 1) % places)
    if (places_[sweep_].used && places_[sweep_].changed && !tell(places_[sweep_])) return true;
  return false;
}

void Reporter::totals(const Policy& policy, std::uint64_t open_flows, bool wait) {
  wait_ = wait;
  tokens_ = places;
  for (std::size_t i = 0; i < places; ++i)
    if (places_[i].used && places_[i].changed) tell(places_[i]);
  tokens_ = burst;
  counted.open_flows = open_flows;
  send(encode(counted, buffer_));
  std::array<RuleTotals, most_rules_per_message> batch;
  for (std::size_t rule = 0; rule < policy.rules();) {
    std::size_t count = 0;
    for (; count < batch.size() && rule < policy.rules(); ++count, ++rule) {
      const Counters& counters = policy.counters(static_cast<std::uint16_t>(rule));
      batch[count] = {policy.text(static_cast<std::uint16_t>(rule)), counters.flows, counters.packets, counters.bytes};
    }
    for (std::span<const RuleTotals> rest(batch.data(), count); !rest.empty();) send(encode(rest, buffer_));
  }
  send(encode(ControlKind::totals_end, buffer_));
  wait_ = false;
}

}  // namespace net
