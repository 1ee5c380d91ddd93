// Messages between launcher and init: what is sent arrives, whole and with its descriptor; damage is noticed.
#include "supervise/handshake.h"

#include "sys/socket.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

namespace supervise {
namespace {

Message full() {
  Message message;
  message.kind = MessageKind::failed;
  message.number = -7;
  message.text = std::string("with\0a byte of zero\n", 20);
  message.error = {.code = 13, .message = "mount proc on /proc: Permission denied", .hint = "run sbx doctor", .status = 126};
  return message;
}

void expect_equal(const Message& a, const Message& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.error.code, b.error.code);
  EXPECT_EQ(a.error.status, b.error.status);
  EXPECT_EQ(a.error.message, b.error.message);
  EXPECT_EQ(a.error.hint, b.error.hint);
}

TEST(SuperviseHandshake, EveryKindComesBack) {
  for (int kind = 0; kind < static_cast<int>(MessageKind::count_); ++kind) {
    Message message = full();
    message.kind = static_cast<MessageKind>(kind);
    const auto decoded = decode(encode(message));
    ASSERT_TRUE(decoded) << decoded.error().message;
    expect_equal(*decoded, message);
  }
  const auto empty = decode(encode(Message{}));
  ASSERT_TRUE(empty);
  expect_equal(*empty, Message{});
}

TEST(SuperviseHandshake, WhatIsCutOffOrTooLongIsDamage) {
  const std::string whole = encode(full());
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(decode(whole + "x"));
  EXPECT_EQ(decode(whole + "x").error().message, "damaged message between launcher and init");
}

TEST(SuperviseHandshake, AnUnknownKindIsRefused) {
  std::string bytes = encode(full());
  for (const int kind : {static_cast<int>(MessageKind::count_), 127, 255}) {
    bytes[0] = static_cast<char>(kind);
    EXPECT_EQ(decode(bytes).error().message, "unknown message between launcher and init") << kind;
  }
}

TEST(SuperviseHandshake, LengthsBeyondTheMessageAreDamage) {
  const std::string whole = encode(full());
  const std::size_t text_length = 1 + sizeof(int);
  for (const int length : {-1, INT32_MIN, INT32_MAX, 21, 10000}) {
    std::string bytes = whole;
    std::memcpy(bytes.data() + text_length, &length, sizeof length);
    EXPECT_FALSE(decode(bytes)) << length;
  }
}

// Whatever arrives is either an error or a message that encodes to the same bytes.
TEST(SuperviseHandshake, RandomDamageIsNeverMisread) {
  std::mt19937 random(1);
  const std::string whole = encode(full());
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(bytes.size() - (random() % 3 == 0 ? random() % bytes.size() : 0));
    const auto message = decode(bytes);
    EXPECT_TRUE(!message || encode(*message) == bytes);
  }
}

TEST(SuperviseHandshake, ALongErrorIsCutAndStillArrives) {
  auto pair = sys::make_message_pair();
  ASSERT_TRUE(pair);
  Message message = full();
  message.error.message = std::string(1'000'000, 'm');
  message.error.hint = std::string(4096, 'h');
  ASSERT_TRUE(send(pair->first, message));
  const auto received = receive(pair->second);
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->error.message, std::string(4090, 'm') + " (cut)");
  EXPECT_EQ((*received)->error.hint, message.error.hint);
  EXPECT_EQ((*received)->error.status, 126);
}

TEST(SuperviseHandshake, ADescriptorGoesWithTheMessage) {
  auto pair = sys::make_message_pair();
  ASSERT_TRUE(pair);
  Message message;
  message.kind = MessageKind::terminal;
  message.attached = sys::Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  struct stat sent {}, got {};
  ASSERT_EQ(::fstat(message.attached.get(), &sent), 0);
  ASSERT_TRUE(send(pair->first, message));
  const auto received = receive(pair->second);
  ASSERT_TRUE(received && *received);
  ASSERT_TRUE((*received)->attached.valid());
  ASSERT_EQ(::fstat((*received)->attached.get(), &got), 0);
  EXPECT_EQ(sent.st_rdev, got.st_rdev);
  EXPECT_EQ(::fcntl((*received)->attached.get(), F_GETFD), FD_CLOEXEC);
}

TEST(SuperviseHandshake, TheEndIsNoError) {
  auto pair = sys::make_message_pair();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(send(pair->first, full()));
  pair->first.reset();
  const auto last = receive(pair->second);
  ASSERT_TRUE(last && *last);
  expect_equal(**last, full());
  const auto end = receive(pair->second);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

void tell(const sys::Fd& channel, MessageKind kind, int number = 0) {
  ASSERT_TRUE(send(channel, Message{.kind = kind, .number = number, .text = {}, .error = {}, .attached = {}}));
}

// A terminal's window changes its size while init waits for the terminal, and somebody types ^C.
TEST(SuperviseHandshake, SignalsMayComeBeforeAnAnswer) {
  auto [ours, theirs] = sys::make_message_pair().value();
  tell(theirs, MessageKind::signal, SIGWINCH), tell(theirs, MessageKind::signal, SIGCONT), tell(theirs, MessageKind::terminal_ready);
  const auto resized = receive_answer(ours, MessageKind::terminal_ready);
  EXPECT_TRUE(resized) << resized.error().message;
  tell(theirs, MessageKind::signal, SIGWINCH), tell(theirs, MessageKind::signal, SIGINT), tell(theirs, MessageKind::terminal_ready);
  const auto interrupted = receive_answer(ours, MessageKind::terminal_ready);
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().message, "ended by SIGINT before the command ran");
  EXPECT_EQ(interrupted.error().status, 130);
  EXPECT_TRUE(receive_answer(ours, MessageKind::terminal_ready));
  tell(theirs, MessageKind::terminal_ready);
  EXPECT_EQ(receive_answer(ours, MessageKind::identity_ready).error().message, "unexpected message from the launcher");
  theirs.reset();
  EXPECT_EQ(receive_answer(ours, MessageKind::terminal_ready).error().message, "the launcher is gone");
}

}  // namespace
}  // namespace supervise
