// The wire form: version, kind, content. A writer that stops at its end and a reader that fails at its end do all of
// the bounds checks.
#include "net/control.h"

#include <algorithm>
#include <cstring>

namespace net {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t longest_text = 1024;

class Writer {
 public:
  Writer(ControlKind kind, ControlBuffer& into) : into_(into) {
    number<std::uint8_t>(version);
    number(static_cast<std::uint8_t>(kind));
  }
  bool has_room(std::size_t bytes) const { return into_.size() - size_ >= bytes; }
  template <class Number>
  void number(Number value) {
    if (!has_room(sizeof value)) return;
    for (std::size_t i = 0; i < sizeof value; ++i)
      into_[size_++] = static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * i & 0xff);
  }
  void bytes(std::string_view in) {
    if (!has_room(in.size())) return;
    in.copy(into_.data() + size_, in.size());
    size_ += in.size();
  }
  void text(std::string_view in) {
    in = in.substr(0, longest_text);
    number(static_cast<std::uint16_t>(in.size()));
    bytes(in);
  }
  void address(const Address& in) { bytes({reinterpret_cast<const char*>(in.bytes.data()), in.bytes.size()}); }
  void patch(std::size_t at, std::uint16_t value) {
    into_[at] = static_cast<char>(value & 0xff), into_[at + 1] = static_cast<char>(value >> 8);
  }
  std::size_t size() const { return size_; }
  std::string_view written() const { return {into_.data(), size_}; }

 private:
  ControlBuffer& into_;
  std::size_t size_ = 0;
};

class Reader {
 public:
  Reader(std::string_view message, ControlKind wanted) : rest_(message) {
    ok_ = number<std::uint8_t>() == version && number<std::uint8_t>() == static_cast<std::uint8_t>(wanted);
  }
  template <class Number>
  Number number() {
    const std::string_view in = bytes(sizeof(Number));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < in.size(); ++i) value |= std::uint64_t{static_cast<std::uint8_t>(in[i])} << 8 * i;
    return static_cast<Number>(value);
  }
  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) ok_ = false;
    const std::string_view out = ok_ ? rest_.substr(0, count) : std::string_view{};
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string_view text() {
    const auto size = number<std::uint16_t>();
    if (size > longest_text) ok_ = false;
    return bytes(size);
  }
  Address address() {
    Address out;
    const std::string_view in = bytes(out.bytes.size());
    std::ranges::copy(in, out.bytes.begin());
    return out;
  }
  bool ok() const { return ok_; }
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

constexpr auto totals_fields = std::to_array({&Totals::tx_bytes, &Totals::rx_bytes, &Totals::tx_packets,
    &Totals::rx_packets, &Totals::tcp_flows, &Totals::udp_flows, &Totals::icmp_flows, &Totals::open_flows,
    &Totals::denied, &Totals::refused, &Totals::malformed});

bool read_addresses(Reader& in, std::size_t most, std::vector<Address>& into) {
  const auto count = in.number<std::uint16_t>();
  if (count > most) return false;
  into.clear();
  for (std::size_t i = 0; i < count && in.ok(); ++i) into.push_back(in.address());
  return in.ok();
}

bool read_ranges(Reader& in, std::vector<Prefix>& into) {
  const auto count = in.number<std::uint16_t>();
  if (count > most_host_ranges) return false;
  into.clear();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const Address address = in.address();
    into.push_back({address, in.number<std::uint8_t>()});
    if (into.back().bits > 128) return false;
  }
  return in.ok();
}

}  // namespace

std::string_view encode(ControlKind kind, ControlBuffer& into) { return Writer(kind, into).written(); }

std::string_view encode(const HostNetwork& host, ControlBuffer& into) {
  Writer out(ControlKind::host_network, into);
  for (const auto& [list, most] : {std::pair(&host.addresses, most_host_addresses), {&host.resolvers, most_resolvers}}) {
    const std::size_t count = std::min(list->size(), most);
    out.number(static_cast<std::uint16_t>(count));
    for (std::size_t i = 0; i < count; ++i) out.address((*list)[i]);
  }
  const std::size_t ranges = std::min(host.ranges.size(), most_host_ranges);
  out.number(static_cast<std::uint16_t>(ranges));
  for (std::size_t i = 0; i < ranges; ++i) out.address(host.ranges[i].address), out.number(static_cast<std::uint8_t>(host.ranges[i].bits));
  return out.written();
}

