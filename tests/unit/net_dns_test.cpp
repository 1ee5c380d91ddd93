// The forwarder: what leaves, what comes back, and servers that are silent, broken or somebody else.
#include "dns_bytes.h"
#include "net/dns.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

using namespace dns_bytes;
using net::DnsClient;
using net::Transport;
using net::Verdict;

namespace {

net::Address at(std::string_view text) { return *net::parse_address(text); }

struct Asked {
  std::uint16_t slot;
  std::string server;
  Transport transport;
  Message message;
  unsigned id() const { return static_cast<unsigned>(message.at(0)) << 8 | message.at(1); }
};

struct Recorder final : net::DnsActions, net::RandomNumbers {
  void reply(const DnsClient& client, std::span<const std::uint8_t> message) override {
    clients.push_back(client), replies.emplace_back(message.begin(), message.end());
    if (breaks) breaks->stream_closed(client.stream);
  }
  bool ask(std::uint16_t slot, const net::Address& server, Transport transport, std::span<const std::uint8_t> message) override {
    const bool tcp = transport == Transport::tcp;
    asked.push_back({slot, net::to_text(server), transport, {message.begin() + (tcp ? 2 : 0), message.end()}});
    EXPECT_TRUE(!tcp || (message[0] << 8 | message[1]) == static_cast<int>(message.size() - 2));
    return net::to_text(server) != unreachable;
  }
  void finish(std::uint16_t slot) override { finished.push_back(slot); }
  void close_stream(std::uint32_t stream) override { closed.push_back(stream); }
  void denied(std::string_view owner, std::uint16_t type, std::uint16_t rule) override {
    denials.push_back(::text(owner, " ", type, " ", policy->text(rule)));
  }
  std::uint32_t next() override { return random += 7919; }

  const net::Policy* policy = nullptr;
  net::Dns* breaks = nullptr;  // the client's stream ends with the reply
  std::string unreachable;
  std::uint32_t random = 1;
  std::vector<DnsClient> clients;
  std::vector<Message> replies;
  std::vector<Asked> asked;
  std::vector<std::uint16_t> finished;
  std::vector<std::uint32_t> closed;
  std::vector<std::string> denials;
};

struct World {
  explicit World(std::string_view rules = "+@internet", std::vector<net::Address> resolvers = {at("192.0.2.53"), at("192.0.2.54")}) {
    config.levels.emplace_back();
    for (const std::string& word : split(rules, ' '))
      config.levels[0].push_back(*net::parse_rule(word[0] == '+' ? Verdict::allow : Verdict::deny, word.substr(1)));
    config.otherwise = Verdict::deny;
    config.hostname = "box";
    config.addressing.guest4 = at("10.98.0.2"), config.addressing.gateway4 = at("10.98.0.1");
    config.addressing.host4 = at("169.254.1.2");
    host.resolvers = std::move(resolvers);
    policy = std::make_unique<net::Policy>(config, host);
    recorder.policy = policy.get();
    dns = std::make_unique<net::Dns>(config, host, *policy, recorder, recorder);
  }

  static DnsClient udp(std::uint16_t port = 4000) { return {Transport::udp, {at("10.98.0.2"), port}, {at("10.98.0.1"), 53}, 0}; }
  static DnsClient tcp(std::uint32_t stream = 1) { return {Transport::tcp, {at("10.98.0.2"), 4000}, {at("10.98.0.1"), 53}, stream}; }

