// Whole messages, one descriptor each, and the last words of a peer that went without listening.
#include "sys/socket.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace sys {
namespace {

std::string next(const Fd& from) {
  const auto message = receive_message(from);
  if (!message) return "error " + std::to_string(message.error().code);
  return *message ? (*message)->content : "end";
}

TEST(SysSocket, MessagesStayWhole) {
  auto pair = make_message_pair();
  ASSERT_TRUE(pair);
  const std::string large(16384, 'x');
  for (const std::string& each : {std::string("one"), std::string("t\0o", 3), large}) ASSERT_TRUE(send_message(pair->first, each));
  EXPECT_EQ(next(pair->second), "one");
  EXPECT_EQ(next(pair->second), std::string("t\0o", 3));
  EXPECT_EQ(next(pair->second), large);
}

TEST(SysSocket, ATooLongMessageIsNotSent) {
  auto pair = make_message_pair();
  ASSERT_TRUE(pair);
  EXPECT_EQ(send_message(pair->first, std::string(16385, 'x')).error().message, "message to the other process is too long");
  ASSERT_TRUE(send_message(pair->first, "next"));
  EXPECT_EQ(next(pair->second), "next");
}

TEST(SysSocket, BothEndsCloseOnExec) {
  auto pair = make_message_pair();
  ASSERT_TRUE(pair);
  EXPECT_EQ(::fcntl(pair->first.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(pair->second.get(), F_GETFD), FD_CLOEXEC);
}

TEST(SysSocket, LastWordsComeBeforeTheEnd) {
  auto pair = make_message_pair();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(send_message(pair->second, "never read"));
  ASSERT_TRUE(send_message(pair->first, "last words"));
  pair->first.reset();  // with something unread: the other side gets ECONNRESET first
  EXPECT_EQ(next(pair->second), "last words");
  EXPECT_EQ(next(pair->second), "end");
  EXPECT_EQ(next(pair->second), "end");
}

TEST(SysSocket, SendingToNobodyIsAnErrorAndNoSignal) {
  auto pair = make_message_pair();
  ASSERT_TRUE(pair);
  pair->first.reset();
  const auto sent = send_message(pair->second, "x");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, EPIPE);
  EXPECT_EQ(sent.error().message, "send to the other process: Broken pipe");
}

TEST(SysSocket, ADescriptorArrivesOnce) {
  auto pair = make_message_pair();
  ASSERT_TRUE(pair);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  {
    const Fd writer(ends[1]);
    ASSERT_TRUE(send_message(pair->first, "with", &writer));
  }
  ASSERT_TRUE(send_message(pair->first, "without"));
  auto with = receive_message(pair->second);
  ASSERT_TRUE(with && *with && (*with)->attached.valid());
  ASSERT_EQ(::write((*with)->attached.get(), "x", 1), 1);
  (*with)->attached.reset();
  char bytes[2];
  EXPECT_EQ(::read(reader.get(), bytes, 2), 1);
  EXPECT_EQ(::read(reader.get(), bytes, 2), 0) << "nobody else holds the other end";
  auto without = receive_message(pair->second);
  ASSERT_TRUE(without && *without);
  EXPECT_FALSE((*without)->attached.valid());
}

}  // namespace
}  // namespace sys
