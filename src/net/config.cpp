// The grammar of rules and of published ports, for profiles and the command line alike.
#include "net/config.h"

#include <algorithm>
#include <charconv>

namespace net {

namespace {

constexpr std::string_view rule_form = "[tcp|udp|icmp://]WHAT[:PORT[-PORT]][,tls]; WHAT is a name, *.suffix, an address, "
                                       "a CIDR, @internet, @lan, @host, @metadata or *";

std::optional<std::uint16_t> parse_port(std::string_view in) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(in.data(), in.data() + in.size(), value);
  if (in.empty() || error != std::errc{} || end != in.data() + in.size() || value == 0 || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

struct Ports { std::uint16_t first = 0, last = 65535; };
std::optional<Ports> parse_ports(std::string_view in) {
  const std::size_t dash = in.find('-');
  const auto first = parse_port(in.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(in.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Ports{*first, *last};
}

// A host name as DNS carries it (RFC 1123 2.1, and the _ of service names): lower case, no final dot.
std::optional<std::string> parse_name(std::string_view in) {
  if (in.ends_with('.')) in.remove_suffix(1);
  if (in.empty() || in.size() > 253) return std::nullopt;
  std::string out;
  std::size_t label = 0;
  for (char c : in) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (c == '.' ? label == 0 : !plain || label == 63) return std::nullopt;
    label = c == '.' ? 0 : label + 1;
    out += c;
  }
  if (label == 0) return std::nullopt;
  const std::size_t dot = out.rfind('.');
  const std::string_view last = std::string_view(out).substr(dot == std::string::npos ? 0 : dot + 1);
  // "300.1.2.3" is a mistaken address, and some resolvers would take "1.2" for one.
  if (std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return out;
}

bool parse_what(std::string_view in, Rule& rule) {
  if (in == "*") return rule.what = What::any, true;
  if (in == "@internet") return rule.what = What::internet, true;
  if (in == "@lan") return rule.what = What::lan, true;
  if (in == "@host") return rule.what = What::host, true;
  if (in == "@metadata") return rule.what = What::metadata, true;
  if (const auto prefix = parse_prefix(in)) return rule.what = What::prefix, rule.prefix = *prefix, true;
  const bool suffix = in.starts_with("*.");
  const auto name = parse_name(suffix ? in.substr(2) : in);
  if (!name) return false;
  rule.what = suffix ? What::suffix : What::name;
  rule.name = *name;
  return true;
}

// Takes ":PORT" off the end. An IPv6 address without brackets has no port.
std::optional<Ports> take_ports(std::string_view& in) {
  const bool bracketed = in.starts_with('[');
  const std::size_t close = bracketed ? in.find(']') : std::string_view::npos;
  if (bracketed && close == std::string_view::npos) return std::nullopt;
  const std::string_view rest = bracketed ? in.substr(close + 1) : in;
  if (!bracketed && std::ranges::count(in, ':') > 1) return Ports{};
  const std::size_t colon = rest.find(':');
  const std::string_view behind = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  if (bracketed && !rest.empty() && colon != 0) return std::nullopt;
  in = bracketed ? in.substr(1, close - 1) : in.substr(0, colon);
  if (colon == std::string_view::npos) return Ports{};
  return parse_ports(behind);
}

std::unexpected<Error> bad_publish(std::string_view in) {
  return fail_hint("[ADDR:]HOST:INSIDE[/udp], ports 1 to 65535, ranges of the same length: 127.0.0.1:8080-8089:80-89",
                   "published port '", printable(in), "' is not usable");
}

}  // namespace

Result<Rule> parse_rule(Verdict verdict, std::string_view in) {
  Rule rule{.verdict = verdict, .name = {}, .prefix = {}, .text = std::string(in)};
  const auto bad = [&] { return fail_hint(std::string(rule_form), "network rule '", printable(in), "' is not usable"); };
  std::string_view rest = in;
  if (rest.ends_with(",tls")) rule.tls = true, rest.remove_suffix(4);
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    const auto protocol = protocol_names.parse(rest.substr(0, scheme), "protocol");
    if (!protocol || *protocol == Protocol::any) return bad();
    rule.protocol = *protocol;
    rest.remove_prefix(scheme + 3);
  }
  const auto ports = take_ports(rest);
  if (!ports || !parse_what(rest, rule)) return bad();
  rule.first_port = ports->first, rule.last_port = ports->last;
  if (rule.protocol == Protocol::icmp && rule.first_port != 0)
    return fail_hint("leave the port out", "network rule '", printable(in), "' has a port, and icmp has none");
  const bool named = rule.what == What::name || rule.what == What::suffix;
  if (rule.tls && (!named || verdict == Verdict::deny || rule.protocol == Protocol::icmp || rule.protocol == Protocol::udp))
    return fail_hint("tls compares the name in the ClientHello with the rule's: only an allowed name over tcp has one",
                     "network rule '", printable(in), "' cannot have tls");
  return rule;
}

Result<std::vector<Publish>> parse_publish(std::string_view in) {
  Publish entry{.address = Address::from_v4(0x7f000001)};
  std::string_view rest = in;
  if (rest.ends_with("/udp")) entry.protocol = Protocol::udp, rest.remove_suffix(4);
  else if (rest.ends_with("/tcp")) rest.remove_suffix(4);
  const std::size_t inside_at = rest.rfind(':');
  if (inside_at == std::string_view::npos) return bad_publish(in);
  const auto inside = parse_ports(rest.substr(inside_at + 1));
  rest = rest.substr(0, inside_at);
  const std::size_t outside_at = rest.rfind(':');
  const auto outside = parse_ports(outside_at == std::string_view::npos ? rest : rest.substr(outside_at + 1));
  if (!inside || !outside || inside->last - inside->first != outside->last - outside->first) return bad_publish(in);
  entry.outside = outside->first, entry.inside = inside->first;
  entry.count = static_cast<std::uint16_t>(outside->last - outside->first + 1);
  if (outside_at == std::string_view::npos) {
    Publish also = entry;
    also.address = *parse_address("::1");
    return std::vector{entry, also};
  }
  std::string_view address = rest.substr(0, outside_at);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const auto parsed = parse_address(address);
  if (!parsed) return bad_publish(in);
  entry.address = *parsed;
  return std::vector{entry};
}

}  // namespace net
