// What of an answer is given on: chains of aliases, rebinding, hints, types that were not asked for, and lies.
#include "dns_bytes.h"
#include "net/dns_answer.h"

#include <gtest/gtest.h>

#include <memory>

using namespace dns_bytes;
using net::Verdict;
using State = net::Answer::State;

namespace {

constexpr std::uint32_t never = 0;

// A policy of "+RULE -RULE …", and answers filtered by it.
struct World {
  explicit World(std::string_view rules, Verdict otherwise = Verdict::deny) {
    net::Config config;
    config.levels.emplace_back();
    for (const std::string& word : split(rules, ' '))
      if (!word.empty()) config.levels[0].push_back(*net::parse_rule(word[0] == '+' ? Verdict::allow : Verdict::deny, word.substr(1)));
    config.otherwise = otherwise;
    policy = std::make_unique<net::Policy>(config, net::HostNetwork{{*net::parse_address("203.0.114.9")}, {}, {}});
  }

  // What `answer` to the question becomes; id 7.
  Read filter(std::string_view asked, unsigned type, const Message& answer, unsigned payload = 1232, std::uint32_t flags = 0) {
    Message question_bytes = header(7, 0x0100, 1, 0, 0, 1);
    question(question_bytes, asked, type);
    opt(question_bytes, payload, flags);
    const auto parsed = net::parse_query(question_bytes);
    EXPECT_TRUE(parsed);
    net::MessageWriter out(place);
    result = net::filter_answer(*parsed, 7, answer, *policy, 0, out);
    if (result.state != State::written) return Read(header(0, 0, 0));
    const Read read(out.message());
    EXPECT_TRUE(read.whole);
    EXPECT_EQ(read.id, 7U);
    return read;
  }
  bool reaches(std::string_view address) const {
    return policy->decide(net::Protocol::tcp, *net::parse_address(address), 443, never).allowed();
  }
  std::string denied() const { return result.denied ? std::string(policy->text(*result.denied)) : ""; }

  std::unique_ptr<net::Policy> policy;
  net::Answer result;
  std::array<std::uint8_t, 8192> place;
};

std::string v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
}

std::string v6(std::string_view text) {
  const auto address = net::parse_address(text);
  return {address->bytes.begin(), address->bytes.end()};
}

Message answer_to(std::string_view asked, unsigned type, unsigned answers, unsigned authorities = 0, unsigned additionals = 0,
                  unsigned flags = 0x8180) {
  Message out = header(7, flags, 1, answers, authorities, additionals);
  question(out, asked, type);
  return out;
}

const std::string asked_name = pointer(12);

}  // namespace

TEST(NetDnsAnswer, AddressesArePinnedAndGiven) {
  World world("+github.com:443");
  Message answer = answer_to("GitHub.com", 1, 2);
  record(answer, asked_name, 1, 100000, v4(1, 2, 3, 4));
  record(answer, asked_name, 1, 10, v4(1, 2, 3, 5));
  EXPECT_FALSE(world.reaches("1.2.3.4"));
  const Read read = world.filter("gitHub.com", 1, answer);
  ASSERT_EQ(read.answers().size(), 2U);
  EXPECT_EQ(read.asked, "gitHub.com");  // as the client wrote it
  EXPECT_EQ(read.answers()[0].content, v4(1, 2, 3, 4));
  EXPECT_EQ(read.answers()[0].ttl, net::Pins::longest_ttl);
  EXPECT_EQ(read.answers()[1].ttl, 10U);
  EXPECT_TRUE(world.reaches("1.2.3.4"));
  EXPECT_TRUE(world.reaches("1.2.3.5"));
  EXPECT_EQ(read.extended_error(), -1);
}

TEST(NetDnsAnswer, IPv6IsTheSame) {
  World world("+github.com:443");
  Message answer = answer_to("github.com", 28, 2);
  record(answer, asked_name, 28, 60, v6("2606:50c0::1"));
  record(answer, asked_name, 28, 60, v6("fd00::1"));
  const Read read = world.filter("github.com", 28, answer);
  ASSERT_EQ(read.answers().size(), 1U);
  EXPECT_EQ(read.answers()[0].content, v6("2606:50c0::1"));
  EXPECT_TRUE(world.reaches("2606:50c0::1"));
  EXPECT_FALSE(world.reaches("fd00::1"));
  EXPECT_EQ(world.denied(), "rebinding");
}

