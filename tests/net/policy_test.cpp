// What an allow-list means: each way around it is tried, nothing may reach the wire, and each has its record. Every
// test has the same deed where it is allowed, so that it fails when the deed cannot succeed at all.
#include "world/net_test.h"

#include <cstring>
#include <netinet/in.h>
#include <nlohmann/json.hpp>

using namespace world;

namespace {

class PolicyTest : public NetTest {
 protected:
  void SetUp() override {
    SKIP_WITHOUT("curl");
    NetTest::SetUp();
    if (net != nullptr) servers = &serve_all();
  }
  static std::string bracketed(const std::string& address) { return contains(address, ":") ? "[" + address + "]" : address; }
  static std::string curl(const std::string& words) { return "curl -sS -m4 --cacert /ca.pem " + words; }
  Sandbox& start_with(const Words& options) { return start(options + Words{"--ro", (dir / "ca.pem") + ":/ca.pem"}); }
  static std::string denied_errno(int version) { return version == 4 ? "EHOSTUNREACH" : "EACCES"; }

  // TCP and UDP to there end at once, without a packet, with one record.
  void expect_denied(Sandbox& sandbox, Wire& wire, const std::string& address, int port) {
    const int version = contains(address, ":") ? 6 : 4;
    const Connected tcp = sandbox.connect(address, port, 3s);
    EXPECT_EQ(errno_name(tcp.error), denied_errno(version)) << address << " " << port;
    EXPECT_LT(tcp.took, 900ms) << address;  // less than a SYN sent again
    Socket udp = sandbox.datagrams(address, port);
    udp.send_all("x");
    EXPECT_TRUE(eventually([&] { return errno_name(udp.get(SOL_SOCKET, SO_ERROR)) == denied_errno(version); })) << "UDP " << address;
    EXPECT_EQ(wire.sent_to(address), 0U) << address << "\n" << wire.text();
  }

