// Messages that lie about lengths, point in circles or say too much, and those we write.
#include "net/dns_message.h"
#include "dns_bytes.h"

#include <gtest/gtest.h>

using namespace dns_bytes;
using net::MessageReader;
using net::MessageWriter;
using net::Rcode;

namespace {

std::string read_name(const Message& message, std::size_t at) {
  const auto name = MessageReader(message).name_at(at, message.size());
  if (!name) return "-";
  const auto text = net::to_name(*name);
  return text ? std::string(text->view()) : "?";
}

Message with_name(std::string_view bytes) {
  Message out = header(1, 0, 0);
  put(out, bytes);
  return out;
}

Rcode rcode_of(const Message& message) {
  const auto query = net::parse_query(message);
  EXPECT_TRUE(query);
  return query ? query->rcode : Rcode::no_error;
}

}  // namespace

TEST(NetDnsMessage, NamesAndPointers) {
  EXPECT_EQ(read_name(with_name(name("A.Example")), 12), "a.example");
  EXPECT_EQ(read_name(with_name(name("")), 12), "");
  EXPECT_EQ(read_name(with_name(name("example") + "\1a" + pointer(12)), 12 + 9), "a.example");
  EXPECT_EQ(read_name(with_name(name("b") + "\1a" + pointer(12) + "\1c" + pointer(15)), 12 + 3 + 4), "c.a.b");
}

TEST(NetDnsMessage, NamesThatAreNone) {
  EXPECT_EQ(read_name(with_name(pointer(12)), 12), "-");                       // itself
  EXPECT_EQ(read_name(with_name("\1a" + pointer(12)), 12), "-");               // its own beginning
  EXPECT_EQ(read_name(with_name(pointer(14) + pointer(12)), 14), "-");         // each other
  EXPECT_EQ(read_name(with_name(pointer(14) + name("a")), 12), "-");           // forward
  EXPECT_EQ(read_name(with_name(pointer(0)), 12), "-");                        // the header
  EXPECT_EQ(read_name(with_name(pointer(400)), 12), "-");
  EXPECT_EQ(read_name(with_name("\xc0"), 12), "-");
  EXPECT_EQ(read_name(with_name("\1a"), 12), "-");
  EXPECT_EQ(read_name(with_name("\5ab"), 12), "-");
  EXPECT_EQ(read_name(with_name(""), 12), "-");
  EXPECT_EQ(read_name(with_name(std::string("\x40") + std::string(64, 'a') + '\0'), 12), "-");
  EXPECT_EQ(read_name(with_name(std::string("\x80") + std::string(128, 'a') + '\0'), 12), "-");
  std::string longest;
  while (longest.size() < 254) longest += "\1a";
  EXPECT_NE(read_name(with_name(longest + '\0'), 12), "-");                    // 255 bytes
  EXPECT_EQ(read_name(with_name(longest + "\1a" + '\0'), 12), "-");
  EXPECT_EQ(read_name(with_name(std::string("\3a.b\0", 5)), 12), "?");         // a dot inside a label
  EXPECT_EQ(read_name(with_name(std::string("\3a\0b\0", 5)), 12), "?");
}

// 250 pointers, each to the one before: read in one pass, and none is followed twice.
TEST(NetDnsMessage, ALongChainOfPointersEnds) {
  std::string bytes = name("a");
  for (unsigned i = 0; i < 250; ++i) bytes += pointer(i == 0 ? 12 : 15 + 2 * (i - 1));
  EXPECT_EQ(read_name(with_name(bytes), 12 + bytes.size() - 2), "a");
}

TEST(NetDnsMessage, RecordsWithinTheirBounds) {
  Message message = header(1, 0x8000, 0, 1);
  record(message, name("a"), 16, 60, "\3abc");
  MessageReader in(message);
  EXPECT_TRUE(in.header());
  const auto got = in.record();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->type, 16);
  EXPECT_EQ(got->ttl, 60U);
  EXPECT_EQ(in.bytes(*got).size(), 4U);
  EXPECT_EQ(in.left(), 0U);
  for (std::size_t size = 12; size < message.size(); ++size) {
    MessageReader cut(net::Bytes(message).first(size));
    EXPECT_TRUE(cut.header());
    EXPECT_FALSE(cut.record()) << size;
  }
}

TEST(NetDnsMessage, Queries) {
  const auto plain = net::parse_query(query(7, "Example.com", 1));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->id, 7);
  EXPECT_EQ(plain->question.type, 1);
  EXPECT_EQ(plain->payload, 512);
  EXPECT_FALSE(plain->edns);
  EXPECT_EQ(plain->rcode, Rcode::no_error);
  const auto edns = net::parse_query(query(7, "Example.com", 1, 4096));
  EXPECT_TRUE(edns->edns);
  EXPECT_EQ(edns->payload, 4096);
  EXPECT_EQ(net::parse_query(query(7, "a", 1, 1))->payload, 512);
  Message secure = header(1, 0x0100, 1, 0, 0, 1);
  question(secure, "a", 1);
  opt(secure, 1232, 0x8000);
  EXPECT_TRUE(net::parse_query(secure)->dnssec_ok);
}

