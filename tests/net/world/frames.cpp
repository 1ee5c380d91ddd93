// Headers as strings, and the checksum of RFC 1071.
#include "world/frames.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sstream>
#include <stdexcept>

namespace world {
namespace {

bool is_v6(const Ip& ip) { return ip.source.find(':') != std::string::npos; }

unsigned checksum(const std::string& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(byte << 8) : byte;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

std::string pseudo(const Ip& ip, std::size_t length) {
  const std::string ends = raw_address(ip.source) + raw_address(ip.target);
  if (is_v6(ip)) return ends + be32(static_cast<std::uint32_t>(length)) + be32(static_cast<std::uint32_t>(ip.protocol));
  return ends + std::string(1, '\0') + static_cast<char>(ip.protocol) + be16(static_cast<unsigned>(length));
}

std::string mac(const std::string& text) {
  std::string out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ':');) out += static_cast<char>(std::stoi(part, nullptr, 16));
  return out;
}

std::string word_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return "";
  const std::size_t start = at + key.size();
  return text.substr(start, text.find_first_of(" \n", start) - start);
}

}  // namespace

std::string be16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
std::string be32(std::uint32_t value) { return be16(value >> 16) + be16(value & 0xffff); }

std::string raw_address(const std::string& numeric) {
  char out[16];
  if (::inet_pton(AF_INET, numeric.c_str(), out) == 1) return {out, 4};
  if (::inet_pton(AF_INET6, numeric.c_str(), out) == 1) return {out, 16};
  throw std::runtime_error("not an address: " + numeric);
}

std::string make_ip(const Ip& ip, const std::string& content) {
  if (is_v6(ip)) {
    const std::size_t length = ip.length >= 0 ? static_cast<std::size_t>(ip.length) : ip.options.size() + content.size();
    return std::string("\x60\0\0\0", 4) + be16(static_cast<unsigned>(length)) + static_cast<char>(ip.protocol) + '\x40' +
           raw_address(ip.source) + raw_address(ip.target) + ip.options + content;
  }
  const std::size_t length = ip.length >= 0 ? static_cast<std::size_t>(ip.length) : 20 + ip.options.size() + content.size();
  const auto header = [&](unsigned sum) {
    return std::string{static_cast<char>(ip.version_and_length), 0} + be16(static_cast<unsigned>(length)) + be16(7) + be16(ip.fragment) + '\x40' +
           static_cast<char>(ip.protocol) + be16(sum) + raw_address(ip.source) + raw_address(ip.target) + ip.options;
  };
  return header(checksum(header(0))) + content;
}

std::string make_tcp(const Ip& of, const Tcp& tcp) {
  Ip ip = of;
  ip.protocol = IPPROTO_TCP;
  const auto segment = [&](unsigned sum) {
    return be16(static_cast<unsigned>(tcp.source)) + be16(static_cast<unsigned>(tcp.target)) + be32(tcp.seq) + be32(tcp.ack) +
           be16(tcp.offset << 12 | tcp.flags) + be16(64000) + be16(sum) + be16(0) + tcp.options + tcp.content;
  };
  const std::string zero = segment(0);
  return make_ip(ip, segment(checksum(pseudo(ip, zero.size()) + zero)));
}

std::string make_udp(const Ip& of, int source, int target, const std::string& content, int length) {
  Ip ip = of;
  ip.protocol = IPPROTO_UDP;
  const auto datagram = [&](unsigned sum) {
    return be16(static_cast<unsigned>(source)) + be16(static_cast<unsigned>(target)) +
           be16(length >= 0 ? static_cast<unsigned>(length) : static_cast<unsigned>(8 + content.size())) + be16(sum) + content;
  };
  const std::string zero = datagram(0);
  const unsigned sum = checksum(pseudo(ip, zero.size()) + zero);
  return make_ip(ip, datagram(sum == 0 ? 0xffff : sum));
}

RawTap::RawTap(Sandbox& sandbox) {
  const std::string name = sandbox.tap();
  const Outcome link = run_in(sandbox.inside(), {.argv = {"ip", "link", "show", name}});
  const Outcome neighbours = run_in(sandbox.inside(), {.argv = {"ip", "-4", "neigh", "show"}});
  own_ = mac(word_after(link.out, "link/ether ")), engines_ = mac(word_after(neighbours.out, "lladdr "));
  if (own_.size() != 6 || engines_.size() != 6) throw std::runtime_error("no hardware address: " + link.out + neighbours.out);
  plain_ = make_socket(sandbox.inside(), AF_PACKET, SOCK_RAW, 0);
  offloaded_ = make_socket(sandbox.inside(), AF_PACKET, SOCK_RAW, 0);
  offloaded_.set(SOL_PACKET, PACKET_VNET_HDR, 1);
  const In in(sandbox.inside());
  index_ = static_cast<int>(::if_nametoindex(name.c_str()));
  for (Socket* socket : {&plain_, &offloaded_}) {
    sockaddr_ll at{};
    at.sll_family = AF_PACKET, at.sll_ifindex = index_;
    if (::bind(socket->fd(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind to " + name);
  }
}

std::string RawTap::ethernet(std::uint16_t ethertype) const { return engines_ + own_ + be16(ethertype); }

void RawTap::send(std::uint16_t ethertype, const std::string& packet) { send_frame(ethernet(ethertype) + packet); }

void RawTap::send_frame(const std::string& frame) {
  // EMSGSIZE and EINVAL: the kernel has its own opinion of the shortest and the longest.
  if (::send(plain_.fd(), frame.data(), frame.size(), 0) < 0 && errno == ENOBUFS) ::usleep(1000);
}

bool RawTap::send_offloaded(const std::string& header, std::uint16_t ethertype, const std::string& packet) {
  const std::string all = header + ethernet(ethertype) + packet;
  return ::send(offloaded_.fd(), all.data(), all.size(), 0) >= 0;
}

}  // namespace world