  void ask(std::string_view owner, unsigned type = 1, unsigned payload = 1232, unsigned id = 7) {
    dns->query(udp(), query(id, owner, type, payload), now);
  }
  void send_stream(const Message& message, std::size_t piece = 100000) {
    Message framed;
    put16(framed, static_cast<unsigned>(message.size()));
    framed.insert(framed.end(), message.begin(), message.end());
    for (std::size_t from = 0; from < framed.size(); from += piece)
      dns->stream_bytes(tcp(), std::span<const std::uint8_t>(framed).subspan(from, std::min(piece, framed.size() - from)), now);
  }
  // The last question's answer: `answers` addresses from 1.2.3.0 on.
  Message answer(unsigned answers = 1, unsigned flags = 0x8180) const {
    const Asked& last = recorder.asked.back();
    const Read read(last.message);
    Message out = header(last.id(), flags, 1, answers);
    question(out, read.asked, read.type);
    for (unsigned i = 0; i < answers; ++i) {
      const char bytes[] = {1, 2, static_cast<char>(3 + i / 256), static_cast<char>(i)};
      record(out, pointer(12), 1, 60, std::string_view(bytes, 4));
    }
    return out;
  }
  Read reply() {
    EXPECT_FALSE(recorder.replies.empty());
    if (recorder.replies.empty()) return Read(header(0, 0, 0));
    const Message message = recorder.replies.back();
    const bool stream = recorder.clients.back().transport == Transport::tcp;
    EXPECT_TRUE(!stream || (message[0] << 8 | message[1]) == static_cast<int>(message.size() - 2));
    const Read read(std::span<const std::uint8_t>(message).subspan(stream ? 2 : 0));
    EXPECT_TRUE(read.whole);
    return read;
  }
  std::size_t replies() const { return recorder.replies.size(); }

  net::Config config;
  net::HostNetwork host;
  std::unique_ptr<net::Policy> policy;
  Recorder recorder;
  std::unique_ptr<net::Dns> dns;
  net::Milliseconds now = 1000;
};

}  // namespace

TEST(NetDns, AQuestionAndItsAnswer) {
  World world("+github.com");
  world.ask("GitHub.com");
  ASSERT_EQ(world.recorder.asked.size(), 1U);
  const Asked asked = world.recorder.asked[0];
  EXPECT_EQ(asked.server, "192.0.2.53");
  EXPECT_NE(asked.id(), 7U);
  EXPECT_EQ(Read(asked.message).asked, "GitHub.com");
  const net::Decision before = world.policy->decide(net::Protocol::tcp, at("1.2.3.0"), 443, world.now);
  EXPECT_FALSE(before.allowed());
  world.dns->answer(asked.slot, world.answer(), world.now);
  ASSERT_EQ(world.replies(), 1U);
  EXPECT_EQ(world.reply().id, 7U);
  EXPECT_EQ(world.reply().asked, "GitHub.com");
  EXPECT_EQ(world.reply().answers().size(), 1U);
  EXPECT_EQ(world.recorder.clients[0], World::udp());
  EXPECT_EQ(world.recorder.finished, std::vector{asked.slot});
  EXPECT_TRUE(world.policy->decide(net::Protocol::tcp, at("1.2.3.0"), 443, world.now).allowed());
  EXPECT_EQ(world.dns->next_tick(), std::numeric_limits<net::Milliseconds>::max());
  world.dns->answer(asked.slot, world.answer(), world.now);  // once more: nobody waits
  EXPECT_EQ(world.replies(), 1U);
}

TEST(NetDns, NothingOfTheClientsChoiceLeavesButTheQuestion) {
  World world;
  Message sent = header(7, 0x0170, 1, 0, 0, 1);
  question(sent, "a.example", 1);
  opt(sent, 4096, 0x8000, std::string("\0\10\0\7\0\1\40\0\1\2\3", 11) + std::string("\xfd\xe9\0\6secret", 10));
  world.dns->query(World::udp(), sent, world.now);
  ASSERT_EQ(world.recorder.asked.size(), 1U);
  Message expected = header(world.recorder.asked[0].id(), 0x0110, 1, 0, 0, 1);
  question(expected, "a.example", 1);
  opt(expected, 1232, 0x8000);
  EXPECT_EQ(world.recorder.asked[0].message, expected);
}

