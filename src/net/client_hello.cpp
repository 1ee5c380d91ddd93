// A cursor over the pieces of the stream, one over the handshake message inside its records, and the message's lists.
// Whatever is not exactly as the RFC has it is not TLS: a server that is more lenient must not see another name.
#include "net/client_hello.h"

#include <algorithm>
#include <array>

namespace net {

namespace {

using Pieces = std::span<const std::span<const std::uint8_t>>;
using State = ClientHello::State;

class Stream {
 public:
  explicit Stream(Pieces pieces) : pieces_(pieces) {}
  std::optional<std::uint8_t> next() {
    while (piece_ < pieces_.size() && at_ == pieces_[piece_].size()) ++piece_, at_ = 0;
    if (piece_ == pieces_.size()) return std::nullopt;
    ++passed_;
    return pieces_[piece_][at_++];
  }
  // How many of `wanted` bytes there were.
  std::size_t skip(std::size_t wanted) {
    std::size_t left = wanted;
    while (left != 0 && piece_ < pieces_.size()) {
      const std::size_t taken = std::min(left, pieces_[piece_].size() - at_);
      at_ += taken, left -= taken;
      if (left != 0) ++piece_, at_ = 0;
    }
    passed_ += wanted - left;
    return wanted - left;
  }
  std::size_t passed() const { return passed_; }

 private:
  Pieces pieces_;
  std::size_t piece_ = 0, at_ = 0, passed_ = 0;
};

// The bytes of the handshake message, which records may cut anywhere (RFC 8446 5.1).
class Handshake {
 public:
  explicit Handshake(Pieces pieces) : stream_(pieces) {}

  std::optional<std::uint8_t> next() {
    if (record_left_ == 0 && !open_record()) return std::nullopt;
    const auto byte = stream_.next();
    if (byte) --record_left_;
    else state_ = State::need_more;
    return byte;
  }
  bool skip(std::size_t wanted) {
    while (wanted != 0) {
      if (record_left_ == 0 && !open_record()) return false;
      const std::size_t part = std::min<std::size_t>(wanted, record_left_);
      if (stream_.skip(part) != part) return state_ = State::need_more, false;
      record_left_ -= part, wanted -= part;
    }
    return true;
  }
  // After next() or skip() came to nothing: need_more or not_tls.
  State state() const { return stream_.passed() >= ClientHello::most ? State::not_tls : state_; }

 private:
  bool open_record() {
    std::array<std::uint8_t, 5> header;
    for (std::size_t i = 0; i < header.size(); ++i) {
      const auto byte = stream_.next();
      if (!byte) return state_ = State::need_more, false;
      header[i] = *byte;
      // Content type handshake, version 3.x; said of the first byte already, since "GET /" never becomes more.
      const bool wrong = (i == 0 && *byte != 22) || (i == 1 && *byte != 3) || (i == 2 && *byte > 4);
      if (wrong) return state_ = State::not_tls, false;
    }
    record_left_ = static_cast<std::size_t>(header[3] << 8 | header[4]);
    // No record of a handshake is empty.
    if (record_left_ == 0 || record_left_ > 1u << 14) return state_ = State::not_tls, false;
    return true;
  }

  Stream stream_;
  std::size_t record_left_ = 0;
  State state_ = State::need_more;
};

// A part of the message with a length of its own.
class Part {
 public:
  Part(Handshake& message, std::size_t size) : message_(message), left_(size) {}

  std::optional<std::size_t> number(std::size_t bytes) {
    if (left_ < bytes) return fail();
    std::size_t out = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const auto byte = message_.next();
      if (!byte) return state_ = message_.state(), std::nullopt;
      out = out << 8 | *byte;
    }
    left_ -= bytes;
    return out;
  }
  bool skip(std::size_t bytes) {
    if (left_ < bytes) return fail(), false;
    if (!message_.skip(bytes)) return state_ = message_.state(), false;
    left_ -= bytes;
    return true;
  }
  // A vector with its length in front: skipped when it has `least` bytes and is made of units.
  bool skip_vector(std::size_t length_bytes, std::size_t least, std::size_t most, std::size_t unit) {
    const auto size = number(length_bytes);
    if (!size) return false;
    if (*size < least || *size > most || *size % unit != 0) return fail(), false;
    return skip(*size);
  }
  std::size_t left() const { return left_; }
  State state() const { return state_; }

 private:
  std::nullopt_t fail() { return state_ = State::not_tls, std::nullopt; }
  Handshake& message_;
  std::size_t left_;
  State state_ = State::not_tls;
};

ClientHello without_name(State state) { return {state, {}}; }

// RFC 6066 3: a list that has one entry of type host_name.
ClientHello read_server_name(Part& hello, std::size_t size) {
  const auto list = size < 5 ? std::nullopt : hello.number(2);
  const auto type = list ? hello.number(1) : std::nullopt;
  const auto length = type ? hello.number(2) : std::nullopt;
  if (!length) return without_name(size < 5 ? State::not_tls : hello.state());
  if (*list + 2 != size || *type != 0 || *length + 5 != size || *length == 0 || *length > Name::longest + 1)
    return without_name(State::not_tls);
  std::array<char, Name::longest + 1> text;
  for (std::size_t i = 0; i < *length; ++i) {
    const auto c = hello.number(1);
    if (!c) return without_name(hello.state());
    text[i] = static_cast<char>(*c);
  }
  const auto name = make_name({text.data(), *length});
  if (!name || name->size == 0) return without_name(State::not_tls);
  return {State::name, *name};
}

// To the end, so that a second name would be seen: which of two a server takes is its choice.
ClientHello read_extensions(Part& hello) {
  ClientHello out = without_name(State::no_name);
  while (hello.left() != 0) {
    const auto type = hello.number(2);
    const auto size = type ? hello.number(2) : std::nullopt;
    if (!size) return without_name(hello.state());
    if (*size > hello.left()) return without_name(State::not_tls);
    if (*type != 0) {
      if (!hello.skip(*size)) return without_name(hello.state());
      continue;
    }
    if (out.state == State::name) return without_name(State::not_tls);
    out = read_server_name(hello, *size);
    if (out.state != State::name) return out;
  }
  return out;
}

}  // namespace

ClientHello parse_client_hello(Pieces pieces) {
  Handshake message(pieces);
  Part head(message, 4);
  const auto type = head.number(1);
  if (type && *type != 1) return without_name(State::not_tls);
  const auto size = type ? head.number(3) : std::nullopt;
  if (!size) return without_name(head.state());
  if (*size > ClientHello::most) return without_name(State::not_tls);
  Part hello(message, *size);
  constexpr std::size_t version = 2, random = 32;
  const auto major = hello.number(1);
  if (major && *major != 3) return without_name(State::not_tls);
  if (!major || !hello.skip(version - 1 + random) || !hello.skip_vector(1, 0, 32, 1) ||
      !hello.skip_vector(2, 2, 65534, 2) || !hello.skip_vector(1, 1, 255, 1))
    return without_name(hello.state());
  if (hello.left() == 0) return without_name(State::no_name);
  const auto extensions = hello.number(2);
  if (!extensions) return without_name(hello.state());
  if (*extensions != hello.left()) return without_name(State::not_tls);
  return read_extensions(hello);
}

}  // namespace net
