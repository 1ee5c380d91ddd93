// Requests are laid out as bytes: header, a fixed struct, attributes, each aligned to four. glibc's macros that
// walk them are unsigned arithmetic on lengths; here every length is checked against what was received.
#include "sys/netlink.h"

#include "sys/call.h"

#include <algorithm>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace sys {

namespace {

constexpr std::size_t align(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

template <class Type>
std::string_view bytes_of(const Type& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

template <class Type>
bool read_into(std::string_view bytes, Type& into) {
  if (bytes.size() < sizeof into) return false;
  std::memcpy(&into, bytes.data(), sizeof into);
  return true;
}

std::string_view inet_view(const InetBytes& address) {
  const std::string_view all(reinterpret_cast<const char*>(address.data()), address.size());
  return is_mapped_v4(address) ? all.substr(12) : all;
}

std::uint8_t family_of(const InetBytes& address) { return is_mapped_v4(address) ? AF_INET : AF_INET6; }

InetBytes inet_from(unsigned family, std::string_view bytes) {
  InetBytes out{};
  const std::size_t start = family == AF_INET ? 12 : 0;
  if (family == AF_INET) out[10] = out[11] = 0xff;
  std::ranges::copy(bytes.substr(0, out.size() - start), out.begin() + static_cast<std::ptrdiff_t>(start));
  return out;
}

Result<> send_all(const Fd& socket, std::string_view requests) {
  ssize_t sent = 0;
  while ((sent = SYS(::send(socket.get(), requests.data(), requests.size(), 0))) < 0 && errno == EINTR) {}
  if (sent < 0) return fail_errno("send to rtnetlink");
  return {};
}

constexpr std::size_t most_bytes = 32768;  // more than the kernel puts into one answer to a question
constexpr std::size_t most_of_receipt = 2048;  // one changed thing's: an error, and the request again
Result<std::string_view> receive(const Fd& socket, std::span<char> into) {
  ssize_t got = 0;
  while ((got = SYS(::recv(socket.get(), into.data(), into.size(), MSG_TRUNC))) < 0 && errno == EINTR) {}
  if (got < 0) return fail_errno("receive from rtnetlink");
  if (static_cast<std::size_t>(got) > into.size()) return fail("an answer of rtnetlink is too long");
  return std::string_view(into.data(), static_cast<std::size_t>(got));
}

struct Part { std::uint16_t type = 0; std::string_view content; };

// The first netlink message, which is taken off; false at the end and where a length lies.
bool take_message(std::string_view& rest, nlmsghdr& header, std::string_view& content) {
  if (!read_into(rest, header) || header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) return false;
  content = rest.substr(sizeof header, header.nlmsg_len - sizeof header);
  rest.remove_prefix(std::min(rest.size(), align(header.nlmsg_len)));
  return true;
}

bool take_attribute(std::string_view& rest, Part& part) {
  rtattr header{};
  if (!read_into(rest, header) || header.rta_len < sizeof header || header.rta_len > rest.size()) return false;
  part = {static_cast<std::uint16_t>(header.rta_type & NLA_TYPE_MASK), rest.substr(sizeof header, header.rta_len - sizeof header)};
  rest.remove_prefix(std::min(rest.size(), align(header.rta_len)));
  return true;
}

// The answer to one question: `each` gets the content of every message of `wanted`.
template <class Fixed, class Each>
Result<> ask(const Fd& socket, std::uint16_t type, std::uint16_t flags, const Fixed& fixed, std::uint16_t wanted, const Each& each) {
  nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + sizeof fixed), .nlmsg_type = type,
                  .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags), .nlmsg_seq = 1, .nlmsg_pid = 0};
  TRY(send_all(socket, text(bytes_of(header), bytes_of(fixed))));
  std::array<char, most_bytes> buffer;
  while (true) {
    std::string_view rest = TRY(receive(socket, buffer)), content;
    while (take_message(rest, header, content)) {
      if (header.nlmsg_type == NLMSG_DONE) return {};
      nlmsgerr answer{};
      if (header.nlmsg_type == NLMSG_ERROR && read_into(content, answer)) {
        errno = -answer.error;
        return fail_errno("ask rtnetlink");
      }
      if (header.nlmsg_type == wanted) each(content);
      if ((header.nlmsg_flags & NLM_F_MULTI) == 0) return {};
    }
  }
}

unsigned first_hop(std::string_view hops) {
  rtnexthop hop{};
  return read_into(hops, hop) && hop.rtnh_ifindex > 0 ? static_cast<unsigned>(hop.rtnh_ifindex) : 0;
}

std::uint32_t mtu_of(std::string_view metrics) {
  std::uint32_t mtu = 0;
  for (Part part; take_attribute(metrics, part);)
    if (part.type == RTAX_MTU && !read_into(part.content, mtu)) mtu = 0;
  return mtu;
}