TEST(NetDnsAnswer, AChainOfAliases) {
  World world("+www.example.com");
  Message answer = answer_to("www.example.com", 1, 12);
  record(answer, name("c9.cdn.net"), 1, 60, v4(1, 2, 3, 4));  // before the aliases that lead to it
  record(answer, asked_name, 5, 60, name("c0.cdn.net"));
  for (int i = 0; i < 9; ++i) record(answer, name("c" + std::to_string(i) + ".cdn.net"), 5, 60, name("c" + std::to_string(i + 1) + ".cdn.net"));
  record(answer, name("elsewhere.net"), 1, 60, v4(1, 2, 3, 9));
  const Read read = world.filter("www.example.com", 1, answer);
  EXPECT_EQ(read.answers().size(), 11U);
  EXPECT_EQ(read.answers()[1].content, "c0.cdn.net");
  EXPECT_TRUE(world.reaches("1.2.3.4"));
  EXPECT_FALSE(world.reaches("1.2.3.9"));
  EXPECT_EQ(world.policy->decide(net::Protocol::tcp, *net::parse_address("1.2.3.4"), 443, never).name, "www.example.com");
}

TEST(NetDnsAnswer, AddressesBesideTheChainAreNone) {
  World world("+*.example.com");
  Message answer = answer_to("a.example.com", 1, 3);
  record(answer, asked_name, 5, 60, name("b.example.com"));
  record(answer, asked_name, 1, 60, v4(1, 2, 3, 4));             // beside an alias
  record(answer, name("c.example.com"), 1, 60, v4(1, 2, 3, 5));  // of another name
  EXPECT_EQ(world.filter("a.example.com", 1, answer).answers().size(), 1U);
  EXPECT_FALSE(world.reaches("1.2.3.4"));
  EXPECT_FALSE(world.reaches("1.2.3.5"));
}

TEST(NetDnsAnswer, ADeniedAliasDeniesAll) {
  World world("+@internet -*.tracker.net");
  Message answer = answer_to("metrics.example.com", 1, 2);
  record(answer, asked_name, 5, 60, name("x.Tracker.net"));
  record(answer, name("x.tracker.net"), 1, 60, v4(1, 2, 3, 4));
  const Read read = world.filter("metrics.example.com", 1, answer);
  EXPECT_EQ(read.rcode(), 3U);
  EXPECT_TRUE(read.answers().empty());
  EXPECT_EQ(read.extended_error(), 15);
  EXPECT_EQ(world.denied(), "*.tracker.net");
  EXPECT_TRUE(world.policy->decide(net::Protocol::tcp, *net::parse_address("1.2.3.4"), 443, never).name.empty());
}

TEST(NetDnsAnswer, LoopsAndEndlessChainsFail) {
  World world("+@internet");
  Message loop = answer_to("a.example", 1, 2);
  record(loop, asked_name, 5, 60, name("b.example"));
  record(loop, name("b.example"), 5, 60, name("A.example"));
  world.filter("a.example", 1, loop);
  EXPECT_EQ(world.result.state, State::failed);
  Message chain = answer_to("c0.example", 1, 20);
  for (int i = 0; i < 20; ++i) record(chain, name("c" + std::to_string(i) + ".example"), 5, 60, name("c" + std::to_string(i + 1) + ".example"));
  world.filter("c0.example", 1, chain);
  EXPECT_EQ(world.result.state, State::failed);
}

TEST(NetDnsAnswer, RebindingIsTakenOut) {
  World world("+*.example.com +@internet");
  const std::vector<std::string> inside{v4(127, 0, 0, 1), v4(10, 0, 0, 8), v4(192, 168, 1, 1), v4(172, 16, 0, 1), v4(100, 64, 0, 1),
                                        v4(169, 254, 169, 254), v4(169, 254, 1, 1), v4(0, 0, 0, 0), v4(224, 0, 0, 1), v4(203, 0, 114, 9)};
  for (const std::string& address : inside) {
    Message answer = answer_to("a.example.com", 1, 2);
    record(answer, asked_name, 1, 60, address);
    record(answer, asked_name, 1, 60, v4(1, 2, 3, 4));
    const Read read = world.filter("a.example.com", 1, answer);
    ASSERT_EQ(read.answers().size(), 1U);
    EXPECT_EQ(read.answers()[0].content, v4(1, 2, 3, 4));
    EXPECT_EQ(world.denied(), "rebinding");
    EXPECT_EQ(read.extended_error(), 15);
  }
  for (const std::string_view address : {"::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
                                         "64:ff9b::203.0.114.9", "::ffff:203.0.114.9", "fd00:ec2::254", "2002:7f00:1::"}) {
    Message answer = answer_to("a.example.com", 28, 1);
    record(answer, asked_name, 28, 60, v6(address));
    const Read read = world.filter("a.example.com", 28, answer);
    EXPECT_TRUE(read.answers().empty()) << address;
    EXPECT_EQ(read.rcode(), 0U);  // the name exists, and may have an address of the other family
    EXPECT_EQ(world.denied(), "rebinding");
  }
}