TEST(NetDns, DeniedNamesDoNotLeave) {
  World world("+github.com:443 +*.npmjs.org -evil.npmjs.org");
  std::string longest;
  while (longest.size() < 236) longest += "a.";
  for (const std::string& owner : {std::string("c2VjcmV0.tunnel.example"), std::string("evil.npmjs.org"), std::string("xgithub.com"),
                                  std::string("github.com.evil.com"), longest + "tunnel.example", std::string("8.8.8.8.in-addr.arpa"),
                                  std::string("secret.in-addr.arpa"), std::string("xn--gthub-n4a.com")}) {
    world.ask(owner);
    EXPECT_EQ(world.reply().rcode(), 3U) << owner;
    EXPECT_EQ(world.reply().extended_error(), 15) << owner;
    EXPECT_EQ(world.reply().asked, owner);
  }
  EXPECT_TRUE(world.recorder.asked.empty());
  ASSERT_EQ(world.recorder.denials.size(), 8U);
  EXPECT_EQ(world.recorder.denials[0], "c2vjcmv0.tunnel.example 1 default");
  EXPECT_EQ(world.recorder.denials[1], "evil.npmjs.org 1 evil.npmjs.org");
  EXPECT_EQ(world.recorder.denials[5], "8.8.8.8.in-addr.arpa 1 dns");
}

TEST(NetDns, NamesThatAreNoneDoNotLeave) {
  World world("+*.github.com +*");
  for (const std::string_view label : {std::string_view("a\0b", 3), std::string_view("a.b"), std::string_view("a b"), std::string_view("\xff")}) {
    Message sent = header(7, 0x0100, 1);
    put(sent, std::string(1, static_cast<char>(label.size())) + std::string(label) + name("github.com"));
    put16(sent, 1), put16(sent, 1);
    world.dns->query(World::udp(), sent, world.now);
    EXPECT_EQ(world.reply().rcode(), 3U);
  }
  EXPECT_TRUE(world.recorder.asked.empty());
  ASSERT_EQ(world.recorder.denials.size(), 4U);
  EXPECT_EQ(world.recorder.denials[0], "a?b.github.com 1 dns");
}

TEST(NetDns, CaseAndTheFinalDotAreTheSameName) {
  World world("+github.com -*.npmjs.org +@lan");
  for (const std::string_view owner : {"GITHUB.COM", "github.com", "gItHuB.cOm"}) world.ask(owner);
  EXPECT_EQ(world.recorder.asked.size(), 1U);  // one question, sent again and again
  world.ask("A.NPMJS.ORG");
  EXPECT_EQ(world.recorder.denials.size(), 1U);
}

TEST(NetDns, AnsweredWithoutAServer) {
  World world("+github.com", {});
  world.ask("host.sbx.internal");
  EXPECT_EQ(world.reply().answers().at(0).content, std::string("\xa9\xfe\1\2", 4));
  world.ask("box");
  EXPECT_EQ(world.reply().answers().size(), 1U);
  for (const std::string_view canary : {"use-application-dns.net", "_dns.resolver.arpa"}) {
    world.ask(canary);
    EXPECT_EQ(world.reply().rcode(), 3U);
    EXPECT_EQ(world.reply().extended_error(), -1);
  }
  EXPECT_TRUE(world.recorder.denials.empty());
  world.ask("github.com");
  EXPECT_EQ(world.reply().rcode(), 2U);
  world.ask("github.com", 255);
  EXPECT_EQ(world.reply().rcode(), 5U);
  EXPECT_TRUE(world.recorder.asked.empty());
}

TEST(NetDns, ReverseQueriesForWhatIsReachable) {
  World world("+github.com");
  world.policy->pin("github.com", at("140.82.121.4"), 60, world.now);
  world.ask("4.121.82.140.in-addr.arpa", 12);
  EXPECT_EQ(world.recorder.asked.size(), 1U);
  world.ask("5.121.82.140.in-addr.arpa", 12);
  EXPECT_EQ(world.recorder.asked.size(), 1U);
  EXPECT_EQ(world.reply().rcode(), 3U);
}