RouteEntry route_from(const rtmsg& fixed, std::string_view rest) {
  RouteEntry route{.destination = inet_from(fixed.rtm_family, {}), .bits = fixed.rtm_dst_len,
                   .leads_out = fixed.rtm_type == RTN_UNICAST && fixed.rtm_table != RT_TABLE_LOCAL,
                   // In other tables a local route is a transparent proxy's, and means nothing without its rule.
                   .leads_here = fixed.rtm_table == RT_TABLE_LOCAL && (fixed.rtm_type == RTN_LOCAL || fixed.rtm_type == RTN_ANYCAST)};
  for (Part part; take_attribute(rest, part);) {
    std::uint32_t value = 0;
    const bool number = read_into(part.content, value);
    if (part.type == RTA_DST) route.destination = inet_from(fixed.rtm_family, part.content);
    else if (part.type == RTA_OIF && number) route.link = value;
    else if (part.type == RTA_MULTIPATH) route.link = first_hop(part.content);
    else if (part.type == RTA_PRIORITY && number) route.metric = value;
    else if (part.type == RTA_METRICS) route.mtu = mtu_of(part.content);
  }
  return route;
}

}  // namespace

bool is_mapped_v4(const InetBytes& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) &&
         address[10] == 0xff && address[11] == 0xff;
}

Result<Fd> open_route_socket(bool watched) {
  const int fd = SYS(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (watched ? SOCK_NONBLOCK : 0), NETLINK_ROUTE));
  if (fd < 0) return fail_errno("open rtnetlink");
  Fd made(fd);
  if (!watched) return made;
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK, own.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (SYS(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own)) < 0) return fail_errno("watch the addresses of the host");
  return made;
}

Result<unsigned> link_index(const Fd& socket, const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return fail("device name ", printable(name), " is too long");
  name.copy(request.ifr_name, name.size());
  if (SYS(::ioctl(socket.get(), SIOCGIFINDEX, &request)) < 0) return fail_errno("look up the device ", printable(name));
  return static_cast<unsigned>(request.ifr_ifindex);
}

template <class Fixed>
std::size_t RouteBatch::begin(std::uint16_t type, std::uint16_t flags, const Fixed& fixed, std::string what) {
  const std::size_t start = requests_.size();
  whats_.push_back(std::move(what));
  const nlmsghdr header{.nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
                        .nlmsg_seq = static_cast<std::uint32_t>(whats_.size()), .nlmsg_pid = 0};
  requests_ += bytes_of(header);
  requests_ += bytes_of(fixed);
  requests_.resize(align(requests_.size()));
  return start;
}

void RouteBatch::attribute(std::uint16_t type, std::string_view content) {
  const rtattr header{.rta_len = static_cast<std::uint16_t>(sizeof(rtattr) + content.size()), .rta_type = type};
  requests_ += bytes_of(header);
  requests_ += content;
  requests_.resize(align(requests_.size()));
}

void RouteBatch::number(std::uint16_t type, std::uint32_t value) { attribute(type, bytes_of(value)); }
void RouteBatch::inet(std::uint16_t type, const InetBytes& address) { attribute(type, inet_view(address)); }

void RouteBatch::end(std::size_t start) {
  const auto size = static_cast<std::uint32_t>(requests_.size() - start);
  std::memcpy(requests_.data() + start, &size, sizeof size);  // nlmsg_len is the first field
}

void RouteBatch::set_up(unsigned index, const std::string& name) {
  ifinfomsg fixed{};
  fixed.ifi_index = static_cast<int>(index), fixed.ifi_flags = fixed.ifi_change = IFF_UP;
  end(begin(RTM_NEWLINK, 0, fixed, text("set ", printable(name), " up")));
}

void RouteBatch::prepare(unsigned index, const std::string& name, const Link& link) {
  ifinfomsg fixed{};
  fixed.ifi_index = static_cast<int>(index);
  const std::size_t start = begin(RTM_NEWLINK, 0, fixed, text("set the address, MTU and queue of ", printable(name)));
  attribute(IFLA_ADDRESS, {reinterpret_cast<const char*>(link.mac.data()), link.mac.size()});
  number(IFLA_MTU, link.mtu);
  number(IFLA_TXQLEN, link.queue);
  if (link.ipv6) {
    const auto nested = [](std::uint16_t type, std::string_view content) {
      const rtattr header{.rta_len = static_cast<std::uint16_t>(sizeof(rtattr) + content.size()), .rta_type = type};
      std::string out = text(bytes_of(header), content);
      out.resize(align(out.size()));
      return out;
    };
    const std::uint8_t none = IN6_ADDR_GEN_MODE_NONE;
    attribute(IFLA_AF_SPEC, nested(AF_INET6, nested(IFLA_INET6_ADDR_GEN_MODE, bytes_of(none))));
  }
  end(start);
}

void RouteBatch::add_address(unsigned index, const InetBytes& address, unsigned bits, const std::string& shown) {
  const ifaddrmsg fixed{.ifa_family = family_of(address), .ifa_prefixlen = static_cast<std::uint8_t>(bits), .ifa_flags = IFA_F_NODAD,
                        .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = index};
  const std::size_t start = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, fixed, text("add the address ", shown));
  inet(IFA_LOCAL, address);
  inet(IFA_ADDRESS, address);
  end(start);
}

