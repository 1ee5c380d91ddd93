// The grammar of rules and of published ports, for profiles and the command line alike.
#include "net/config.h"

#include "base/nearest.h"
#include "net/name.h"

#include <algorithm>
#include <charconv>

namespace net {

namespace {

constexpr std::string_view rule_form =
    "[tcp|udp|icmp://]WHAT[:PORT[-PORT]][,tls]; WHAT is a name, *.suffix, an address, a CIDR, @internet, @lan, @host, "
    "@metadata or *";
constexpr std::string_view publish_form =
    "[ADDR:]HOST:INSIDE[/udp], ports 1 to 65535, ranges of the same length, IPv6 in brackets: [::1]:8080-8089:80-89";
constexpr std::string_view port_form =
    "a port is 1 to 65535, or a range of them: 8000-8080; an IPv6 address before it is in brackets";

std::optional<std::uint16_t> parse_port(std::string_view in) {
  unsigned value = 0;
  const char* const behind = in.data() + in.size();
  const auto [end, error] = std::from_chars(in.data(), behind, value);
  if (error != std::errc{} || end != behind || value == 0 || value > 65535) return std::nullopt;
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
std::optional<std::string> parse_host_name(std::string_view in) {
  const auto name = make_name(in);
  if (!name || name->size == 0) return std::nullopt;
  const std::string_view all = name->view();
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto plain = [&](char c) { return (c >= 'a' && c <= 'z') || digit(c) || c == '-' || c == '_' || c == '.'; };
  if (!std::ranges::all_of(all, plain)) return std::nullopt;
  // "300.1.2.3" is a mistaken address, and some resolvers would take "1.2" for one.
  const std::size_t dot = all.rfind('.');
  if (std::ranges::all_of(all.substr(dot == std::string_view::npos ? 0 : dot + 1), digit)) return std::nullopt;
  return std::string(all);
}

bool parse_what(std::string_view in, Rule& rule) {
  if (in == "*") return rule.what = What::any, true;
  if (in == "@internet") return rule.what = What::internet, true;
  if (in == "@lan") return rule.what = What::lan, true;
  if (in == "@host") return rule.what = What::host, true;
  if (in == "@metadata") return rule.what = What::metadata, true;
  if (const auto prefix = parse_prefix(in)) return rule.what = What::prefix, rule.prefix = *prefix, true;
  const bool suffix = in.starts_with("*.");
  const auto name = parse_host_name(suffix ? in.substr(2) : in);
  if (!name) return false;
  rule.what = suffix ? What::suffix : What::name;
  rule.name = *name;
  return true;
}

// Takes ":PORT" off the end, and the brackets: [ADDRESS]:PORT, [ADDRESS/LENGTH]:PORT or [ADDRESS]/LENGTH:PORT. An IPv6
// address without brackets has no port.
std::optional<Ports> take_ports(std::string& in) {
  const bool bracketed = in.starts_with('[');
  const std::size_t close = bracketed ? in.find(']') : 0;
  if (close == std::string::npos) return std::nullopt;
  if (bracketed && close + 1 < in.size() && in[close + 1] != ':' && in[close + 1] != '/') return std::nullopt;
  std::size_t colon = in.find(':', close);
  if (!bracketed && colon != in.rfind(':')) colon = std::string::npos;
  std::optional<Ports> ports = Ports{};
  if (colon != std::string::npos) {
    ports = parse_ports(std::string_view(in).substr(colon + 1));
    in.erase(colon);
  }
  if (!bracketed) return ports;
  in.erase(close, 1).erase(0, 1);
  return in.contains(':') && parse_prefix(in) ? ports : std::nullopt;  // brackets are for IPv6
}

// What the writer of a rule that is not one may have meant.
std::string rule_hint(std::string_view in, std::string_view what) {
  if (what.starts_with('@')) {
    const std::string near = nearest_hint(what, {"@internet", "@lan", "@host", "@metadata"});
    if (!near.empty()) return near;
  }
  const std::size_t slash = what.find('/');
  if (const auto address = parse_address(what.substr(0, slash)); address && slash != std::string_view::npos)
    return "the length is 0 to 32 (IPv6: 128), and the bits behind it are 0, as in 10.0.0.0/8";
  if (in.contains("://") || slash != std::string_view::npos)
    return "a rule is not a URL: write the name, and the port if it is to be one only, as in example.com:443";
  if (std::ranges::any_of(what, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return "write the name in its ASCII form, xn--…";
  if (what.find('*', 1) != std::string_view::npos || (what.starts_with('*') && !what.starts_with("*.")))
    return "a * stands alone, or for the first labels of a name: *.example.com";
  return std::string(rule_form);
}

std::unexpected<Error> bad_publish(std::string_view in) {
  return fail_hint(std::string(publish_form), "published port '", printable(in), "' is not usable");
}

}  // namespace

Result<Rule> parse_rule(Verdict verdict, std::string_view in) {
  Rule rule{.verdict = verdict, .name = {}, .prefix = {}, .text = std::string(in)};
  std::string rest(in);
  const auto bad = [&](std::string hint) {
    return fail_hint(std::move(hint), "network rule '", printable(in), "' is not usable");
  };
  if (rest.ends_with(",tls")) rule.tls = true, rest.erase(rest.size() - 4);
  if (const std::size_t scheme = rest.find("://"); scheme != std::string::npos) {
    const auto protocol = protocol_names.parse(rest.substr(0, scheme), "protocol");
    if (!protocol || *protocol == Protocol::any) return bad(rule_hint(in, rest.substr(scheme + 3)));
    rule.protocol = *protocol;
    rest.erase(0, scheme + 3);
  }
  const auto ports = take_ports(rest);
  if (!parse_what(rest, rule)) return bad(rule_hint(in, rest));
  if (!ports) return bad(std::string(port_form));
  rule.first_port = ports->first, rule.last_port = ports->last;
  if (rule.protocol == Protocol::icmp && rule.first_port != 0)
    return fail_hint("leave the port out", "network rule '", printable(in), "' has a port, and icmp has none");
  const bool named = rule.what == What::name || rule.what == What::suffix;
  const bool over_tcp = rule.protocol == Protocol::any || rule.protocol == Protocol::tcp;
  if (rule.tls && (!named || verdict == Verdict::deny || !over_tcp))
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
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (bracketed) address = address.substr(1, address.size() - 2);
  const auto parsed = parse_address(address);
  if (!parsed || bracketed != address.contains(':')) return bad_publish(in);
  entry.address = *parsed;
  return std::vector{entry};
}

}  // namespace net