TEST(NetDns, ASilentServerIsLeft) {
  World world;
  world.ask("a.example", 1, 1232, 1);
  EXPECT_EQ(world.dns->next_tick(), world.now + 2000);
  world.now += 1999;
  world.dns->tick(world.now);
  EXPECT_EQ(world.recorder.asked.size(), 1U);
  world.now += 1;
  world.dns->tick(world.now);
  ASSERT_EQ(world.recorder.asked.size(), 2U);
  EXPECT_EQ(world.recorder.asked[1].server, "192.0.2.54");
  EXPECT_NE(world.recorder.asked[1].id(), world.recorder.asked[0].id());
  world.ask("b.example", 1, 1232, 2);  // who asks now asks the living one
  EXPECT_EQ(world.recorder.asked[2].server, "192.0.2.54");
  world.dns->answer(world.recorder.asked[2].slot, world.answer(), world.now);
  EXPECT_EQ(world.reply().id, 2U);
}

TEST(NetDns, AtTheEndItSaysSo) {
  World world;
  world.ask("a.example");
  for (int i = 0; i < 5; ++i) world.now += 2000, world.dns->tick(world.now);
  EXPECT_EQ(world.recorder.asked.size(), 3U);
  ASSERT_EQ(world.replies(), 1U);
  EXPECT_EQ(world.reply().rcode(), 2U);
  EXPECT_EQ(world.recorder.finished.size(), 1U);
}

TEST(NetDns, ARefusingServerIsLeftAtOnce) {
  World world;
  world.ask("a.example");
  world.dns->upstream_failed(world.recorder.asked[0].slot, world.now);
  EXPECT_EQ(world.recorder.asked[1].server, "192.0.2.54");
  World other;
  other.recorder.unreachable = "192.0.2.53";
  other.ask("a.example");
  ASSERT_EQ(other.recorder.asked.size(), 2U);
  EXPECT_EQ(other.recorder.asked[1].server, "192.0.2.54");
  World none("+@internet", {at("192.0.2.53")});
  none.recorder.unreachable = "192.0.2.53";
  none.ask("a.example");
  EXPECT_EQ(none.reply().rcode(), 2U);
  EXPECT_EQ(none.recorder.finished.size(), 1U);
}

TEST(NetDns, AServerThatCannotIsFollowedByTheNext) {
  World world;
  world.ask("a.example");
  world.dns->answer(0, world.answer(0, 0x8182), world.now);
  EXPECT_EQ(world.recorder.asked[1].server, "192.0.2.54");
  world.dns->answer(0, world.answer(0, 0x8185), world.now);
  world.dns->answer(0, world.answer(0, 0x8185), world.now);
  EXPECT_EQ(world.reply().rcode(), 5U);
  World one("+@internet", {at("127.0.0.53")});
  one.ask("a.example");
  one.dns->answer(0, one.answer(0, 0x8182), one.now);
  EXPECT_EQ(one.reply().rcode(), 2U);
  EXPECT_EQ(one.recorder.asked.size(), 1U);
}

TEST(NetDns, AServerOfBeforeEdns) {
  World world("+@internet", {at("192.0.2.53")});
  world.ask("a.example");
  world.dns->answer(0, world.answer(0, 0x8181), world.now);
  ASSERT_EQ(world.recorder.asked.size(), 2U);
  EXPECT_EQ(Read(world.recorder.asked[1].message).extended_error(), -2);
  world.dns->answer(0, world.answer(), world.now);
  EXPECT_EQ(world.reply().answers().size(), 1U);
  EXPECT_EQ(world.reply().extended_error(), -1);  // the client's EDNS is between it and us
}

