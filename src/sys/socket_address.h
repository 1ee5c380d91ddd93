// The kernel's two forms of an Internet address ↔ InetAddress. Only src/sys includes this.
#pragma once

#include "sys/inet.h"

#include <cstring>

namespace sys {

union SocketAddress {
  sockaddr plain;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

inline socklen_t to_kernel(const InetAddress& from, SocketAddress& to) {
  if (from.is_v4()) {
    to.v4 = {};
    to.v4.sin_family = AF_INET, to.v4.sin_port = htons(from.port);
    std::memcpy(&to.v4.sin_addr, from.bytes.data() + 12, 4);
    return sizeof to.v4;
  }
  to.v6 = {};
  to.v6.sin6_family = AF_INET6, to.v6.sin6_port = htons(from.port), to.v6.sin6_scope_id = from.scope;
  std::memcpy(&to.v6.sin6_addr, from.bytes.data(), 16);
  return sizeof to.v6;
}

inline InetAddress from_kernel(const SocketAddress& from) {
  InetAddress to;
  if (from.plain.sa_family == AF_INET) {
    to.bytes[10] = to.bytes[11] = 0xff;
    std::memcpy(to.bytes.data() + 12, &from.v4.sin_addr, 4);
    to.port = ntohs(from.v4.sin_port);
  } else if (from.plain.sa_family == AF_INET6) {
    std::memcpy(to.bytes.data(), &from.v6.sin6_addr, 16);
    to.port = ntohs(from.v6.sin6_port), to.scope = from.v6.sin6_scope_id;
  }
  return to;
}

}  // namespace sys
