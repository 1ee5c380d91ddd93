// The forwarder between a hostile sandbox and a hostile server: whatever it says it said soundly, nothing but allowed
// names leaves, and nothing but globally reachable addresses is given.
#include "net/dns.h"
#include "net/dns_answer.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

using net::Bytes;
using net::Transport;

void require(bool promise) {
  if (!promise) std::abort();
}

// Reads all of a message of ours, and what its addresses are.
void check_message(Bytes message, const net::Policy& policy, net::Milliseconds now) {
  net::MessageReader in(message);
  const auto header = in.header();
  require(header && (header->flags & net::dns_flag::response) != 0 && header->questions <= 1);
  if (header->questions == 1) require(in.question().has_value());
  for (int i = 0; i < header->answers + header->authorities + header->additionals; ++i) {
    const auto record = in.record();
    require(record.has_value());
    if (i >= header->answers || record->size != 4 || record->type != net::dns_type::a) continue;
    net::Address address = net::Address::from_v4(0);
    std::copy_n(in.bytes(*record).begin(), 4, address.bytes.begin() + 12);
    // Ours are the local names'; a resolver's are pinned, and global.
    const net::Reach reach = net::reach_of(address);
    require(reach != net::Reach::private_use || address == net::Address::from_v4(0x0a620002));
    if (reach == net::Reach::global) require(!policy.decide(net::Protocol::tcp, address, 443, now).name.empty());
  }
  require(in.left() == 0);
}

struct Network final : net::DnsActions, net::RandomNumbers {
  void reply(const net::DnsClient& client, Bytes message) override {
    const bool tcp = client.transport == Transport::tcp;
    require(tcp || message.size() <= 1452);
    check_message(message.subspan(tcp ? 2 : 0), *policy, now);
  }
  bool ask(std::uint16_t slot, const net::Address&, Transport transport, Bytes message) override {
    const Bytes sent = message.subspan(transport == Transport::tcp ? 2 : 0);
    const auto query = net::parse_query(sent);
    require(query && query->rcode == net::Rcode::no_error);
    const auto name = net::to_name(query->question.name);
    require(name.has_value());
    if (!net::is_reverse(name->view())) require(policy->decide_name(name->view()).allowed());
    last_slot = slot, last.assign(sent.begin(), sent.end()), last_tcp = transport == Transport::tcp;
    return true;
  }
  void finish(std::uint16_t) override {}
  void close_stream(std::uint32_t) override {}
  void denied(std::string_view name, std::uint16_t, std::uint16_t rule) override {
    require(name.size() <= net::Name::longest && rule < policy->rules());
  }
  std::uint32_t next() override { return 0x1234; }

  const net::Policy* policy = nullptr;
  net::Milliseconds now = 0;
  std::uint16_t last_slot = 0;
  std::vector<std::uint8_t> last;
  bool last_tcp = false;
};

net::Config make_config() {
  net::Config config;
  config.levels.emplace_back();
  for (const char* rule : {"*.a.example", "a.example", "b.example:443,tls"})
    config.levels[0].push_back(*net::parse_rule(net::Verdict::allow, rule));
  config.levels[0].push_back(*net::parse_rule(net::Verdict::deny, "*.d.a.example"));
  config.otherwise = net::Verdict::deny;
  config.hostname = "box";
  config.addressing.guest4 = *net::parse_address("10.98.0.2");
  return config;
}

// An answer to the last question whose records are the fuzzer's; the counts are its first bytes.
std::vector<std::uint8_t> answer(const Network& network, Bytes content) {
  std::vector<std::uint8_t> out(network.last.begin(), network.last.end() - 11);  // without EDNS
  out[2] = 0x81, out[3] = 0x80;
  out[7] = content.size() > 0 ? content[0] % 16 : 0, out[9] = content.size() > 1 ? content[1] % 4 : 0, out[11] = 0;
  if (content.size() > 2) out.insert(out.end(), content.begin() + 2, content.end());
  return out;
}

// Chunks with a kind and a length of their own, one event each.
void play(net::Dns& dns, Network& network, Bytes in) {
  const net::DnsClient udp{Transport::udp, {}, {}, 0}, tcp{Transport::tcp, {}, {}, 1};
  while (in.size() >= 3) {
    const unsigned kind = in[0] % 8;
    const std::size_t size = std::min<std::size_t>(in.size() - 3, static_cast<std::size_t>(in[1]) << 8 | in[2]);
    const Bytes content = in.subspan(3, size);
    in = in.subspan(3 + size);
    network.now += 300;
    switch (kind) {
      case 0: dns.query(udp, content, network.now); break;
      case 1: dns.stream_bytes(tcp, content, network.now); break;
      case 2: dns.answer(network.last_slot, content, network.now); break;
      case 3: dns.tick(network.now); break;
      case 4: dns.upstream_failed(network.last_slot, network.now); break;
      case 5: dns.stream_closed(1); break;
      default:
        if (network.last.size() > 23 && !network.last_tcp) dns.answer(network.last_slot, answer(network, content), network.now);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const net::Config config = make_config();
  const net::HostNetwork host{.addresses = {}, .ranges = {}, .resolvers = {net::Address::from_v4(0x7f000035), net::Address::from_v4(0x01010101)}};
  net::Policy policy(config, host);
  Network network;
  network.policy = &policy;
  net::Dns dns(config, host, policy, network, network);
  play(dns, network, Bytes(bytes, size));
  return 0;
}