TEST(NetDnsAnswer, OnlyWhatWasAskedFor) {
  World world("+a.example");
  Message answer = answer_to("a.example", 16, 4, 2, 2);
  record(answer, asked_name, 16, 60, "\5hello");
  record(answer, asked_name, 1, 60, v4(1, 2, 3, 4));
  record(answer, asked_name, 46, 60, "signature");
  record(answer, asked_name, 16, 60, "\4text", 3);  // of another class
  record(answer, name("example"), 2, 60, name("ns.example"));
  record(answer, name("example"), 6, 60, name("ns.example") + name("me.example") + std::string(20, '\1'));
  record(answer, name("ns.example"), 1, 60, v4(1, 2, 3, 5));
  opt(answer, 4096, 0, std::string("\0\10\0\4abcd", 8));
  const Read read = world.filter("a.example", 16, answer);
  ASSERT_EQ(read.answers().size(), 1U);
  EXPECT_EQ(read.answers()[0].content, "\5hello");
  ASSERT_EQ(read.records[1].size(), 1U);
  EXPECT_EQ(read.records[1][0].type, 6U);
  ASSERT_EQ(read.records[2].size(), 1U);
  EXPECT_EQ(read.records[2][0].content, "");
  EXPECT_FALSE(world.reaches("1.2.3.4"));
  EXPECT_EQ(world.filter("a.example", 16, answer, 1232, 0x8000).answers().size(), 2U);  // with the signature
}

TEST(NetDnsAnswer, NamesInsideRecordsAreWrittenOut) {
  World world("+*.example.com +example.com");
  Message answer = answer_to("example.com", 15, 1);
  record(answer, asked_name, 15, 60, std::string("\0\12", 2) + "\4mail" + pointer(12));
  const Read read = world.filter("example.com", 15, answer);
  ASSERT_EQ(read.answers().size(), 1U);
  const std::string content = read.answers()[0].content;
  EXPECT_EQ(content, std::string("\0\12", 2) + "\4mail" + pointer(12));
  Message service = answer_to("_sip._tcp.example.com", 33, 1);
  record(service, asked_name, 33, 60, std::string("\0\1\0\2\0\120", 6) + "\3sip" + pointer(12 + 10));
  const Read written = world.filter("_sip._tcp.example.com", 33, service);
  ASSERT_EQ(written.answers().size(), 1U);
  EXPECT_EQ(written.answers()[0].content, std::string("\0\1\0\2\0\120", 6) + name("sip.example.com"));
  Message soa = answer_to("none.example.com", 1, 0, 1, 0, 0x8183);
  record(soa, pointer(17), 6, 60, "\2ns" + pointer(17) + "\2me" + pointer(17) + std::string(20, '\7'));
  const Read negative = world.filter("none.example.com", 1, soa);
  EXPECT_EQ(negative.rcode(), 3U);
  ASSERT_EQ(negative.records[1].size(), 1U);
  EXPECT_EQ(negative.records[1][0].owner, "example.com");
  EXPECT_TRUE(negative.records[1][0].content.ends_with(std::string(20, '\7')));
}

TEST(NetDnsAnswer, RecordsThatLieAreLeftOut) {
  World world("+a.example");
  const auto count = [&](unsigned type, const std::string& content) {
    Message answer = answer_to("a.example", type, 1);
    record(answer, asked_name, type, 60, content);
    return world.filter("a.example", type, answer).answers().size();
  };
  EXPECT_EQ(count(1, "123"), 0U);
  EXPECT_EQ(count(1, "12345"), 0U);
  EXPECT_EQ(count(28, "1234"), 0U);
  EXPECT_EQ(count(15, "1"), 0U);
  EXPECT_EQ(count(15, std::string("\0\1", 2) + "\5ab"), 0U);
  EXPECT_EQ(count(15, std::string("\0\1", 2) + name("a") + "x"), 0U);
  EXPECT_EQ(count(33, "12345"), 0U);
  EXPECT_EQ(count(12, pointer(300)), 0U);
  EXPECT_EQ(count(12, name("b.example")), 1U);
}

