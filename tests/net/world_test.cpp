// The tests' internet by itself, seen from its host without sbx: every other test of this kind stands on this.
#include "world/net_test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

using namespace world;

namespace {

class WorldTest : public NetTest {};

TEST_F(WorldTest, TheHostReachesTheWebByName) {
  SKIP_WITHOUT("curl");
  const Servers& servers = serve_all();
  for (const int version : families) {
    const Outcome plain = host_run("curl -sS -" + std::to_string(version) + " http://web.test/");
    EXPECT_EQ(plain.status, 0) << plain.err;
    EXPECT_PRED2(contains, plain.out, "for web.test");
    const Outcome tls = host_run("curl -sS --cacert ca.pem -" + std::to_string(version) + " https://web.test/");
    EXPECT_EQ(tls.status, 0) << tls.err;
  }
  EXPECT_EQ(servers.log("sni web.test").size(), 2U);
  EXPECT_EQ(servers.log("dns 93.184.20.53 udp web.test A").size() >= 2, true);
  EXPECT_EQ(servers.log("http 93.184.20.10:80 GET / web.test 93.184.10.2").size(), 1U);
  EXPECT_EQ(servers.log("http [2a00:1450:2::10]:80 GET / web.test 2a00:1450:1::2").size(), 1U);
}

TEST_F(WorldTest, TheResolverAnswersAsItsZoneSays) {
  SKIP_WITHOUT("dig");
  serve_all();
  const auto dig = [&](const std::string& words) { return host_run("dig +time=2 +tries=1 " + words).out; };
  EXPECT_EQ(dig("+short web.test A"), "93.184.20.10\n");
  EXPECT_EQ(dig("+short web.test AAAA"), "2a00:1450:2::10\n");
  EXPECT_EQ(dig("+short +tcp @2a00:1450:2::53 web.test A"), "93.184.20.10\n");
  EXPECT_PRED2(contains, dig("nothing.test A"), "status: NXDOMAIN");
  EXPECT_PRED2(contains, dig("servfail.test A"), "status: SERVFAIL");
  EXPECT_PRED2(contains, dig("v4only.test AAAA"), "status: NOERROR");
  EXPECT_PRED2(contains, dig("+ignore big.test TXT"), "flags: qr tc");
  EXPECT_PRED2(contains, dig("big.test TXT"), "ANSWER: 20");
  EXPECT_PRED2(contains, dig("+short chain0.test A"), "chain10.test.\n93.184.20.10\n");
  EXPECT_PRED2(contains, dig("web.test TYPE65"), "ech=");
  EXPECT_EQ(dig("+short -x 93.184.20.10"), "web.test.\n");
}

TEST_F(WorldTest, TargetsFailAsTheyShould) {
  for (const int version : families) {
    const Connected refused = connect_from(net->host, web.at(version), 81);
    EXPECT_EQ(errno_name(refused.error), "ECONNREFUSED");
    EXPECT_LT(refused.took, 900ms);  // less than a SYN sent again
    EXPECT_EQ(errno_name(connect_from(net->host, unreachable.at(version), 80).error), "EHOSTUNREACH");
    EXPECT_EQ(errno_name(connect_from(net->host, prohibited.at(version), 80).error), version == 4 ? "EHOSTUNREACH" : "EACCES");
    EXPECT_EQ(errno_name(connect_from(net->host, blackhole.at(version), 80, 300ms).error), "ETIME");
  }
}

TEST_F(WorldTest, BytesArriveAndThePatternBites) {
  for (const int version : families) {
    const Socket listener = listen_at(net->beyond, web.at(version), 7001);
    Connected client = connect_from(net->host, web.at(version), 7001);
    ASSERT_EQ(client.error, 0);
    Address from;
    auto server = Socket(::dup(listener.fd())).accept(2s, &from);
    ASSERT_TRUE(server);
    EXPECT_EQ(from.host(), world::host.at(version));
    EXPECT_EQ(client.socket.send_pattern(100'000), 0);
    EXPECT_EQ(client.socket.send_all("!"), 0);
    const auto received = server->receive_pattern(100'000);
    EXPECT_EQ(received.bytes, 100'000U);
    EXPECT_TRUE(received.intact);
    EXPECT_FALSE(server->receive_pattern(1, 1s, 100'000).intact) << "control: another byte is seen";
    server->reset();
    EXPECT_EQ(errno_name(client.socket.wait_error()), "ECONNRESET");
  }
}

TEST_F(WorldTest, EveryPlaceIsReached) {
  for (const int version : families)
    for (const Place& place : {web, other, resolver, lan, metadata}) {
      Wire wire(*net);
      const Socket listener = listen_at(net->beyond, place.at(version), 7001);
      EXPECT_EQ(errno_name(connect_from(net->host, place.at(version), 7001, 2s).error), "ok") << place.at(version) << "\n" << wire.text();
    }
}

TEST_F(WorldTest, TheWireSeesWhatTheHostSends) {
  for (const int version : families) {
    Wire wire(*net);
    const Socket server = bind_at(net->beyond, web.at(version), 7002);
    Socket client = datagrams_to(net->host, web.at(version), 7002);
    EXPECT_EQ(wire.sent_to(web.at(version), 7002), 0U);
    EXPECT_EQ(client.send_all("x"), 0);
    EXPECT_EQ(wire.sent_to(web.at(version), 7002), 1U) << wire.text();
    EXPECT_EQ(wire.sent_to(other.at(version)), 0U);
  }
}

TEST_F(WorldTest, SbxRunsHereWithoutANetwork) {
  const Outcome outcome = run_sbx({"--profile", "base", "--net", "none", "--", "sh", "-c", "cat /proc/net/dev | wc -l; grep CapEff /proc/self/status"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "3\nCapEff:\t0000000000000000\n");
}

}  // namespace