  Servers* servers = nullptr;
};

TEST_F(PolicyTest, AnAllowedNameWorksAndNothingElse) {
  Sandbox& sandbox = start_with({"--allow", "web.test:80", "--allow", "web.test:443"});
  Wire wire(*net);
  for (const int version : families) expect_denied(sandbox, wire, web.at(version), 80);  // nobody asked for the name yet
  for (const int version : families) {
    const std::string family = " -" + std::to_string(version);
    EXPECT_EQ(sandbox.run(curl("http://web.test/ -o /dev/null" + family)).status, 0) << "control";
    EXPECT_EQ(sandbox.run(curl("https://web.test/ -o /dev/null" + family)).status, 0) << "control";
    EXPECT_EQ(errno_name(sandbox.connect(web.at(version), 80).error), "ok") << "the address of an allowed name";
    expect_denied(sandbox, wire, other.at(version), 80);
    expect_denied(sandbox, wire, lan.at(version), 80);
    EXPECT_EQ(errno_name(sandbox.connect(web.at(version), 81, 1s).error), denied_errno(version)) << "another port";
  }
  EXPECT_NE(sandbox.run(curl("http://other.test/")).status, 0);
  EXPECT_NE(sandbox.run(curl("--resolve other.test:80:" + other.at(4) + " http://other.test/")).status, 0);
  EXPECT_NE(sandbox.run(curl("--noproxy '*' http://" + other.at(4) + "/")).status, 0);
  EXPECT_TRUE(servers->log("other.test").empty());
  for (const int version : families) {
    EXPECT_EQ(wire.sent_to(other.at(version)), 0U);
    const auto entries = sandbox.blocked(other.at(version), 80);
    ASSERT_EQ(entries.size(), 2U) << "one for each protocol" << sandbox.report().dump(1);
    EXPECT_EQ(entries[0].at("rule"), "default");
    EXPECT_NE(entries[0].at("protocol"), entries[1].at("protocol"));
    EXPECT_EQ(sandbox.blocked(web.at(version), 81).size(), 1U);
  }
  EXPECT_EQ(sandbox.blocked("other.test").size(), 1U);
}

TEST_F(PolicyTest, EncryptedNameServiceIsNoWayOut) {
  Sandbox& sandbox = start_with({"--allow", "web.test"});
  Wire wire(*net);
  for (const int version : families)
    for (const int port : {53, 443, 853}) expect_denied(sandbox, wire, resolver.at(version), port);
  Sandbox& open = start_with({"--allow", "*"});
  for (const int version : families) EXPECT_EQ(errno_name(open.connect(resolver.at(version), 53).error), "ok") << "control";
}

TEST_F(PolicyTest, SuffixesAndTheirBorders) {
  Sandbox& sandbox = start_with({"--allow", "*.web.test"});
  EXPECT_EQ(sandbox.run(curl("http://sub.web.test/")).status, 0) << "control";
  EXPECT_NE(sandbox.run(curl("http://other.test/")).status, 0);
  EXPECT_NE(sandbox.run(curl("http://shared.test/ --resolve shared.test:80:" + other.at(4))).status, 0);
}

TEST_F(PolicyTest, AddressesPortsAndProtocols) {
  Sandbox& sandbox = start_with({"--allow", "tcp://93.184.20.0/24:80", "--allow", "tcp://[2a00:1450:2::/64]:80", "--allow", "udp://" + web.at(4) + ":7000-7010",
                                 "--allow", "udp://[" + web.at(6) + "]:7000-7010"});
  Wire wire(*net);
  for (const int version : families) {
    EXPECT_EQ(errno_name(sandbox.connect(web.at(version), 80).error), "ok");
    EXPECT_EQ(errno_name(sandbox.connect(web.at(version), 443, 1s).error), denied_errno(version));
    Socket server = bind_at(net->beyond, web.at(version), 7010), outside = bind_at(net->beyond, web.at(version), 7011);
    sandbox.datagrams(web.at(version), 7010).send_all("in range");
    EXPECT_EQ(server.receive_from().value_or(""), "in range") << "control";
    sandbox.datagrams(web.at(version), 7011).send_all("out of range");
    EXPECT_FALSE(outside.receive_from(300ms));
    EXPECT_EQ(wire.sent_to(web.at(version), 7011), 0U);
    EXPECT_EQ(errno_name(sandbox.connect(web.at(version), 7010, 1s).error), denied_errno(version)) << "the other protocol";
  }
}

TEST_F(PolicyTest, DenyBeatsAllowAndTheCommandLineTheProfile) {
  const std::string profile = dir.write("mine.toml", "extends = [\"base\"]\n[network]\nmode = \"user\"\nallow = [\"*\"]\ndeny = [\"" + other.at(4) + "\", \"other.test\"]\n");
  Sandbox& both = start_with({"--allow", "*", "--deny", web.at(4)});
  EXPECT_EQ(errno_name(both.connect(web.at(4), 80, 1s).error), "EHOSTUNREACH");
  EXPECT_EQ(errno_name(both.connect(other.at(4), 80).error), "ok") << "control";
  const Outcome denied = host_run(harness::sbx_binary() + " -P " + profile + " -- curl -sS -m3 http://other.test/");
  EXPECT_NE(denied.status, 0) << denied.out;
  const Outcome allowed = host_run(harness::sbx_binary() + " -P " + profile + " --allow other.test -- curl -sS -4 -m3 http://other.test/");
  EXPECT_EQ(allowed.status, 0) << "the command line is asked first: " << allowed.err;
  const Outcome replaced = host_run(harness::sbx_binary() + " -P " + profile + " --allow other.test -- curl -sS -m3 http://web.test/");
  EXPECT_NE(replaced.status, 0) << "and replaces the profile's list";
}

TEST_F(PolicyTest, GroupsOfAddresses) {
  serve({"--http", lan.at(4) + ":80", "--http", "[" + lan.at(6) + "]:80", "--http", metadata.at(4) + ":80", "--http", "[" + metadata.at(6) + "]:80"});
  struct Case { Words options; bool internet, lan, metadata; };
  for (const Case& each : {Case{{"--allow", "@internet"}, true, false, false}, Case{{"--allow", "@lan"}, false, true, false},
                           Case{{"--allow", "*"}, true, true, false}, Case{{"--allow", "@metadata"}, false, false, true},
                           Case{{"--allow", "@internet", "--allow", "@lan"}, true, true, false}}) {
    Sandbox& sandbox = start_with(each.options);
    for (const int version : families) {
      const auto reaches = [&](const Place& place) { return sandbox.connect(place.at(version), 80, 2s).error == 0; };
      EXPECT_EQ(reaches(web), each.internet) << each.options[1] << version;
      EXPECT_EQ(reaches(lan), each.lan) << each.options[1] << version;
      EXPECT_EQ(reaches(metadata), each.metadata) << each.options[1] << version;
    }
  }
}

TEST_F(PolicyTest, ADeniedTargetOfAnAliasIsDenied) {
  Sandbox& sandbox = start_with({"--allow", "*.test", "--deny", "denied.test"});
  EXPECT_EQ(sandbox.run(curl("http://web.test/")).status, 0) << "control";
  const Outcome out = sandbox.run("dig +short +time=2 +tries=1 denied.test A");
  EXPECT_FALSE(contains(out.out, other.at(4))) << out.out;
}

// 403 in this policy: what is reachable by an allowed name is so on its ports only, and by no other transport.
TEST_F(PolicyTest, DatagramsFollowTheSamePins) {
  Sandbox& sandbox = start_with({"--allow", "web.test:443"});
  sandbox.run("getent ahosts web.test");
  for (const int version : families) {
    Socket quic = bind_at(net->beyond, web.at(version), 443), elsewhere = bind_at(net->beyond, other.at(version), 443);
    sandbox.datagrams(web.at(version), 443).send_all("initial");
    EXPECT_TRUE(quic.receive_from()) << "control";
    sandbox.datagrams(other.at(version), 443).send_all("initial");
    EXPECT_FALSE(elsewhere.receive_from(300ms));
  }
}

// Datagrams so large that they are fragments: the first tells the port, the rest must not pass without it.
TEST_F(PolicyTest, FragmentsFollowTheirFirst) {
  Sandbox& sandbox = start_with({"--allow", "udp://" + web.at(4) + ":7001", "--allow", "udp://[" + web.at(6) + "]:7001"});
  Wire wire(*net);
  for (const int version : families) {
    Socket allowed = bind_at(net->beyond, web.at(version), 7001);
    sandbox.datagrams(web.at(version), 7001).send_all(pattern(0, 5000));
    EXPECT_EQ(allowed.receive_from().value_or("").size(), 5000U) << "control";
    sandbox.datagrams(web.at(version), 7002).send_all(pattern(0, 5000));
    sandbox.datagrams(other.at(version), 7001).send_all(pattern(0, 5000));
    EXPECT_EQ(wire.sent_to(other.at(version)), 0U);
    EXPECT_EQ(wire.sent_to(web.at(version), 7002), 0U);
  }
}

TEST_F(PolicyTest, PlainHttpToAnAllowedPortKeepsToTheAddress) {
  Sandbox& sandbox = start_with({"--allow", "web.test"});
  EXPECT_EQ(sandbox.run(curl("http://web.test/")).status, 0) << "control";
  EXPECT_NE(sandbox.run(curl("http://other.test/ -H 'Host: web.test'")).status, 0);
  EXPECT_NE(sandbox.run(curl("http://" + other.at(4) + "/ -H 'Host: web.test'")).status, 0);
  EXPECT_NE(sandbox.run(curl("-k https://" + other.at(4) + "/ -H 'Host: web.test'")).status, 0);
  EXPECT_NE(sandbox.run(curl("-k https://web.test/ --connect-to web.test:443:" + other.at(4) + ":443")).status, 0);
  EXPECT_TRUE(servers->log("tcp " + other.at(4)).empty());
}

TEST_F(PolicyTest, ManyRefusalsAreOneRecordWithACount) {
  Sandbox& sandbox = start_with({"--allow", "web.test"});
  for (int i = 0; i < 50; ++i) sandbox.connect(other.at(4), 8080, 1s);
  const auto entries = sandbox.blocked(other.at(4), 8080);
  ASSERT_EQ(entries.size(), 1U) << sandbox.report().dump(1);
  EXPECT_EQ(entries[0].at("count"), 50);
}

TEST_F(PolicyTest, WithoutAnOptionNothingOfTheHostOrItsNeighboursIsAllowedByBase) {
  Sandbox& sandbox = start_with({});
  for (const int version : families)
    for (const Place& place : {metadata, host, host_second}) EXPECT_NE(sandbox.connect(place.at(version), 80, 1s).error, 0) << place.at(version);
}

}  // namespace