std::string_view encode(const Error& error, ControlBuffer& into) {
  Writer out(ControlKind::failed, into);
  out.number(static_cast<std::uint32_t>(error.code));
  out.text(error.message);
  out.text(error.hint);
  return out.written();
}

std::string_view encode(const Denied& denied, ControlBuffer& into) {
  Writer out(ControlKind::denied, into);
  out.number(static_cast<std::uint8_t>(denied.protocol));
  out.address(denied.target.address);
  out.number(denied.target.port);
  out.text(denied.host);
  out.text(denied.rule);
  out.number(denied.count);
  out.number(denied.suppressed);
  return out.written();
}

std::string_view encode(const Totals& totals, ControlBuffer& into) {
  Writer out(ControlKind::totals, into);
  for (const auto field : totals_fields) out.number(totals.*field);
  return out.written();
}

std::string_view encode(std::span<const RuleTotals>& rules, ControlBuffer& into) {
  Writer out(ControlKind::rule_totals, into);
  const std::size_t count_at = out.size();
  out.number(std::uint16_t{0});
  std::uint16_t count = 0;
  while (!rules.empty() && count < most_rules_per_message && out.has_room(2 + longest_text + 24)) {
    out.text(rules.front().rule);
    out.number(rules.front().flows);
    out.number(rules.front().packets);
    out.number(rules.front().bytes);
    rules = rules.subspan(1), ++count;
  }
  out.patch(count_at, count);
  return out.written();
}

std::optional<ControlKind> kind_of(std::string_view message) {
  if (message.size() < 2 || static_cast<std::uint8_t>(message[0]) != version) return std::nullopt;
  if (static_cast<std::uint8_t>(message[1]) >= static_cast<std::uint8_t>(ControlKind::count_)) return std::nullopt;
  return static_cast<ControlKind>(message[1]);
}

bool decode_host(std::string_view message, HostNetwork& into) {
  Reader in(message, ControlKind::host_network);
  if (!read_addresses(in, most_host_addresses, into.addresses)) return false;
  return read_addresses(in, most_resolvers, into.resolvers) && read_ranges(in, into.ranges) && in.finished();
}

std::optional<Error> decode_failed(std::string_view message) {
  Reader in(message, ControlKind::failed);
  Error out;
  out.code = static_cast<int>(in.number<std::uint32_t>());
  out.message = in.text();
  out.hint = in.text();
  if (!in.finished()) return std::nullopt;
  return out;
}

std::optional<Denied> decode_denied(std::string_view message) {
  Reader in(message, ControlKind::denied);
  Denied out;
  const auto protocol = in.number<std::uint8_t>();
  if (protocol >= static_cast<std::uint8_t>(Protocol::count_)) return std::nullopt;
  out.protocol = static_cast<Protocol>(protocol);
  out.target.address = in.address();
  out.target.port = in.number<std::uint16_t>();
  out.host = in.text();
  out.rule = in.text();
  out.count = in.number<std::uint32_t>();
  out.suppressed = in.number<std::uint32_t>();
  if (!in.finished()) return std::nullopt;
  return out;
}

std::optional<Totals> decode_totals(std::string_view message) {
  Reader in(message, ControlKind::totals);
  Totals out;
  for (const auto field : totals_fields) out.*field = in.number<std::uint64_t>();
  if (!in.finished()) return std::nullopt;
  return out;
}

std::optional<std::size_t> decode_rules(std::string_view message, std::span<RuleTotals> into) {
  Reader in(message, ControlKind::rule_totals);
  const auto count = in.number<std::uint16_t>();
  if (count > into.size()) return std::nullopt;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    into[i].rule = in.text();
    into[i].flows = in.number<std::uint64_t>();
    into[i].packets = in.number<std::uint64_t>();
    into[i].bytes = in.number<std::uint64_t>();
  }
  if (!in.finished()) return std::nullopt;
  return count;
}

}  // namespace net
