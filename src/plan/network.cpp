// None: a namespace with its loopback. User: a namespace with one device, whose other end an engine
// outside holds to the rules. Host: the host's own namespace, and its files in /etc.
#include "plan/network.h"

#include "base/units.h"
#include "plan/expand.h"

#include <algorithm>

namespace plan {

namespace {

using net::Address;
using net::Prefix;

constexpr unsigned v4_bits = 24, v6_bits = 64, mapped = 96;
constexpr std::uint16_t least_mtu = 1280, most_mtu = 65521;  // RFC 8200, 5; the most a tap takes

bool is_free(const Prefix& wanted, const std::vector<Prefix>& routes) {
  return std::ranges::none_of(routes, [&](const Prefix& route) { return route.overlaps(wanted); });
}

// The familiar one first; then the others of RFC 1918, and what benchmarks use (RFC 2544).
Result<Address> free_v4(const std::vector<Prefix>& routes) {
  struct Range { std::uint32_t first, count; };
  constexpr Range ranges[] = {{0x0a000200, 1}, {0x0a490000, 256}, {0xac1e0000, 256}, {0xc0a80000, 256}, {0xc6120000, 512}};
  for (const Range& range : ranges)
    for (std::uint32_t i = 0; i < range.count; ++i)
      if (const Address start = Address::from_v4(range.first + (i << 8)); is_free({start, mapped + v4_bits}, routes)) return start;
  return fail_hint("remove a route, or use --net host", "the host's routes leave no private /24 for the sandbox");
}

// Unique local (RFC 4193): never routed, so any that the host does not use will do.
Result<Address> free_v6(const std::vector<Prefix>& routes) {
  Address start{{0xfd, 0x73, 0x62, 0x78}};
  for (unsigned i = 0; i < 256; ++i) {
    start.bytes[7] = static_cast<std::uint8_t>(i);
    if (is_free({start, v6_bits}, routes)) return start;
  }
  return fail_hint("remove a route, or use --net host", "the host's routes leave no unique local /64 for the sandbox");
}

Address numbered(Address start, std::uint8_t last) {
  start.bytes[15] = last;
  return start;
}

Result<net::Addressing> make_addressing(const Host& host) {
  net::Addressing out;
  const Address v4 = TRY(free_v4(host.routes)), v6 = TRY(free_v6(host.routes));
  out.gateway4 = numbered(v4, 1), out.guest4 = numbered(v4, 2), out.bits4 = v4_bits;
  out.gateway6 = numbered(v6, 1), out.guest6 = numbered(v6, 2), out.bits6 = v6_bits;
  // Never the gateway: link-local, which no host routes (RFC 3927), and beside the sandbox's own /64.
  out.host4 = Address::from_v4(0xa9fe0102);
  out.host6 = numbered(v6, 2);
  out.host6.bytes[6] = 1;
  out.mtu = std::clamp(host.mtu, least_mtu, most_mtu);
  out.ipv6 = host.ipv6 && host.ipv6_default;
  return out;
}

// Two levels, asked in this order: the command line, the profiles.
Result<> add_rules(net::Config& config, const profile::Profile& profile) {
  config.levels.resize(2);
  for (const auto& [list, verdict] : {std::pair(&profile.net_deny, net::Verdict::deny), std::pair(&profile.net_allow, net::Verdict::allow)})
    for (const profile::Item& item : *list)
      config.levels[is_from_command_line(item) ? 0 : 1].push_back(TRY(net::parse_rule(verdict, item.value)));
  config.otherwise = profile.net_allow.empty() ? net::Verdict::allow : net::Verdict::deny;
  return {};
}

Result<net::Config> make_config(const profile::Profile& profile, const Host& host, const std::string& hostname) {
  net::Config config;
  config.hostname = hostname;
  config.addressing = TRY(make_addressing(host));
  TRY(add_rules(config, profile));
  for (const profile::Item& item : profile.net_publish)
    for (net::Publish& each : TRY(net::parse_publish(item.value)))
      if (host.ipv6 || net::reach_of(each.address) != net::Reach::loopback || each.address.is_v4()) config.publish.push_back(each);
  for (const profile::Item& item : profile.net_host_ports)
    config.host_ports.push_back(static_cast<std::uint16_t>(TRY(parse_number(item.value, 65535))));
  for (const profile::Item& item : profile.net_dns)
    if (const auto address = net::parse_address(item.value)) config.dns.push_back(*address);
  if (profile.net_pcap) config.pcap = TRY(expand_path(profile.net_pcap->value, host));
  return config;
}

// Only mode user holds to rules: what the command line asks for beside another mode is refused. A profile's own stand
// aside where the command line has chosen the mode, and the host's network with rules beside it is refused.
Result<> check_no_rules(const profile::Profile& profile, NetworkMode mode, std::vector<std::string>& notes) {
  const std::vector<NetworkRule> asked = network_rules(profile);
  if (asked.empty()) return {};
  const bool chosen = profile.net_mode && is_from_command_line(*profile.net_mode);
  for (const auto& [option, item] : asked)
    if (is_from_command_line(*item) || (mode == NetworkMode::host && !chosen))
      return fail_hint("add --net user", "network setting '", printable(item->value), "' needs --net user: with the network ",
                       network_mode_names[mode], " nothing holds to it");
  if (mode == NetworkMode::host) notes.push_back("the profile's network rules hold nothing: the network is the host's");
  return {};
}

// What a search by the resolver(3) may use; the rest speaks of how the host reaches its own name servers.
std::string resolv_conf_of(const net::Addressing& addressing, const std::string& hosts) {
  std::string search, options;
  for (std::string& line : split(hosts, '\n')) {
    std::ranges::replace(line, '\t', ' ');
    std::vector<std::string> words = split(trim(line), ' ');
    std::erase(words, std::string());
    if (words.size() < 2) continue;
    if (words[0] == "search" || words[0] == "domain") search = text("search ", join({words.begin() + 1, words.end()}, " "), "\n");
    if (words[0] != "options") continue;
    for (const std::string& word : words)
      if (word.starts_with("ndots:") || word.starts_with("timeout:") || word.starts_with("attempts:") || word == "edns0")
        options += text(options.empty() ? "options " : " ", word);
  }
  if (!options.empty()) options += '\n';
  return text("nameserver ", net::to_text(addressing.gateway4), "\n", search, options);
}

}  // namespace

// Fellows have the same addresses as oneself. Most servers listen on all of them, some on the loopback's or on that of
// their own name only: whoever connects tries one after the other (hosts(5), RFC 8305).
std::string hosts_text(const Network& network, const std::string& hostname, const std::vector<std::string>& fellows) {
  std::string out = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  const auto line = [&](std::string_view address, std::string_view names) { out += text(address, " ", names, "\n"); };
  const net::Addressing& addressing = network.config.addressing;
  std::vector<std::string> own{network.has_device() ? net::to_text(addressing.guest4) : "127.0.1.1"};
  if (network.has_device() && network.ipv6) own.push_back(net::to_text(addressing.guest6));
  for (const std::string& address : own) line(address, hostname);
  if (network.has_device()) line(net::to_text(addressing.host4), host_name_inside);
  if (network.has_device() && network.ipv6) line(net::to_text(addressing.host6), host_name_inside);
  if (fellows.empty()) return out;
  const std::string names = join(fellows, " ");
  own.insert(own.begin(), {"127.0.0.1", "::1"});
  for (const std::string& address : own) line(address, names);
  return out;
}

std::vector<NetworkRule> network_rules(const profile::Profile& profile) {
  std::vector<NetworkRule> asked;
  for (const auto& [option, list] : {std::pair("--allow", &profile.net_allow), std::pair("--deny", &profile.net_deny),
                                     std::pair("--publish", &profile.net_publish), std::pair("--host-port", &profile.net_host_ports),
                                     std::pair("--dns", &profile.net_dns)})
    for (const profile::Item& item : *list) asked.push_back({option, &item});
  if (profile.net_pcap) asked.push_back({"--pcap", &*profile.net_pcap});
  return asked;
}

bool wants_network(const profile::Profile& profile) { return profile.net_mode && profile.net_mode->value != "none"; }
bool wants_own_network(const profile::Profile& profile) { return profile.net_mode && profile.net_mode->value == "user"; }

Result<Network> make_network(const profile::Profile& profile, const Host& host, const std::string& hostname,
                             std::vector<std::string>& notes) {
  Network network;
  if (profile.net_mode) network.mode = TRY(network_mode_names.parse(profile.net_mode->value, "network mode"));
  if (network.mode != NetworkMode::user) {
    TRY(check_no_rules(profile, network.mode, notes));
    return network;
  }
  network.ipv6 = host.ipv6;
  network.config = TRY(make_config(profile, host, hostname));
  return network;
}

std::vector<File> name_files(const Plan& plan, const Host& host) {
  const Network& network = plan.network;
  if (network.mode == NetworkMode::host) {
    // The link's target, below /run, is not there inside; what it held at the start is.
    if (host.resolv_conf_is_elsewhere) return {{"resolv.conf", host.resolv_conf}};
    return {};
  }
  const std::string resolv_conf = network.has_device() ? resolv_conf_of(network.config.addressing, host.resolv_conf)
                                                       : "# no network: nothing to ask\n";
  const std::vector<std::string> fellows = host.joined && plan.join ? host.joined->names : std::vector<std::string>{};
  return {{"hosts", hosts_text(network, plan.hostname, fellows)}, {"resolv.conf", resolv_conf}};
}

}  // namespace plan
