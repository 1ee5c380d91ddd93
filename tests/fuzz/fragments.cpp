// Any sequence of frames into the reassembly. Input: frames, each behind two bytes of its length. What comes out whole
// is again a frame of the size that the fragments promise, and never a fragment.
#include "net/fragments.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static net::Fragments fragments = *net::Fragments::make(4);
  static net::Milliseconds now = 1;
  now += net::Fragments::patience + 1;  // what an earlier input left behind is forgotten
  net::View rest(bytes, size);
  while (rest.has(0, 2)) {
    const std::size_t length = rest.be16(0);
    const net::View frame = rest.from(2, length);
    rest = rest.from(2 + length);
    now += length % 7;
    net::Packet packet;
    if (net::parse(frame, packet) != net::Reject::none || packet.kind != net::Kind::fragment) continue;
    const net::Fragments::Taken taken = fragments.take(packet, frame, now);
    if (fragments.waiting() > 4) std::abort();
    if (taken.outcome != net::Fragments::Outcome::complete) continue;
    net::Packet whole;
    if (net::parse(taken.whole, whole) != net::Reject::none) continue;
    if (whole.kind == net::Kind::fragment || whole.source != packet.source || whole.protocol != packet.protocol) std::abort();
  }
  return 0;
}
