// Names: the forwarder as programs use it, the host's resolvers as they change, and what may be asked at all.
#include "world/net_test.h"

#include <netinet/in.h>
#include <nlohmann/json.hpp>

using namespace world;

namespace {

class DnsTest : public NetTest {
 protected:
  void SetUp() override {
    SKIP_WITHOUT("dig");
    NetTest::SetUp();
    if (net == nullptr) return;
    servers = &serve({"--dns", resolver.at(4), "--dns", resolver.at(6), "--dns", resolver_second.at(4)});
  }
  static std::string dig(Sandbox& sandbox, const std::string& words) { return sandbox.run("dig +time=4 +tries=1 " + words).out; }
  // The queries that reached a resolver of the world about names with this text.
  std::vector<std::string> asked(const std::string& part) const {
    std::vector<std::string> found;
    for (const std::string& line : servers->log("dns "))
      if (contains(line, part)) found.push_back(line);
    return found;
  }

  Servers* servers = nullptr;
};

TEST_F(DnsTest, ProgramsAskTheGateway) {
  Sandbox& sandbox = start();
  const std::string resolv_conf = sandbox.run("cat /etc/resolv.conf").out;
  EXPECT_PRED2(contains, resolv_conf, "nameserver " + sandbox.gateway(4));
  EXPECT_FALSE(contains(resolv_conf, resolver.at(4))) << resolv_conf;
  EXPECT_PRED2(contains, sandbox.run("getent ahosts web.test").out, web.at(4));
  EXPECT_PRED2(contains, sandbox.run("getent ahosts web.test").out, web.at(6));
  EXPECT_PRED2(contains, sandbox.run("cat /etc/hosts").out, "localhost");
}

TEST_F(DnsTest, AnswersAreThoseOfTheResolver) {
  Sandbox& sandbox = start();
  for (const std::string& server : {std::string(), "@" + sandbox.gateway(4) + " ", "@" + sandbox.gateway(6) + " "})
    for (const char* transport : {"", "+tcp "}) {
      const std::string how = server + transport;
      EXPECT_EQ(dig(sandbox, how + "+short web.test A"), web.at(4) + "\n") << how;
      EXPECT_EQ(dig(sandbox, how + "+short web.test AAAA"), web.at(6) + "\n") << how;
      EXPECT_EQ(dig(sandbox, how + "+short -x " + web.at(4)), "web.test.\n") << how;
      EXPECT_PRED2(contains, dig(sandbox, how + "nothing.test A"), "status: NXDOMAIN") << how;
      EXPECT_PRED2(contains, dig(sandbox, how + "v4only.test AAAA"), "status: NOERROR, ") << how;
      EXPECT_PRED2(contains, dig(sandbox, how + "v4only.test AAAA"), "ANSWER: 0") << how;
      EXPECT_PRED2(contains, dig(sandbox, how + "+short chain0.test A"), "chain10.test.\n" + web.at(4) + "\n") << how;
    }
  EXPECT_PRED2(contains, dig(sandbox, "servfail.test A"), "status: SERVFAIL");
  EXPECT_PRED2(contains, dig(sandbox, "+short WeB.TeSt A"), web.at(4));
  EXPECT_PRED2(contains, dig(sandbox, "+short slow.test A"), web.at(4));
}

TEST_F(DnsTest, LargeAnswersComeWhole) {
  Sandbox& sandbox = start();
  EXPECT_PRED2(contains, dig(sandbox, "big.test TXT"), "ANSWER: 20");
  EXPECT_PRED2(contains, dig(sandbox, "+tcp big.test TXT"), "ANSWER: 20");
  EXPECT_PRED2(contains, dig(sandbox, "+ignore +bufsize=4096 big.test TXT"), "flags: qr tc");
  EXPECT_PRED2(contains, dig(sandbox, "+noedns +ignore many.test A"), "flags: qr");
  EXPECT_PRED2(contains, dig(sandbox, "+noedns many.test A"), "ANSWER: 20");
  EXPECT_PRED2(contains, dig(sandbox, "+bufsize=1232 many.test A"), "ANSWER: 20");
  EXPECT_PRED2(contains, dig(sandbox, "+short truncated.test A"), web.at(4)) << "upstream by TCP";
  EXPECT_FALSE(asked("tcp truncated.test").empty());
}

TEST_F(DnsTest, ADeadResolverIsPassedOver) {
  net->set_resolvers("nameserver " + blackhole.at(4) + "\nnameserver " + resolver.at(6) + "\n");
  Sandbox& sandbox = start();
  const Outcome first = sandbox.run("dig +time=9 +tries=1 +short web.test A");
  EXPECT_PRED2(contains, first.out, web.at(4));
  EXPECT_LT(first.elapsed, 3900ms);  // the next, after two seconds; not the one after it
  const Outcome second = sandbox.run("dig +time=5 +tries=1 +short other.test A");
  EXPECT_PRED2(contains, second.out, other.at(4));
  EXPECT_LT(second.elapsed, 3s);
}

TEST_F(DnsTest, ARefusingResolverIsPassedOverAtOnce) {
  net->set_resolvers("nameserver " + web.at(4) + "\nnameserver " + resolver.at(4) + "\n");  // nothing listens there
  Sandbox& sandbox = start();
  const Outcome out = sandbox.run("dig +time=5 +tries=1 +short web.test A");
  EXPECT_PRED2(contains, out.out, web.at(4));
  EXPECT_LT(out.elapsed, 3s);  // less than what a silent one is given
}

TEST_F(DnsTest, TheHostsResolversAreFollowed) {
  Sandbox& sandbox = start();
  EXPECT_PRED2(contains, dig(sandbox, "+short which.test TXT"), resolver.at(4));
  net->set_resolvers("nameserver " + resolver_second.at(4) + "\n");
  // No watcher hears of a file that is mounted there; who follows the host looks at all of it when anything changes.
  script_in(net->host, "ip addr add 93.184.20.78/32 dev lo; ip addr del 93.184.20.78/32 dev lo");
  EXPECT_TRUE(eventually([&] { return contains(dig(sandbox, "+short which.test TXT"), resolver_second.at(4)); }, 3s));
}

TEST_F(DnsTest, AResolverOnTheHostsLoopbackIsUsedAndNothingElseThere) {
  serve_on_host({"--dns", "127.0.0.53", "--http", "127.0.0.53:80"});
  net->set_resolvers("nameserver 127.0.0.53\noptions edns0 trust-ad\n");
  Sandbox& sandbox = start();
  EXPECT_PRED2(contains, dig(sandbox, "+short which.test TXT"), "127.0.0.53");
  EXPECT_NE(sandbox.run("curl -sS -m2 http://" + sandbox.gateway(4) + "/").status, 0);
}

TEST_F(DnsTest, TheCommandLineNamesAResolver) {
  Sandbox& sandbox = start({"--allow", "*", "--dns", resolver_second.at(4)});
  EXPECT_PRED2(contains, dig(sandbox, "+short which.test TXT"), resolver_second.at(4));
  EXPECT_TRUE(servers->log("dns " + resolver.at(4)).empty());
}

TEST_F(DnsTest, OwnNamesStayInside) {
  Sandbox& sandbox = start({"--allow", "*", "--host-port", "5432", "--hostname", "box"});
  EXPECT_EQ(dig(sandbox, "+short localhost A"), "127.0.0.1\n");
  EXPECT_EQ(dig(sandbox, "+short box A"), sandbox.address(4) + "\n");
  EXPECT_EQ(dig(sandbox, "+short box AAAA"), sandbox.address(6) + "\n");
  EXPECT_NE(dig(sandbox, "+short host.sbx.internal A"), "");
  EXPECT_PRED2(contains, dig(sandbox, "nothing.sbx.internal A"), "NXDOMAIN");
  EXPECT_TRUE(servers->log("dns ").empty()) << servers->log("dns ").front();
}

TEST_F(DnsTest, OnlyAllowedNamesLeaveTheHost) {
  Sandbox& sandbox = start({"--allow", "web.test:80", "--allow", "*.web.test"});
  EXPECT_EQ(dig(sandbox, "+short web.test A"), web.at(4) + "\n") << "control";
  EXPECT_EQ(dig(sandbox, "+short web.test. A"), web.at(4) + "\n");
  EXPECT_EQ(dig(sandbox, "+short WEB.tEST A"), web.at(4) + "\n");
  EXPECT_EQ(dig(sandbox, "+short sub.web.test AAAA"), web.at(6) + "\n");
  const std::string label(63, 'a');
  const Words denied{"other.test", "denied.test", "c2VjcmV0.denied.test", "web.test.denied.test", "notweb.test", "xn--wb-bja.test",
                     "'web\\000.test'", "'web.test\\000.denied.test'", "'web\\.test.denied.test'", "test", "com", "use-application-dns.net",
                     label + "." + label + "." + label + "." + std::string(57, 'a') + ".com"};
  const std::size_t before = servers->log("dns ").size();
  for (const std::string& name : denied)
    for (const char* type : {"A", "AAAA", "TXT", "TYPE65", "ANY", "MX", "NS"}) {
      const std::string out = dig(sandbox, name + " " + type);
      EXPECT_PRED2(contains, out, "status: ") << name;
      EXPECT_TRUE(contains(out, "NXDOMAIN") || contains(out, "REFUSED")) << name << " " << type << out;
    }
  EXPECT_NE(dig(sandbox, "+tcp denied.test A").find("NXDOMAIN"), std::string::npos);
  EXPECT_EQ(dig(sandbox, "+short -x 93.184.20.99").find("test"), std::string::npos);
  EXPECT_EQ(servers->log("dns ").size(), before) << servers->log("dns ").back();
  EXPECT_PRED2(contains, dig(sandbox, "denied.test A"), "EDE: 15");
  EXPECT_EQ(sandbox.blocked("denied.test").size(), 1U) << sandbox.report().dump(1);
  EXPECT_EQ(sandbox.blocked("c2vjcmv0.denied.test").size(), 1U) << sandbox.report().dump(1);
  EXPECT_TRUE(sandbox.blocked("web.test").empty());
}

TEST_F(DnsTest, AnotherResolverIsATargetLikeAnyOther) {
  const std::string line = "dig +tries=1 +short web.test A @";
  {
    Sandbox& sandbox = start({"--allow", "web.test"});
    Wire wire(*net);
    for (const int version : families)
      for (const char* transport : {"", " +tcp"}) {
        const Outcome out = sandbox.run(line + resolver.at(version) + " +time=1" + transport);
        EXPECT_FALSE(contains(out.out, web.at(4))) << out.out;
        EXPECT_EQ(wire.sent_to(resolver.at(version)), 0U) << wire.text();
      }
    EXPECT_FALSE(sandbox.blocked(resolver.at(4), 53).empty()) << sandbox.report().dump(1);
    EXPECT_FALSE(sandbox.blocked(resolver.at(6), 53).empty());
  }
  Sandbox& open = start();
  for (const int version : families) EXPECT_PRED2(contains, open.run(line + resolver.at(version) + " +time=5").out, web.at(4)) << "control";
}

// encrypted-client-hello keys and hints to other addresses would lead around the names.
TEST_F(DnsTest, ServiceRecordsGiveNoWayAround) {
  Sandbox& sandbox = start({"--allow", "web.test"});
  const std::string out = dig(sandbox, "web.test TYPE65");
  EXPECT_FALSE(contains(out, "ech=")) << out;
  EXPECT_EQ(errno_name(sandbox.connect(other.at(4), 80, 1s).error), "EHOSTUNREACH") << "the hint's address";
}

TEST_F(DnsTest, AnswersThatLeadInsideAreNotGiven) {
  Sandbox& sandbox = start({"--allow", "*.test"});
  EXPECT_EQ(dig(sandbox, "+short web.test A"), web.at(4) + "\n") << "control";
  for (const char* name : {"loopback", "any", "lan", "shared", "metadata", "host", "mapped", "nat64"})
    for (const char* type : {"A", "AAAA"}) {
      const std::string out = dig(sandbox, std::string("+short rebind-") + name + ".test " + type);
      EXPECT_EQ(out, "") << name << " " << type;
    }
  EXPECT_EQ(dig(sandbox, "+short lan.test A"), "");
  EXPECT_FALSE(sandbox.blocked("rebind-loopback.test").empty()) << sandbox.report().dump(1);
  Sandbox& named = start({"--allow", "*.test", "--allow", "10.0.0.0/8", "--allow", "fd12:3456::/32"});
  EXPECT_EQ(dig(named, "+short lan.test A"), lan.at(4) + "\n") << "control: a CIDR names it";
  EXPECT_EQ(dig(named, "+short lan.test AAAA"), lan.at(6) + "\n");
}

TEST_F(DnsTest, LoopsAndNonsenseEnd) {
  Sandbox& sandbox = start();
  EXPECT_LT(sandbox.run("dig +time=4 +tries=1 loop.test A").elapsed, 3s);
  for (const int version : families) {
    Socket raw = sandbox.datagrams(sandbox.gateway(version), 53);
    for (const std::string& nonsense : {std::string(1, 'x'), std::string(12, '\0'), std::string(500, '\xff'),
                                        std::string("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01", 18),
                                        std::string("\x12\x34\x01\x00\xff\xff\x00\x00\x00\x00\x00\x00\x03www", 16)})
      EXPECT_EQ(raw.send_all(nonsense), 0);
    Connected stream = sandbox.connect(sandbox.gateway(version), 53);
    EXPECT_EQ(errno_name(stream.error), "ok");
    stream.socket.send_all(std::string("\xff\xff", 2) + std::string(2000, 'x'));
  }
  EXPECT_EQ(dig(sandbox, "+short web.test A"), web.at(4) + "\n");
}

TEST_F(DnsTest, ManyQuestionsAtOnce) {
  Sandbox& sandbox = start();
  const Outcome out = sandbox.run("for i in $(seq 60); do dig +time=5 +tries=2 +short web.test A & done; wait");
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = out.out.find(web.at(4), at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 60U);
}

}  // namespace
