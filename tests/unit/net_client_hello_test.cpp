// The server name of a ClientHello, however it is cut up, and what is none.
#include "net/client_hello.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using State = net::ClientHello::State;

namespace {

std::string number(std::size_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string vector(const std::string& content, int length_bytes) { return number(content.size(), length_bytes) + content; }
std::string extension(unsigned type, const std::string& content) { return number(type, 2) + vector(content, 2); }
std::string server_name(const std::string& name) { return extension(0, vector('\0' + vector(name, 2), 2)); }

const std::string start = "\3\3" + std::string(32, 'r') + vector(std::string(32, 's'), 1) + vector("\x13\x01\x13\x02", 2) + vector(std::string(1, '\0'), 1);
const std::string grease = extension(0x0a0a, ""), versions = extension(43, "\2\3\4");

std::string message(const std::string& body) { return '\1' + vector(body, 3); }
std::string hello(const std::string& extensions) { return message(start + vector(extensions, 2)); }
// In records of at most `size` bytes.
std::string records(std::string handshake, std::size_t size = 16384) {
  std::string out;
  for (; !handshake.empty(); handshake.erase(0, size)) out += "\x16\3\1" + vector(handshake.substr(0, size), 2);
  return out;
}

std::span<const std::uint8_t> bytes(std::string_view in) { return {reinterpret_cast<const std::uint8_t*>(in.data()), in.size()}; }

// The stream in pieces of `size`.
net::ClientHello parse(std::string_view stream, std::size_t size = 1 << 20) {
  std::vector<std::span<const std::uint8_t>> pieces;
  for (std::size_t from = 0; from < stream.size(); from += size) pieces.push_back(bytes(stream.substr(from, size)));
  return net::parse_client_hello(pieces);
}
State state(std::string_view stream) { return parse(stream).state; }
std::string name_of(std::string_view stream, std::size_t size = 1 << 20) {
  const auto got = parse(stream, size);
  return got.state == State::name ? std::string(got.name.view()) : "-";
}

}  // namespace

TEST(NetClientHello, TheName) {
  EXPECT_EQ(name_of(records(hello(server_name("example.com")))), "example.com");
  EXPECT_EQ(name_of(records(hello(grease + server_name("Example.COM") + versions + grease))), "example.com");
  EXPECT_EQ(name_of(records(hello(server_name("example.com."))) + "early data"), "example.com");
}

TEST(NetClientHello, WithoutAName) {
  EXPECT_EQ(state(records(hello(grease + versions))), State::no_name);
  EXPECT_EQ(state(records(hello(""))), State::no_name);
  EXPECT_EQ(state(records(message(start))), State::no_name);  // TLS 1.0 without extensions
}

// A post-quantum key share of 6 KiB before the name, in records of any size, in pieces of any size.
TEST(NetClientHello, LargeAndCutAnywhere) {
  const std::string large = hello(grease + extension(51, std::string(6000, 'k')) + server_name("pq.example.com"));
  for (const std::size_t record : {50, 517, 1400, 16384}) {
    const std::string stream = records(large, record);
    for (const std::size_t piece : {1, 2, 5, 1000, 1460}) EXPECT_EQ(name_of(stream, piece), "pq.example.com") << record << " " << piece;
  }
  const std::string small = records(hello(server_name("a.example") + versions), 1);  // a byte in each record
  EXPECT_EQ(name_of(small, 1), "a.example");
}

TEST(NetClientHello, EveryBeginningNeedsMore) {
  for (const std::string& stream : {records(hello(grease + server_name("example.com") + versions)), records(hello(server_name("example.com")), 7)}) {
    for (std::size_t size = 0; size < stream.size(); ++size) {
      EXPECT_EQ(state(stream.substr(0, size)), State::need_more) << size;
      const auto two = std::vector{bytes(stream).first(size), bytes(stream).subspan(size)};
      EXPECT_EQ(net::parse_client_hello(two).state, State::name) << size;
    }
  }
}

TEST(NetClientHello, WhatIsNoTls) {
  for (const std::string& stream : {std::string("GET / HTTP/1.1\r\n"), std::string("SSH-2.0-OpenSSH_9.2"), std::string("\x80\x2e\1\3\1", 5),
                                    std::string("\x17\3\3\0\5hello", 10), std::string("\x16\2\1", 3), std::string("\x16\3\5", 3),
                                    std::string("\x16\3\1\0\0", 5), std::string("\x16\3\1\x40\1", 5), records("\2" + vector("x", 3)),
                                    records("\1" + number(16385, 3)), records(std::string("\1\0\0\2\2", 5))})
    EXPECT_EQ(state(stream), State::not_tls) << stream;
  EXPECT_EQ(state("G"), State::not_tls);  // said at once
  EXPECT_EQ(state(""), State::need_more);
}

TEST(NetClientHello, ChangedContentTypeInTheMiddle) {
  const std::string whole = hello(server_name("example.com"));
  const std::string stream = records(whole.substr(0, 40)) + "\x15\3\3" + vector(whole.substr(40), 2);
  EXPECT_EQ(state(stream), State::not_tls);
}

TEST(NetClientHello, AmbiguousOrMalformedNames) {
  const auto with = [&](const std::string& content) { return state(records(hello(content + versions))); };
  EXPECT_EQ(with(server_name("a.example") + server_name("a.example")), State::not_tls);
  EXPECT_EQ(with(extension(0, vector('\0' + vector("a.example", 2) + '\0' + vector("b.example", 2), 2))), State::not_tls);
  EXPECT_EQ(with(extension(0, "")), State::not_tls);  // the form of a server's answer
  EXPECT_EQ(with(extension(0, vector("", 2))), State::not_tls);
  EXPECT_EQ(with(extension(0, vector('\1' + vector("a.example", 2), 2))), State::not_tls);
  EXPECT_EQ(with(extension(0, vector('\0' + number(20, 2) + "a.example", 2))), State::not_tls);
  for (const std::string& name : {std::string(""), std::string("."), std::string("a..b"), std::string("a\0.b", 4), std::string("a b"),
                                  std::string(255, 'a'), std::string(64, 'a') + ".com", std::string("b\xc3\xbc.de")})
    EXPECT_EQ(with(server_name(name)), State::not_tls) << name;
}

TEST(NetClientHello, LengthsThatLie) {
  const std::string name = server_name("a.example");
  EXPECT_EQ(state(records(message(start + number(name.size() + 1, 2) + name))), State::not_tls);
  EXPECT_EQ(state(records(message(start + number(name.size() - 1, 2) + name))), State::not_tls);
  EXPECT_EQ(state(records(message(start + vector(name, 2) + "x"))), State::not_tls);
  EXPECT_EQ(state(records(message(start + vector(number(0x0a0a, 2) + number(9, 2) + "x", 2)))), State::not_tls);
  const std::string head = "\3\3" + std::string(32, 'r');
  EXPECT_EQ(state(records(message(head + vector(std::string(33, 's'), 1) + std::string(90, 'x')))), State::not_tls);
  EXPECT_EQ(state(records(message(head + vector("", 1) + vector("\x13", 2) + std::string(90, 'x')))), State::not_tls);
  EXPECT_EQ(state(records(message(head + vector("", 1) + vector("", 2) + std::string(90, 'x')))), State::not_tls);
  EXPECT_EQ(state(records(message(head + vector("", 1) + vector("\x13\x01", 2) + vector("", 1)))), State::not_tls);
  EXPECT_EQ(state(records(message(head))), State::not_tls);
}

TEST(NetClientHello, ItDoesNotWaitForEver) {
  const std::string endless = "\1" + number(16000, 3) + std::string(100, 'x');
  EXPECT_EQ(state(records(hello(extension(51, std::string(16300, 'k')) + server_name("a.example")))), State::not_tls);
  std::string stream = records("\1" + number(16384, 3) + start + number(16384 - start.size() - 2, 2) + number(51, 2) + number(16000, 2));
  while (stream.size() < net::ClientHello::most) {
    EXPECT_EQ(state(stream), State::need_more);
    stream += records(std::string(100, 'k'), 1);
  }
  EXPECT_EQ(state(stream), State::not_tls);
  EXPECT_EQ(state(records(endless)), State::not_tls);
}

// With Encrypted ClientHello the outer name counts; the extension itself says nothing, browsers send a made-up one.
TEST(NetClientHello, TheOuterNameOfEncryptedHellos) {
  EXPECT_EQ(name_of(records(hello(extension(0xfe0d, std::string(200, 'e')) + server_name("public.example")))), "public.example");
}
