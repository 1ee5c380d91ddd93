// Numbers and texts, as in supervise/wire.h; an address is a text of its 16 bytes.
#include "launch/joined.h"

#include "supervise/wire.h"

#include <algorithm>

namespace launch {

namespace {

using supervise::WireReader;

void put(std::string& out, const std::vector<IdMap>& maps) {
  supervise::put_number(out, static_cast<int>(maps.size()));
  for (const IdMap& map : maps)
    for (const std::uint32_t number : {map.inside, map.outside, map.count}) supervise::put_number(out, static_cast<int>(number));
}

void put(std::string& out, const net::Address& address) {
  supervise::put_text(out, std::string_view(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()));
}

std::uint32_t unsigned_number(WireReader& reader) { return static_cast<std::uint32_t>(reader.number()); }

bool truth(WireReader& reader) {
  const int value = reader.number();
  if (value != 0 && value != 1) reader.broken = true;
  return value == 1;
}

std::vector<IdMap> maps(WireReader& reader) {
  std::vector<IdMap> out;
  for (int left = reader.number(); left > 0 && !reader.broken; --left) {
    IdMap& map = out.emplace_back();
    map.inside = unsigned_number(reader), map.outside = unsigned_number(reader), map.count = unsigned_number(reader);
  }
  return out;
}

net::Address address(WireReader& reader) {
  net::Address out;
  const std::string bytes = reader.content();
  if (bytes.size() != out.bytes.size()) reader.broken = true;
  else std::ranges::copy(bytes, out.bytes.begin());
  return out;
}

plan::NetworkMode mode(WireReader& reader) {
  const int number = reader.number();
  const bool known = number >= 0 && number < static_cast<int>(plan::NetworkMode::count_);
  if (!known) reader.broken = true;
  return known ? static_cast<plan::NetworkMode>(number) : plan::NetworkMode::none;
}

// They are written to files of names.
bool are_names(const Joined& joined) {
  constexpr std::size_t most_host_name = 64;  // of Linux (uname(2))
  const auto is_name = [](const std::string& name) { return is_plain_name(name, most_host_name); };
  return is_name(joined.hostname) && std::ranges::all_of(joined.names, is_name) && (joined.joins.empty() || is_name(joined.joins));
}

}  // namespace

std::string encode(const Joined& joined) {
  std::string out;
  supervise::put_text(out, joined.instance);
  supervise::put_text(out, joined.hostname);
  supervise::put_text(out, joined.joins);
  supervise::put_texts(out, joined.names);
  const plan::Identity& identity = joined.identity;
  for (const Id id : {identity.uid, identity.gid}) supervise::put_number(out, static_cast<int>(id));
  put(out, identity.uids), put(out, identity.gids);
  for (const bool each : {identity.switch_ids, identity.drop_groups, joined.nested_userns, joined.ipv6}) supervise::put_number(out, each);
  supervise::put_number(out, static_cast<int>(joined.mode));
  for (const net::Address& each : {joined.addressing.guest4, joined.addressing.gateway4, joined.addressing.host4,
                                   joined.addressing.guest6, joined.addressing.gateway6, joined.addressing.host6})
    put(out, each);
  return out;
}

Result<Joined> decode_joined(std::string_view bytes) {
  WireReader reader{bytes};
  Joined joined;
  joined.instance = reader.content();
  joined.hostname = reader.content();
  joined.joins = reader.content();
  joined.names = reader.contents();
  plan::Identity& identity = joined.identity;
  identity.uid = unsigned_number(reader), identity.gid = unsigned_number(reader);
  identity.uids = maps(reader), identity.gids = maps(reader);
  for (bool* each : {&identity.switch_ids, &identity.drop_groups, &joined.nested_userns, &joined.ipv6}) *each = truth(reader);
  joined.mode = mode(reader);
  for (net::Address* each : {&joined.addressing.guest4, &joined.addressing.gateway4, &joined.addressing.host4,
                             &joined.addressing.guest6, &joined.addressing.gateway6, &joined.addressing.host6})
    *each = address(reader);
  if (reader.broken || !reader.rest.empty() || encode(joined) != bytes || !are_names(joined)) return fail("damaged description of a sandbox");
  return joined;
}

}  // namespace launch
