// Bytes as the specification has them, and peers that send others.
#include "launch/dbus.h"

#include <gtest/gtest.h>

namespace launch {
namespace {

using namespace std::string_literals;

// What the reference implementation sends for this call, but for its serial.
TEST(LaunchDbus, ACallAsOnTheWire) {
  const std::string hello = encode({"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", {}, {}}, 1);
  const std::string wanted =
      "l\1\0\1\0\0\0\0\1\0\0\0m\0\0\0"
      "\1\1o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0"
      "\2\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
      "\3\1s\0\5\0\0\0Hello\0\0\0"
      "\6\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"s;
  EXPECT_EQ(hello, wanted);
  EXPECT_EQ(hello.size() % 8, 0u);
}

TEST(LaunchDbus, ArraysCountFromTheFirstElement) {
  DbusWriter out;
  out.words("abc");
  const std::size_t begun = out.begin_array(8);
  out.align(8);
  out.words("x");
  out.end_array(begun, 8);
  EXPECT_EQ(out.bytes(), "\3\0\0\0abc\0\6\0\0\0\0\0\0\0\1\0\0\0x\0"s);
  DbusWriter empty;
  empty.end_array(empty.begin_array(8), 8);
  EXPECT_EQ(empty.bytes(), "\0\0\0\0\0\0\0\0"s);
}

TEST(LaunchDbus, AnAnswerIsReadBack) {
  DbusWriter body;
  body.number(7);
  for (const char* each : {"/job/7", "a.scope", "done"}) body.words(each);
  std::string call = encode({{}, "/m", "i", "JobRemoved", "uoss", body.bytes()}, 9);
  call[1] = 4;
  const auto message = decode_dbus(call);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(message->kind, DbusKind::signal);
  EXPECT_EQ(message->member, "JobRemoved");
  EXPECT_EQ(message->texts, (std::vector<std::string>{"/job/7", "a.scope", "done"}));
}

TEST(LaunchDbus, ATruthInAVariant) {
  DbusWriter body;
  body.signature("b");
  body.number(1);
  std::string call = encode({{}, "/m", "i", "M", "v", body.bytes()}, 9);
  EXPECT_EQ(decode_dbus(call)->texts, (std::vector<std::string>{"true"}));
}

// The other order of bytes, with a reply's fields.
TEST(LaunchDbus, BigEndianIsReadToo) {
  const std::string reply =
      "B\2\1\1\0\0\0\x08\0\0\0\x05\0\0\0\x0f"
      "\5\1u\0\0\0\0\x03"
      "\x8\1g\0\1o\0\0"
      "\0\0\0\3/ab\0"s;
  const auto length = dbus_length(reply);
  ASSERT_TRUE(length && *length);
  EXPECT_EQ(**length, reply.size());
  const auto message = decode_dbus(reply);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(message->kind, DbusKind::reply);
  EXPECT_EQ(message->answers, 3u);
  EXPECT_EQ(message->texts, (std::vector<std::string>{"/ab"}));
}

TEST(LaunchDbus, EveryCutAndEveryFlippedByteIsAnErrorOrAMessage) {
  DbusWriter body;
  body.words("text");
  const std::string whole = encode({"d", "/p", "i.i", "M", "s", body.bytes()}, 3);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(decode_dbus(std::string_view(whole).substr(0, cut))) << cut;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x80);
    refused += !decode_dbus(damaged);
  }
  EXPECT_GT(refused, whole.size() / 4);
  EXPECT_FALSE(dbus_length("l\1\0\1\xff\xff\xff\xff\0\0\0\0\0\0\0\0"s));
  EXPECT_FALSE(dbus_length("x\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0"s));
  EXPECT_FALSE(dbus_length("l\1\0\1")->has_value());
}

}  // namespace
}  // namespace launch