TEST(NetDns, ForeignAnswersAreWaitedOut) {
  World world;
  world.ask("a.example");
  Message forged = world.answer();
  forged[0] ^= 1;
  world.dns->answer(0, forged, world.now);
  world.dns->answer(0, {}, world.now);
  world.dns->answer(77, world.answer(), world.now);
  world.dns->answer(60000, world.answer(), world.now);
  EXPECT_EQ(world.replies(), 0U);
  world.dns->answer(0, world.answer(), world.now);
  EXPECT_EQ(world.replies(), 1U);
}

TEST(NetDns, LargeAnswersGoByTcp) {
  World world;
  world.ask("a.example", 1, 0);
  world.dns->answer(0, world.answer(40), world.now);  // 12 + 15 + 40 × 16 > 512
  EXPECT_TRUE(world.reply().truncated());
  EXPECT_TRUE(world.reply().answers().empty());
  world.ask("a.example", 1, 1232);
  world.dns->answer(0, world.answer(40), world.now);
  EXPECT_EQ(world.reply().answers().size(), 40U);
  world.ask("a.example", 1, 1232);
  world.dns->answer(0, world.answer(0, 0x8380), world.now);
  EXPECT_TRUE(world.reply().truncated());
  world.ask("a.example", 1, 65000);
  world.dns->answer(0, world.answer(100), world.now);  // would not fit a frame
  EXPECT_TRUE(world.reply().truncated());
}

TEST(NetDns, AClientByTcp) {
  for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
    World world;
    world.send_stream(query(9, "a.example", 1), piece);
    ASSERT_EQ(world.recorder.asked.size(), 1U);
    EXPECT_EQ(world.recorder.asked[0].transport, Transport::udp);
    world.dns->answer(0, world.answer(0, 0x8380), world.now);  // too large for a datagram
    ASSERT_EQ(world.recorder.asked.size(), 2U);
    EXPECT_EQ(world.recorder.asked[1].transport, Transport::tcp);
    const Message whole = world.answer(3000);
    Message framed;
    put16(framed, static_cast<unsigned>(whole.size()));
    framed.insert(framed.end(), whole.begin(), whole.end());
    for (std::size_t from = 0; from < framed.size(); from += piece * 11)
      world.dns->answer(0, std::span<const std::uint8_t>(framed).subspan(from, std::min(piece * 11, framed.size() - from)), world.now);
    ASSERT_EQ(world.replies(), 1U);
    EXPECT_EQ(world.reply().answers().size(), 3000U);
    EXPECT_EQ(world.reply().id, 9U);
  }
}

TEST(NetDns, SeveralQuestionsInOneStream) {
  World world;
  Message both;
  for (const unsigned id : {1U, 2U}) {
    const Message one = query(id, id == 1 ? "a.example" : "box", 1);
    put16(both, static_cast<unsigned>(one.size()));
    both.insert(both.end(), one.begin(), one.end());
  }
  world.dns->stream_bytes(World::tcp(), both, world.now);
  EXPECT_EQ(world.recorder.asked.size(), 1U);
  EXPECT_EQ(world.reply().id, 2U);
  world.dns->stream_closed(1);  // nobody waits for the first any more
  EXPECT_EQ(world.recorder.finished.size(), 1U);
  world.dns->answer(0, world.answer(), world.now);
  EXPECT_EQ(world.replies(), 1U);
}

TEST(NetDns, AStreamThatEndsWithItsReply) {
  World world;
  world.recorder.breaks = world.dns.get();
  world.send_stream(query(1, "a.example", 1));
  world.dns->answer(0, world.answer(), world.now);
  EXPECT_EQ(world.replies(), 1U);
  EXPECT_EQ(world.recorder.finished.size(), 1U);
  EXPECT_EQ(world.dns->next_tick(), std::numeric_limits<net::Milliseconds>::max());
  Message both;
  for (const unsigned id : {1U, 2U}) {
    const Message one = query(id, id == 1 ? "box" : "a.example", 1);
    put16(both, static_cast<unsigned>(one.size()));
    both.insert(both.end(), one.begin(), one.end());
  }
  world.dns->stream_bytes(World::tcp(), both, world.now);  // nobody is left to be told of the second
  EXPECT_EQ(world.replies(), 2U);
  EXPECT_EQ(world.recorder.asked.size(), 1U);
}

