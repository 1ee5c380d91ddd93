// The ClientHello's verdict does not depend on how the bytes are cut, and more bytes never change a final one.
#include "net/client_hello.h"

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using net::ClientHello;
using Bytes = std::span<const std::uint8_t>;

void require(bool promise) {
  if (!promise) std::abort();
}

ClientHello parse(Bytes stream, std::size_t piece) {
  std::vector<Bytes> pieces;
  for (std::size_t from = 0; from < stream.size(); from += piece)
    pieces.push_back(stream.subspan(from, std::min(piece, stream.size() - from)));
  return net::parse_client_hello(pieces);
}

}  // namespace

// The first byte chooses the cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const Bytes stream(bytes + 1, size - 1);
  const ClientHello whole = parse(stream, stream.size() + 1);
  const ClientHello cut = parse(stream, 1u + bytes[0] % 16);
  require(whole.state == cut.state);
  require(whole.state != ClientHello::State::name || whole.name == cut.name);
  if (whole.state == ClientHello::State::name) require(net::make_name(whole.name.view()) == whole.name);
  require(whole.state != ClientHello::State::need_more || stream.size() < ClientHello::most);
  const ClientHello before = parse(stream.first(stream.size() * bytes[0] / 256), 1u << 20);
  if (before.state == ClientHello::State::need_more) return 0;
  require(before.state == whole.state && (before.state != ClientHello::State::name || before.name == whole.name));
  return 0;
}