TEST(NetDnsMessage, QueriesThatAreAnsweredWithAnError) {
  for (const unsigned type : {255U, 252U, 251U, 253U, 254U, 249U, 250U, 41U, 0U}) EXPECT_EQ(rcode_of(query(1, "a", type)), Rcode::refused) << type;
  Message chaos = header(1, 0x0100, 1);
  question(chaos, "version.bind", 16, 3);
  EXPECT_EQ(rcode_of(chaos), Rcode::refused);
  Message update = header(1, 0x2800, 1);
  question(update, "a", 6);
  EXPECT_EQ(rcode_of(update), Rcode::not_implemented);
  Message two = header(1, 0x0100, 2);
  question(two, "a", 1), question(two, "b", 1);
  EXPECT_EQ(rcode_of(two), Rcode::format_error);
  EXPECT_EQ(rcode_of(header(1, 0x0100, 0)), Rcode::format_error);
  EXPECT_EQ(rcode_of(header(1, 0x0100, 1)), Rcode::format_error);
  Message answers = header(1, 0x0100, 1, 1);
  question(answers, "a", 1), record(answers, name("a"), 16, 1, "secret");
  EXPECT_EQ(rcode_of(answers), Rcode::format_error);
  Message twice = header(1, 0x0100, 1, 0, 0, 2);
  question(twice, "a", 1), opt(twice, 512), opt(twice, 512);
  EXPECT_EQ(rcode_of(twice), Rcode::format_error);
}

TEST(NetDnsMessage, WhatIsDropped) {
  EXPECT_FALSE(net::parse_query(header(1, 0x8100, 1)));
  EXPECT_FALSE(net::parse_query(Message(11)));
  EXPECT_FALSE(net::parse_query({}));
}

TEST(NetDnsMessage, WhatIsWrittenIsRead) {
  std::array<std::uint8_t, 512> place;
  MessageWriter out(place);
  const auto owner = net::to_wire("www.example.com"), other = net::to_wire("mail.example.com");
  out.header(9, 0x8180);
  out.question({*owner, 5, 1});
  out.begin_record(*owner, 5, 60);
  out.name(*other, true);
  out.end_record(MessageWriter::Section::answer);
  out.begin_record(*other, 1, 60);
  out.number32(0x01020304);
  out.end_record(MessageWriter::Section::answer);
  out.opt(1232, true, 15);
  const Read read(out.message());
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(read.id, 9U);
  EXPECT_EQ(read.asked, "www.example.com");
  ASSERT_EQ(read.answers().size(), 2U);
  EXPECT_EQ(read.answers()[0].content, "mail.example.com");
  EXPECT_EQ(read.answers()[1].owner, "mail.example.com");
  EXPECT_EQ(read.answers()[1].content, "\1\2\3\4");
  EXPECT_EQ(read.extended_error(), 15);
  EXPECT_EQ(read.records[2][0].of_class, 1232U);
  EXPECT_EQ(read.records[2][0].ttl, 0x8000U);
  EXPECT_FALSE(out.overflowed());
  // www.example.com once, then a pointer for the owner, mail and a pointer for the target, and one for its owner.
  EXPECT_EQ(out.message().size(), 12U + 17 + 4 + (2 + 10 + 5 + 2) + (2 + 10 + 4) + 17);
}

TEST(NetDnsMessage, WhatDoesNotFitIsLeftOutWhole) {
  for (std::size_t size = 0; size < 100; ++size) {
    std::vector<std::uint8_t> place(size);
    MessageWriter out(place);
    out.header(9, 0x8180);
    out.question({*net::to_wire("example.com"), 16, 1});
    for (int i = 0; i < 3; ++i) {
      out.begin_record(*net::to_wire(i == 1 ? "a.example.com" : "example.com"), 16, 60);
      out.bytes(std::vector<std::uint8_t>(10, 7));
      out.end_record(MessageWriter::Section::answer);
    }
    EXPECT_EQ(out.overflowed(), size < 12 + 17 + 22 + 24 + 22) << size;
    if (size < 12 + 17) continue;
    const Read read(out.message());
    EXPECT_TRUE(read.whole);
    EXPECT_EQ(read.asked, "example.com");
    for (const Record& one : read.answers()) EXPECT_EQ(one.content.size(), 10U);
  }
}
