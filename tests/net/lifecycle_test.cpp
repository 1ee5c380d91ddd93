// The engine's life: with the sandbox, never longer, and never silently shorter; and its books.
#include "world/net_test.h"

#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <thread>

using namespace world;

namespace {

class LifecycleTest : public NetTest {
 protected:
  // A flow of so many bytes each way.
  void exchange(Sandbox& sandbox, int version, std::uint64_t up, std::uint64_t down) {
    Socket listener = listen_at(net->beyond, web.at(version), 7001);
    Connected made = sandbox.connect(web.at(version), 7001);
    ASSERT_EQ(errno_name(made.error), "ok");
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted);
    std::jthread sending([&] {
      EXPECT_EQ(made.socket.send_pattern(up), 0);
      EXPECT_EQ(::shutdown(made.socket.fd(), SHUT_WR), 0);
    });
    EXPECT_EQ(accepted->receive_pattern(up + 1).bytes, up);
    sending.join();
    std::jthread answering([&] {
      EXPECT_EQ(accepted->send_pattern(down), 0);
      accepted->close();
    });
    EXPECT_EQ(made.socket.receive_pattern(down + 1).bytes, down);
    answering.join();
  }
};

TEST_F(LifecycleTest, AnEngineThatIsKilledEndsTheSandbox) {
  for (const int signal : {SIGKILL, SIGSEGV, SIGSYS}) {
    Sandbox& sandbox = start({"--allow", "*", "--kill-after", "1s"});
    ASSERT_TRUE(sandbox.engine());
    ASSERT_EQ(::kill(sandbox.engine(), signal), 0);
    EXPECT_TRUE(eventually([&] { return harness::children_of(sandbox.launcher()).empty(); }, 8s));
    const Outcome out = sandbox.finish();
    EXPECT_EQ(out.status, 125) << signal << out.err;
    EXPECT_PRED2(contains, out.err, "engine");
    EXPECT_EQ(sandbox.report()["exit"]["reason"], "engine") << sandbox.report().dump(1);
    const char* name = ::sigabbrev_np(signal);
    EXPECT_PRED2(contains, out.err, name);
  }
}

TEST_F(LifecycleTest, ALauncherThatIsKilledLeavesNothing) {
  Sandbox& sandbox = start({"--allow", "*", "-p", "8080:8000"});
  const pid_t engine = sandbox.engine();
  ASSERT_TRUE(engine);
  exchange(sandbox, 4, 1000, 1000);
  sandbox.kill(SIGKILL);
  EXPECT_TRUE(eventually([&] { return namespace_id(engine) == 0; }, 5s));
  sandbox.finish();
  const auto published = [this] { return errno_name(connect_from(net->host, "127.0.0.1", 8080).error); };
  EXPECT_TRUE(eventually([&] { return published() == "ECONNREFUSED"; })) << published();  // its sockets go after its namespaces
}

TEST_F(LifecycleTest, OpenFlowsEndWithTheSandbox) {
  for (const int version : families) {
    Sandbox& sandbox = start();
    Socket listener = listen_at(net->beyond, web.at(version), 7001);
    Connected made = sandbox.connect(web.at(version), 7001);
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted);
    sandbox.finish();
    const auto got = accepted->receive_pattern(1, 3s);
    EXPECT_TRUE(got.ended || got.error == ECONNRESET) << errno_name(got.error);
  }
}

TEST_F(LifecycleTest, ThePayloadsStatusIsTheSandboxs) {
  const In in(net->host);
  const Outcome out = run_sbx({"--profile", "base", "--net", "user", "--", "sh", "-c", "exit 7"});
  EXPECT_EQ(out.status, 7) << out.err;
  EXPECT_EQ(out.err, "");
}

