// What a reply of our own consists of; a negative one carries a SOA, which bounds how long it is remembered (RFC 2308).
#include "net/dns_reply.h"

#include <charconv>

namespace net {

namespace {

constexpr std::string_view own_domain = "sbx.internal";
constexpr std::uint32_t local_ttl = 60;

void write_soa(MessageWriter& out, const Query& query) {
  const auto server = to_wire("localhost"), mailbox = to_wire("nobody.invalid");
  out.begin_record(query.question.name, dns_type::soa, refusal_ttl);
  out.name(*server, true);
  out.name(*mailbox, true);
  for (const std::uint32_t number : {1u, 3600u, 600u, 86400u, refusal_ttl}) out.number32(number);
  out.end_record(MessageWriter::Section::authority);
}

// Labels from the last to the first. Nothing when there are others than numbers of the base up to `most`.
std::optional<unsigned> take_last(std::string_view& in, int base, unsigned most) {
  const std::size_t dot = in.rfind('.');
  const std::string_view label = in.substr(dot == std::string_view::npos ? 0 : dot + 1);
  in = in.substr(0, dot == std::string_view::npos ? 0 : dot);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value, base);
  const bool padded = label.size() > 1 && label[0] == '0';
  if (error != std::errc{} || end != label.data() + label.size() || value > most || padded) return std::nullopt;
  return value;
}

}  // namespace

void begin_reply(MessageWriter& out, const Query& query, Rcode rcode, std::uint16_t flags) {
  const auto echoed = query.flags & (dns_flag::opcode | dns_flag::recursion_desired | dns_flag::checking_disabled);
  out.header(query.id, static_cast<std::uint16_t>(dns_flag::response | dns_flag::recursion_available | echoed | flags |
                                                  static_cast<unsigned>(rcode)));
  if (query.question.name.size != 0) out.question(query.question);
}

void end_reply(MessageWriter& out, const Query& query, std::optional<std::uint16_t> error) {
  if (query.edns) out.opt(our_payload, query.dnssec_ok, error);
}

void write_error(MessageWriter& out, const Query& query, Rcode rcode) {
  begin_reply(out, query, rcode);
  end_reply(out, query);
}

void write_truncated(MessageWriter& out, const Query& query) {
  begin_reply(out, query, Rcode::no_error, dns_flag::truncated);
  end_reply(out, query);
}

void write_no_name(MessageWriter& out, const Query& query, std::optional<std::uint16_t> error) {
  begin_reply(out, query, Rcode::name_error);
  write_soa(out, query);
  end_reply(out, query, error);
}

bool is_reverse(std::string_view name) {
  return name == "in-addr.arpa" || name == "ip6.arpa" || is_below(name, "in-addr.arpa") || is_below(name, "ip6.arpa");
}

std::optional<Address> reverse_address(std::string_view name) {
  const bool v4 = is_below(name, "in-addr.arpa");
  if (!v4 && !is_below(name, "ip6.arpa")) return std::nullopt;
  std::string_view rest = name.substr(0, name.size() - (v4 ? sizeof ".in-addr.arpa" : sizeof ".ip6.arpa") + 1);
  Address out = Address::from_v4(0);
  for (std::size_t i = 0; i < (v4 ? 4 : 32); ++i) {
    const auto value = take_last(rest, v4 ? 10 : 16, v4 ? 255 : 15);
    if (!value) return std::nullopt;
    if (v4) out.bytes[12 + i] = static_cast<std::uint8_t>(*value);
    else if (i % 2 == 0) out.bytes[i / 2] = static_cast<std::uint8_t>(*value << 4);
    else out.bytes[i / 2] = static_cast<std::uint8_t>(out.bytes[i / 2] | *value);
  }
  if (!rest.empty()) return std::nullopt;
  return out;
}

LocalNames::LocalNames(const Config& config) : ipv6_(config.addressing.ipv6) {
  const Addressing& at = config.addressing;
  const auto add = [&](std::string_view name, const Address& v4, const Address& v6) {
    if (const auto made = make_name(name); made && made->size != 0) entries_[count_++] = {*made, v4, v6};
  };
  add("localhost", Address::from_v4(0x7f000001), Address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}});
  add("host.sbx.internal", at.host4, at.host6);
  add("gateway.sbx.internal", at.gateway4, at.gateway6);
  add(config.hostname, at.guest4, at.guest6);
}

const LocalNames::Entry* LocalNames::find(std::string_view name) const {
  if (is_below(name, "localhost")) return &entries_[0];  // RFC 6761 6.3
  for (std::size_t i = 0; i < count_; ++i)
    if (entries_[i].name.view() == name) return &entries_[i];
  return nullptr;
}

bool LocalNames::write(MessageWriter& out, const Query& query, std::string_view name) const {
  const std::uint16_t type = query.question.type;
  const Entry* const entry = find(name);
  if (!entry) {
    const auto address = reverse_address(name);
    for (std::size_t i = 0; address && i < count_; ++i) {
      if (*address == Address{} || (entries_[i].v4 != *address && entries_[i].v6 != *address)) continue;
      begin_reply(out, query, Rcode::no_error, dns_flag::authoritative);
      if (type == dns_type::ptr) {
        out.begin_record(query.question.name, dns_type::ptr, local_ttl);
        out.name(*to_wire(entries_[i].name.view()), true);
        out.end_record(MessageWriter::Section::answer);
      }
      end_reply(out, query);
      return true;
    }
    if (name != own_domain && !is_below(name, own_domain)) return false;
    write_no_name(out, query);
    return true;
  }
  const bool v6 = type == dns_type::aaaa;
  const Address& address = v6 ? entry->v6 : entry->v4;
  begin_reply(out, query, Rcode::no_error, dns_flag::authoritative);
  if ((type == dns_type::a || (v6 && ipv6_)) && address != Address{}) {
    out.begin_record(query.question.name, type, local_ttl);
    out.bytes(v6 ? Bytes(address.bytes) : Bytes(address.bytes).subspan(12));
    out.end_record(MessageWriter::Section::answer);
  } else {
    write_soa(out, query);
  }
  end_reply(out, query);
  return true;
}

}  // namespace net
