// A packet(7) socket on the host's outer interface, and just enough of a parser.
#include "world/internet.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace world {
namespace {

constexpr std::size_t ethernet = 14;

unsigned word(const unsigned char* at) { return static_cast<unsigned>(at[0] << 8 | at[1]); }

std::string address(int family, const unsigned char* at) {
  char out[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, at, out, sizeof out);
  return out;
}

// Extension headers of IPv6 other than the fragment header do not occur here.
Packet parse(const unsigned char* frame, std::size_t length) {
  Packet out;
  const unsigned type = word(frame + 12);
  const unsigned char* ip = frame + ethernet;
  std::size_t header = 0;
  if (type == ETHERTYPE_IP && length >= ethernet + 20) {
    out = {.source = address(AF_INET, ip + 12), .target = address(AF_INET, ip + 16), .protocol = ip[9], .size = word(ip + 2)};
    header = static_cast<std::size_t>(ip[0] & 15) * 4;
    out.fragment = (word(ip + 6) & 0x3fff) != 0;
    if ((word(ip + 6) & 0x1fff) != 0) return out;
  } else if (type == ETHERTYPE_IPV6 && length >= ethernet + 40) {
    out = {.source = address(AF_INET6, ip + 8), .target = address(AF_INET6, ip + 24), .protocol = ip[6], .size = word(ip + 4) + 40};
    header = 40;
    if (out.protocol == IPPROTO_FRAGMENT) return out.protocol = ip[40], out.fragment = true, out;
  }
  const unsigned char* above = ip + header;
  if (header == 0 || length < ethernet + header + 4) return out;
  if (out.protocol == IPPROTO_ICMP || out.protocol == IPPROTO_ICMPV6) out.source_port = above[0], out.target_port = above[1];
  else out.source_port = static_cast<int>(word(above)), out.target_port = static_cast<int>(word(above + 2));
  if (out.protocol == IPPROTO_TCP && length >= ethernet + header + 14) out.tcp_flags = above[13];
  return out;
}

}  // namespace

Wire::Wire(const Internet& internet) {
  const In in(internet.host);
  fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
  if (fd_ < 0) throw std::runtime_error(std::string("packet socket: ") + std::strerror(errno));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET, at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(::if_nametoindex("ext0"));
  const int bytes = 64 << 20;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind to ext0");
}

Wire::~Wire() { ::close(fd_); }

const std::vector<Packet>& Wire::packets() {
  pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
  while (::poll(&wait, 1, 50) > 0) {
    unsigned char frame[256];
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const ssize_t got = ::recvfrom(fd_, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < static_cast<ssize_t>(ethernet)) continue;
    Packet packet = parse(frame, static_cast<std::size_t>(got));
    packet.outgoing = from.sll_pkttype == PACKET_OUTGOING;
    if (!packet.source.empty()) packets_.push_back(std::move(packet));
  }
  return packets_;
}

std::size_t Wire::sent_to(const std::string& address, int port) {
  std::size_t count = 0;
  for (const Packet& packet : packets())
    count += packet.outgoing && packet.target == address && (port == 0 || packet.target_port == port);
  return count;
}

std::string Wire::text() {
  std::ostringstream out;
  for (const Packet& packet : packets())
    out << (packet.outgoing ? "-> " : "<- ") << packet.protocol << ' ' << packet.source << ' ' << packet.source_port << " > "
        << packet.target << ' ' << packet.target_port << " size " << packet.size << " flags " << packet.tcp_flags << '\n';
  return out.str();
}

}  // namespace world
