// Requests and replies: what is sent arrives, whole and with its descriptors; damage is noticed.
#include "supervise/control.h"

#include "supervise/handshake.h"
#include "sys/socket.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <random>
#include <thread>
#include <unistd.h>

namespace supervise {
namespace {

Request full_request() {
  Request request;
  request.kind = RequestKind::update;
  request.number = -1;
  request.words = {"memory.max", "1073741824", "", std::string("a\0b\n", 4)};
  return request;
}

Reply refusal() {
  Reply reply;
  reply.error = Error{.code = 2, .message = "no such thing", .hint = "look elsewhere", .status = 126};
  return reply;
}

TEST(SuperviseControl, EveryRequestComesBack) {
  for (int kind = 0; kind < static_cast<int>(RequestKind::count_); ++kind) {
    Request request = full_request();
    request.kind = static_cast<RequestKind>(kind);
    const auto decoded = decode_request(encode(request));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->kind, request.kind);
    EXPECT_EQ(decoded->number, -1);
    EXPECT_EQ(decoded->words, request.words);
  }
}

TEST(SuperviseControl, RepliesComeBack) {
  const auto failed = decode_reply(encode(refusal()));
  ASSERT_TRUE(failed && failed->error);
  EXPECT_EQ(failed->error->code, 2);
  EXPECT_EQ(failed->error->status, 126);
  EXPECT_EQ(failed->error->message, "no such thing");
  EXPECT_EQ(failed->error->hint, "look elsewhere");
  Reply full;
  full.words = {"x", ""};
  const auto done = decode_reply(encode(full));
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->error);
  EXPECT_EQ(done->words, full.words);
}

TEST(SuperviseControl, ARefusalIsUnderstoodByWhoWaitsForACommand) {
  const auto message = decode(encode(refusal()));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, MessageKind::failed);
  EXPECT_EQ(message->error.message, "no such thing");
  EXPECT_EQ(message->error.status, 126);
  EXPECT_FALSE(decode_reply(encode(Message{.kind = MessageKind::running, .number = 0, .text = {}, .error = {}, .attached = {}})));
}

TEST(SuperviseControl, WhatIsCutOffOrTooLongIsDamage) {
  Reply full;
  full.words = {"x", ""};
  const std::string request = encode(full_request());
  for (std::size_t size = 0; size < request.size(); ++size) EXPECT_FALSE(decode_request(std::string_view(request).substr(0, size))) << size;
  EXPECT_EQ(decode_request(request + "x").error().message, "damaged request");
  for (const std::string& reply : {encode(full), encode(refusal())}) {
    for (std::size_t size = 0; size < reply.size(); ++size) EXPECT_FALSE(decode_reply(std::string_view(reply).substr(0, size))) << size;
    EXPECT_EQ(decode_reply(reply + "x").error().message, "damaged reply");
  }
}

TEST(SuperviseControl, AnUnknownKindIsRefused) {
  std::string bytes = encode(full_request());
  for (const int kind : {static_cast<int>(RequestKind::count_), 127, 255}) {
    bytes[0] = static_cast<char>(kind);
    EXPECT_EQ(decode_request(bytes).error().message, "unknown request") << kind;
  }
}

TEST(SuperviseControl, RandomDamageIsNeverMisread) {
  std::mt19937 random(1);
  const std::string whole = encode(full_request());
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(bytes.size() - (random() % 3 == 0 ? random() % bytes.size() : 0));
    const auto request = decode_request(bytes);
    EXPECT_TRUE(!request || encode(*request) == bytes);
    const auto reply = decode_reply(bytes);
    EXPECT_TRUE(!reply || encode(*reply) == bytes);
  }
}

TEST(SuperviseControl, DescriptorsGoAlong) {
  auto pair = sys::make_message_pair();
  ASSERT_TRUE(pair);
  Request request;
  request.kind = RequestKind::exec;
  for (int i = 0; i < 3; ++i) request.attached.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(send(pair->first, request));
  const auto received = receive_request(pair->second);
  ASSERT_TRUE(received && *received);
  ASSERT_EQ((*received)->attached.size(), 3u);
  for (const sys::Fd& each : (*received)->attached) EXPECT_EQ(::fcntl(each.get(), F_GETFD), FD_CLOEXEC);
}

TEST(SuperviseControl, TheRepliesErrorIsTheAskers) {
  auto pair = sys::make_message_pair();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(send(pair->second, refusal()));
  const auto refused = ask(pair->first, full_request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "no such thing");
  pair->second.reset();
  EXPECT_FALSE(ask(pair->first, full_request()));
}

}  // namespace
}  // namespace supervise
