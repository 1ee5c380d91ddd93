// The layers of parse(), one file each. They fill their part of the packet: IP sets l4, payload, payload_length,
// ip_end and protocol; TCP what is behind l4.
#pragma once

#include "net/wire.h"

namespace net::wire {

Reject parse_ip4(View frame, Packet& out);
Reject parse_ip6(View frame, Packet& out);
Reject parse_tcp(View frame, Packet& out);

}  // namespace net::wire