void RouteBatch::add_neighbour(unsigned index, const InetBytes& address, const LinkBytes& mac, const std::string& shown) {
  ndmsg fixed{};
  fixed.ndm_family = family_of(address), fixed.ndm_ifindex = static_cast<int>(index), fixed.ndm_state = NUD_PERMANENT;
  const std::size_t start = begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, fixed, text("add the neighbour ", shown));
  inet(NDA_DST, address);
  attribute(NDA_LLADDR, {reinterpret_cast<const char*>(mac.data()), mac.size()});
  end(start);
}

void RouteBatch::add_route(unsigned index, const InetBytes& destination, unsigned bits, const InetBytes& gateway, const std::string& shown) {
  rtmsg fixed{};
  fixed.rtm_family = family_of(gateway), fixed.rtm_dst_len = static_cast<std::uint8_t>(bits);
  fixed.rtm_table = RT_TABLE_MAIN, fixed.rtm_protocol = RTPROT_STATIC, fixed.rtm_scope = RT_SCOPE_UNIVERSE, fixed.rtm_type = RTN_UNICAST;
  const std::size_t start = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, fixed, text("add the route ", shown));
  if (bits > 0) inet(RTA_DST, destination);
  inet(RTA_GATEWAY, gateway);
  number(RTA_OIF, index);
  end(start);
}

Result<> RouteBatch::apply(const Fd& socket) const {
  TRY(send_all(socket, requests_));
  std::array<char, most_of_receipt> buffer;
  std::size_t answered = 0;
  while (answered < whats_.size()) {
    std::string_view rest = TRY(receive(socket, buffer)), content;
    nlmsghdr header{};
    while (take_message(rest, header, content)) {
      nlmsgerr answer{};
      if (header.nlmsg_type != NLMSG_ERROR || !read_into(content, answer)) continue;
      ++answered;
      if (answer.error == 0) continue;
      errno = -answer.error;
      const bool known = header.nlmsg_seq >= 1 && header.nlmsg_seq <= whats_.size();
      return fail_errno(known ? whats_[header.nlmsg_seq - 1] : "change the network");
    }
  }
  return {};
}

Result<std::vector<InetBytes>> own_addresses(const Fd& socket) {
  std::vector<InetBytes> out;
  const auto take = [&](std::string_view rest) {
    ifaddrmsg fixed{};
    if (!read_into(rest, fixed) || (fixed.ifa_family != AF_INET && fixed.ifa_family != AF_INET6)) return;
    rest.remove_prefix(align(sizeof fixed));
    std::string_view local, address;  // they differ on point-to-point links, where the local one is ours
    for (Part part; take_attribute(rest, part);) {
      if (part.type == IFA_LOCAL) local = part.content;
      if (part.type == IFA_ADDRESS) address = part.content;
    }
    const InetBytes found = inet_from(fixed.ifa_family, local.empty() ? address : local);
    if (std::ranges::find(out, found) == out.end()) out.push_back(found);
  };
  TRY(ask(socket, RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}, RTM_NEWADDR, take));
  return out;
}

Result<std::vector<RouteEntry>> routes(const Fd& socket) {
  std::vector<RouteEntry> out;
  const auto take = [&](std::string_view rest) {
    rtmsg fixed{};
    if (!read_into(rest, fixed) || (fixed.rtm_family != AF_INET && fixed.rtm_family != AF_INET6)) return;
    if ((fixed.rtm_flags & RTM_F_CLONED) != 0) return;
    out.push_back(route_from(fixed, rest.substr(align(sizeof fixed))));
  };
  TRY(ask(socket, RTM_GETROUTE, NLM_F_DUMP, rtmsg{}, RTM_NEWROUTE, take));
  return out;
}

Result<std::uint32_t> link_mtu(const Fd& socket, unsigned index) {
  ifinfomsg fixed{};
  fixed.ifi_index = static_cast<int>(index);
  std::uint32_t mtu = 0;
  const auto take = [&](std::string_view rest) {
    rest.remove_prefix(std::min(rest.size(), align(sizeof fixed)));
    for (Part part; take_attribute(rest, part);)
      if (part.type == IFLA_MTU && !read_into(part.content, mtu)) mtu = 0;
  };
  TRY(ask(socket, RTM_GETLINK, 0, fixed, RTM_NEWLINK, take));
  return mtu;
}

Result<bool> take_route_events(const Fd& socket) {
  std::array<char, 8192> buffer;
  bool any = false;
  while (true) {
    const ssize_t got = SYS(::recv(socket.get(), buffer.data(), buffer.size(), 0));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return any;
    if (got < 0 && errno != ENOBUFS) return fail_errno("receive from rtnetlink");
    any = true;
  }
}

}  // namespace sys
