// The host itself: its loopback, each of its addresses and its neighbours' metadata are out of reach unless named,
// and --host-port opens one port and no more.
#include "world/net_test.h"

#include <netinet/in.h>

using namespace world;

namespace {

constexpr int port = 5432;

class HostTest : public NetTest {
 protected:
  // Services on every address of the host.
  void SetUp() override {
    NetTest::SetUp();
    if (net == nullptr) return;
    for (const int version : families) listeners.push_back(listen_at(net->host, version == 4 ? "0.0.0.0" : "::", port));
    for (const int version : families) datagrams.push_back(bind_at(net->host, version == 4 ? "0.0.0.0" : "::", port));
  }
  bool somebody_came() {
    for (Socket& listener : listeners)
      if (listener.accept(50ms)) return true;
    for (Socket& socket : datagrams)
      if (socket.receive_from(50ms)) return true;
    return false;
  }
  // Every form in which the host could be meant.
  static Words addresses_of_host(Sandbox& sandbox) {
    Words all{"127.0.0.1", "127.0.0.53", "127.1.2.3", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:93.184.10.2", "64:ff9b::7f00:1",
              "64:ff9b::5db8:a02", "2002:7f00:1::1", "2002:5db8:a02::1", "::127.0.0.1", "10.0.2.2", "169.254.1.2", "169.254.1.1"};
    for (const int version : families) {
      for (const Place& place : {host, host_second}) all.push_back(place.at(version));
      all.push_back(sandbox.gateway(version));
    }
    return all;
  }
  static void try_all(Sandbox& sandbox, const Words& addresses) {
    for (const std::string& address : addresses) {
      const Connected tcp = sandbox.connect(address, port, 1s);
      EXPECT_NE(errno_name(tcp.error), "ok") << address;
      Socket udp = make_socket(sandbox.inside(), Address(address, port).family(), SOCK_DGRAM);
      udp.send_to("x", Address(address, port));
    }
  }

  std::vector<Socket> listeners, datagrams;
};

TEST_F(HostTest, NoFormOfItsAddressesIsReached) {
  for (const Words& options : {Words{}, Words{"--allow", "*"}, Words{"--allow", "@internet", "--allow", "@lan"}, Words{"--allow", "0.0.0.0/0", "--allow", "::/0"}}) {
    Sandbox& sandbox = start(options);
    try_all(sandbox, addresses_of_host(sandbox));
    EXPECT_FALSE(somebody_came());
  }
}

// Addresses of no interface that the host takes for its own all the same, as a router does those of its subnets.
TEST_F(HostTest, WhatItsRoutesKeepIsTheHost) {
  const Words routes{"93.184.10.77", "2a00:1450:1::77", "10.99.0.0/16", "fd99::/64"}, later{"10.98.0.0/16", "fd98::/64"};
  const auto route = [&](const std::string& verb, const Words& list) {
    for (const std::string& each : list) script_in(net->host, "ip route " + verb + " local " + each + " dev lo");
  };
  route("add", routes);
  Sandbox& sandbox = start({"--allow", "*"});
  try_all(sandbox, {"93.184.10.77", "2a00:1450:1::77", "10.99.1.2", "fd99::5"});
  EXPECT_FALSE(somebody_came());
  route("add", later);
  std::this_thread::sleep_for(3s);
  try_all(sandbox, {"10.98.1.2", "fd98::5"});
  EXPECT_FALSE(somebody_came());
  route("del", routes), route("del", later);
}

TEST_F(HostTest, ItIsReachedWhereItIsNamed) {
  Sandbox& sandbox = start({"--allow", "@host"});
  for (const int version : families) {
    EXPECT_EQ(errno_name(sandbox.connect(host.at(version), port).error), "ok");
    EXPECT_TRUE(somebody_came());
  }
  Sandbox& one = start({"--allow", host_second.at(4), "--allow", host_second.at(6)});
  for (const int version : families) {
    EXPECT_EQ(errno_name(one.connect(host_second.at(version), port).error), "ok");
    EXPECT_NE(errno_name(one.connect(host.at(version), port, 1s).error), "ok");
  }
}

TEST_F(HostTest, AnAddressThatComesLaterIsTheHostsToo) {
  Sandbox& sandbox = start({"--allow", "*"});
  script_in(net->host, "ip addr add 93.184.20.77/32 dev lo; ip addr add 2a00:1450:2::77/128 dev lo");
  std::this_thread::sleep_for(3s);
  try_all(sandbox, {"93.184.20.77", "2a00:1450:2::77"});
  EXPECT_FALSE(somebody_came());
  script_in(net->host, "ip addr del 93.184.20.77/32 dev lo; ip addr del 2a00:1450:2::77/128 dev lo");
}

TEST_F(HostTest, OnePortCanBeOpened) {
  listeners.clear();
  Socket only_v4 = listen_at(net->host, "127.0.0.1", port), beside = listen_at(net->host, "127.0.0.1", port + 1);
  Sandbox& sandbox = start({"--host-port", std::to_string(port)});
  const Outcome found = sandbox.run("getent ahosts host.sbx.internal");
  const std::string v4 = sandbox.run("getent ahostsv4 host.sbx.internal | head -1 | cut -d' ' -f1").out;
  ASSERT_GT(v4.size(), 6U) << found.out;
  const std::string at = v4.substr(0, v4.size() - 1);
  EXPECT_NE(at, sandbox.gateway(4)) << "never the gateway";
  Connected made = sandbox.connect(at, port);
  ASSERT_EQ(errno_name(made.error), "ok");
  auto accepted = only_v4.accept();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(made.socket.send_all("query"), 0);
  EXPECT_EQ(accepted->receive(5), "query");
  EXPECT_EQ(accepted->peer().host(), "127.0.0.1");
  EXPECT_NE(errno_name(sandbox.connect(at, port + 1, 1s).error), "ok");
  EXPECT_FALSE(beside.accept(100ms));
  Words others = addresses_of_host(sandbox);
  std::erase(others, at);
  try_all(sandbox, others);
  EXPECT_FALSE(only_v4.accept(100ms));
}

TEST_F(HostTest, AServiceOnLoopbackOfTheOtherFamilyIsFound) {
  listeners.clear();
  Socket only_v6 = listen_at(net->host, "::1", port);
  Sandbox& sandbox = start({"--host-port", std::to_string(port)});
  sandbox.run("curl -sS -m9 http://host.sbx.internal:" + std::to_string(port) + "/ >/dev/null 2>&1 &");
  EXPECT_TRUE(only_v6.accept(8s));
}

TEST_F(HostTest, AHostPortWithoutAServiceIsRefused) {
  listeners.clear();
  Sandbox& sandbox = start({"--host-port", std::to_string(port)});
  const Outcome out = sandbox.run("curl -sS -m5 http://host.sbx.internal:" + std::to_string(port) + "/");
  EXPECT_EQ(out.status, 7) << out.out;
  EXPECT_LT(out.elapsed, 2s);
}

TEST_F(HostTest, AbstractSocketsOfTheHostAreElsewhere) {
  Sandbox& sandbox = start({"--allow", "*"});
  EXPECT_NE(sandbox.inside().id(), net->host.id());
}

}  // namespace