TEST_F(LifecycleTest, TheTapMayGoDownAndUp) {
  Sandbox& sandbox = start();
  for (const int version : families) {
    Socket listener = listen_at(net->beyond, web.at(version), 7002);
    Connected made = sandbox.connect(web.at(version), 7002);
    auto accepted = listener.accept();
    ASSERT_TRUE(accepted);
    const std::string tap = sandbox.tap();
    const Outcome saved = run_in(sandbox.inside(), {.argv = {"ip", "-6", "route", "show", "default"}});
    const Outcome saved4 = run_in(sandbox.inside(), {.argv = {"ip", "-4", "route", "show", "default"}});
    script_in(sandbox.inside(), "echo 1 > /proc/sys/net/ipv6/conf/" + tap + "/keep_addr_on_down; ip link set " + tap + " down");
    accepted->send_all("meanwhile");
    std::this_thread::sleep_for(500ms);
    ASSERT_TRUE(sandbox.engine()) << "down is no reason to end";
    script_in(sandbox.inside(), "ip link set " + tap + " up; ip -4 route replace " + saved4.out.substr(0, saved4.out.find('\n')) +
              (saved.out.empty() ? "" : "; ip -6 route replace " + saved.out.substr(0, saved.out.find(" metric"))) + "; ip neigh show > /dev/null");
    const Outcome neighbours = run_in(sandbox.inside(), {.argv = {"ip", "neigh", "show"}});
    EXPECT_EQ(made.socket.receive(9, 10s), "meanwhile") << "IPv" << version << neighbours.out;
    exchange(sandbox, version, 10'000, 10'000);
  }
}

TEST_F(LifecycleTest, TheBooksAreEqualToTheByte) {
  Sandbox& sandbox = start({"--allow", "*"});
  std::uint64_t up = 0, down = 0, flows = 0;
  for (const int version : families) {
    exchange(sandbox, version, 1'234'567, 7'654'321);
    up += 1'234'567, down += 7'654'321, ++flows;
    Socket server = bind_at(net->beyond, web.at(version), 7001), client = sandbox.datagrams(web.at(version), 7001);
    Address from;
    for (const std::size_t size : {0UL, 100UL, 3000UL}) {
      ASSERT_EQ(::send(client.fd(), pattern(0, size).data(), size, 0), static_cast<ssize_t>(size));
      ASSERT_TRUE(server.receive_from(2s, &from));
      ASSERT_EQ(server.send_to(pattern(0, size / 2), from), 0);
      ASSERT_TRUE(client.receive_from());
      up += size, down += size / 2;
    }
    ++flows;
  }
  const auto network = sandbox.report().at("network");
  EXPECT_EQ(network.at("tx_bytes"), up) << network.dump(1);
  EXPECT_EQ(network.at("rx_bytes"), down);
  EXPECT_EQ(network.at("flows"), flows);
  EXPECT_EQ(network.at("mode"), "user");
}

TEST_F(LifecycleTest, StatisticsAreSaidInWords) {
  const In in(net->host);
  const Outcome out = run_sbx({"--profile", "base", "--net", "user", "--allow", "web.test", "--stats", "--", "curl", "-sS", "-m2", "http://" + other.at(4) + "/"});
  EXPECT_NE(out.status, 0);
  EXPECT_PRED2(contains, out.err, other.at(4)) << "what was refused is told";
}

TEST_F(LifecycleTest, ACaptureOpensInTshark) {
  SKIP_WITHOUT("tshark");
  Sandbox& sandbox = start({"--allow", "*", "--deny", other.at(4), "--pcap", dir / "all.pcapng"});
  exchange(sandbox, 4, 50'000, 50'000), exchange(sandbox, 6, 50'000, 50'000);
  sandbox.connect(other.at(4), 80, 1s);
  sandbox.finish();
  const Outcome read = harness::run({.argv = {"tshark", "-n", "-r", dir / "all.pcapng", "-d", "tcp.port==7001,data", "-T", "fields", "-e", "ip.dst", "-e", "ipv6.dst", "-e", "tcp.dstport", "-e", "tcp.len"}, .timeout = 60s});
  EXPECT_EQ(read.status, 0) << read.err;
  for (const std::string& target : {web.at(4), web.at(6), other.at(4)}) EXPECT_PRED2(contains, read.out, target);
  const Outcome malformed = harness::run({.argv = {"tshark", "-n", "-r", dir / "all.pcapng", "-d", "tcp.port==7001,data", "-Y", "_ws.malformed"}, .timeout = 60s});
  EXPECT_EQ(malformed.out, "");
}

TEST_F(LifecycleTest, TwoSandboxesDoNotSeeEachOther) {
  Sandbox &one = start(), &two = start();
  exchange(one, 4, 1000, 1000), exchange(two, 4, 1000, 1000);
  for (const int version : families) {
    Socket service = two.listen(version == 4 ? "0.0.0.0" : "::", 7005);
    EXPECT_NE(errno_name(one.connect(two.address(version), 7005, 500ms).error), "ok");
    EXPECT_FALSE(service.accept(50ms));
  }
}

}  // namespace