TEST(NetDns, StreamsThatAreNoDns) {
  World world;
  const Message http{'G', 'E', 'T', ' ', '/'};
  world.dns->stream_bytes(World::tcp(), http, world.now);
  EXPECT_EQ(world.recorder.closed, std::vector<std::uint32_t>{1});
  for (std::uint32_t i = 0; i < net::Dns::streams + 1; ++i) world.dns->stream_bytes(World::tcp(100 + i), Message{0}, world.now);
  EXPECT_EQ(world.recorder.closed.size(), 2U);
  world.dns->stream_closed(100);
  world.dns->stream_bytes(World::tcp(200), Message{0}, world.now);
  EXPECT_EQ(world.recorder.closed.size(), 2U);
}

TEST(NetDns, LargeAnswersAreFew) {
  World world;
  for (std::uint32_t i = 0; i <= net::Dns::large_answers; ++i) {
    Message framed;
    const Message one = query(i, "a.example", 16);
    put16(framed, static_cast<unsigned>(one.size()));
    framed.insert(framed.end(), one.begin(), one.end());
    world.dns->stream_bytes(World::tcp(i), framed, world.now);
    world.dns->answer(world.recorder.asked.back().slot, world.answer(0, 0x8380), world.now);
  }
  ASSERT_EQ(world.replies(), 1U);
  EXPECT_EQ(world.reply().rcode(), 2U);
  world.dns->stream_closed(0);  // gives its room back
  world.send_stream(query(50, "b.example", 16));
  world.dns->answer(world.recorder.asked.back().slot, world.answer(0, 0x8380), world.now);
  EXPECT_EQ(world.recorder.asked.back().transport, Transport::tcp);
  EXPECT_EQ(world.replies(), 1U);
}

TEST(NetDns, AFullTableSaysSo) {
  World world;
  for (unsigned i = 0; i < net::Dns::slots; ++i) world.ask("a.example", 1, 1232, i);
  EXPECT_EQ(world.replies(), 0U);
  world.ask("a.example", 1, 1232, 1000);
  EXPECT_EQ(world.reply().rcode(), 2U);
  EXPECT_EQ(world.recorder.asked.size(), net::Dns::slots);
  world.dns->answer(5, {}, world.now);
}

TEST(NetDns, TheHostsResolversChange) {
  World world;
  world.ask("a.example");
  world.dns->set_resolvers(std::vector{at("2606:4700::1111")});
  world.now += 2000;
  world.dns->tick(world.now);
  EXPECT_EQ(world.recorder.asked[1].server, "2606:4700::1111");
  world.dns->set_resolvers({});
  world.now += 2000;
  world.dns->tick(world.now);
  EXPECT_EQ(world.reply().rcode(), 2U);
}

TEST(NetDns, ServersOfTheUsersChoiceStay) {
  World world;
  world.config.dns = {at("9.9.9.9")};
  net::Dns dns(world.config, world.host, *world.policy, world.recorder, world.recorder);
  dns.set_resolvers(std::vector{at("192.0.2.99")});
  dns.query(World::udp(), query(1, "a.example", 1), 0);
  EXPECT_EQ(world.recorder.asked.back().server, "9.9.9.9");
}

TEST(NetDns, RebindingIsLogged) {
  World world;
  world.ask("a.example");
  const Asked last = world.recorder.asked.back();
  Message answer = header(last.id(), 0x8180, 1, 1);
  question(answer, "a.example", 1);
  record(answer, pointer(12), 1, 60, std::string("\12\0\0\1", 4));
  world.dns->answer(0, answer, world.now);
  EXPECT_TRUE(world.reply().answers().empty());
  EXPECT_EQ(world.recorder.denials, std::vector<std::string>{"a.example 1 rebinding"});
}
