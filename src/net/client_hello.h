// The server name in the first flight of a TLS client (RFC 8446 4.1.2, RFC 6066 3), for rules that ask for it. It
// keeps no state: the caller holds the bytes it has not sent on yet, and asks again when more have come.
#pragma once

#include "net/name.h"

#include <cstdint>
#include <span>

namespace net {

struct ClientHello {
  enum class State {
    need_more,
    name,       // `name` is the one server name
    no_name,    // a ClientHello without the extension
    not_tls     // something else, malformed, ambiguous, or longer than `most`
  };
  static constexpr std::size_t most = 16 * 1024;  // bytes of the stream; post-quantum hellos have 2 to 6 KiB

  State state = State::need_more;
  Name name;    // with Encrypted ClientHello the outer name, which is what the network sees and rules compare
};

// The stream from its first byte, in as many pieces as there are.
ClientHello parse_client_hello(std::span<const std::span<const std::uint8_t>> pieces);

}  // namespace net