TEST(NetDnsAnswer, ServiceBindingsWithoutEchAndHints) {
  World world("+a.example +b.example");
  const std::string one("\0\1", 2), root(1, '\0');
  const std::string alpn("\0\1\0\3\2h2", 7), hint4("\0\4\0\4\1\2\3\4", 8), ech("\0\5\0\3abc", 7), hint6 = std::string("\0\6\0\20", 4) + v6("2606::1");
  const auto filtered = [&](const std::string& content) {
    Message answer = answer_to("a.example", 65, 1);
    record(answer, asked_name, 65, 60, content);
    const Read read = world.filter("a.example", 65, answer);
    return read.answers().empty() ? std::string("-") : read.answers()[0].content;
  };
  EXPECT_EQ(filtered(one + root + alpn + hint4 + ech + hint6), one + root + alpn);
  EXPECT_EQ(filtered(one + name("b.example") + alpn), one + name("b.example") + alpn);
  EXPECT_EQ(filtered(one + name("c.example") + alpn), "-");                             // may not be asked
  EXPECT_EQ(filtered(std::string("\0\0", 2) + name("b.example")), std::string("\0\0", 2) + name("b.example"));
  EXPECT_EQ(filtered(one + root + std::string("\0\0\0\2\0\5", 6) + ech), "-");           // cannot do without
  EXPECT_EQ(filtered(one + root + std::string("\0\0\0\2\0\1", 6) + alpn), one + root + std::string("\0\0\0\2\0\1", 6) + alpn);
  EXPECT_EQ(filtered(one + root + alpn + alpn), "-");                                   // keys go up
  EXPECT_EQ(filtered(one + root + "abc"), "-");
  EXPECT_EQ(filtered(one + root + std::string("\0\1\0\11ab", 6)), "-");
  EXPECT_EQ(filtered(one + root + std::string("\0\0\0\3\0\1\0", 7)), "-");
  EXPECT_EQ(filtered("\1"), "-");
}

TEST(NetDnsAnswer, AnswersToAnotherQuestionAreForeign) {
  World world("+@internet");
  const auto state = [&](Message answer) { return world.filter("a.example", 1, answer), world.result.state; };
  EXPECT_EQ(state(answer_to("a.example", 1, 0)), State::written);
  EXPECT_EQ(state(answer_to("b.example", 1, 0)), State::foreign);
  EXPECT_EQ(state(answer_to("a.example", 28, 0)), State::foreign);
  EXPECT_EQ(state(answer_to("a.example", 1, 0, 0, 0, 0x0180)), State::foreign);  // a query
  Message id = answer_to("a.example", 1, 0);
  id[1] = 8;
  EXPECT_EQ(state(id), State::foreign);
  EXPECT_EQ(state(header(7, 0x8180, 0)), State::foreign);
  EXPECT_EQ(state({}), State::foreign);
  EXPECT_EQ(state(answer_to("a.example", 1, 0, 0, 0, 0x8380)), State::truncated);
  EXPECT_EQ(state(answer_to("a.example", 1, 0, 0, 0, 0x8182)), State::failed);
  EXPECT_EQ(state(answer_to("a.example", 1, 0, 0, 0, 0x8185)), State::failed);
  EXPECT_EQ(state(answer_to("a.example", 1, 3)), State::failed);  // fewer records than it says
}

TEST(NetDnsAnswer, ACutAnswerPinsNothing) {
  World world("+a.example");
  Message answer = answer_to("a.example", 1, 2);
  record(answer, asked_name, 1, 60, v4(1, 2, 3, 4));
  record(answer, asked_name, 1, 60, v4(1, 2, 3, 5));
  for (std::size_t size = 0; size < answer.size(); ++size) {
    world.filter("a.example", 1, Message(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_NE(world.result.state, State::written) << size;
  }
  EXPECT_FALSE(world.reaches("1.2.3.4"));
}
