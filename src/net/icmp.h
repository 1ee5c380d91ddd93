// What an errno of a socket, or an ICMP message that the host's kernel got, means to the sandbox. Pure.
#pragma once

#include "net/build.h"
#include "sys/datagram.h"

#include <optional>

namespace net {

// How a connection attempt that failed is answered (each is what the sandbox's kernel turns into the same errno).
struct OpenAnswer {
  enum class How : std::uint8_t { reset, complain, silence } how = How::reset;
  Unreachable why = Unreachable::host;
};
OpenAnswer answer_to_open(int error);

// What to tell about a datagram that could not be sent.
std::optional<Unreachable> complaint_of(int error);
// The same of an entry of an error queue; nothing where the sandbox is not to hear of it.
std::optional<Unreachable> complaint_of(const sys::QueuedError& queued);

// An IP and UDP, or ICMP echo, header as the sandbox sent it, with the start of the payload behind: to be quoted.
// Checksums are left out: the socket gave back no more than this.
inline constexpr std::size_t longest_quote = 40 + 8;
std::size_t build_quoted_datagram(std::span<std::uint8_t> out, const Endpoint& inside, const Endpoint& outside,
                                  std::uint8_t protocol, View payload);

// Between sys and net: the same sixteen bytes.
inline sys::InetAddress to_socket(const Endpoint& from) { return {.bytes = from.address.bytes, .port = from.port}; }
inline Endpoint to_endpoint(const sys::InetAddress& from) { return {Address{from.bytes}, from.port}; }

}  // namespace net
