// The modes of the network, from inside: what is reachable, what is not, and which files say so.
#include "harness/surroundings.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace harness;

namespace {

// A listener of the host's that accepts nothing: connecting to it succeeds.
struct Listener {
  int fd = -1;
  explicit Listener(int descriptor) : fd(descriptor) {}
  ~Listener() { ::close(fd); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  static int tcp(std::uint16_t& port) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(made, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(made, 8), 0);
    EXPECT_EQ(::getsockname(made, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    return made;
  }

  static int abstract(const std::string& name) {
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(::bind(made, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(made, 8), 0);
    return made;
  }
};

class NetworkTest : public SystemTest {
 protected:
  Outcome shell(Words options, const std::string& script) {
    options.insert(options.end(), {"--", "bash", "-c", script});
    return run_sbx(std::move(options));
  }
  static std::string connect_line(std::uint16_t port) {
    return "(exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(port) + ") 2>&1 && echo connected";
  }
};

TEST_F(NetworkTest, NoneReachesNoLoopbackOfTheHost) {
  std::uint16_t port = 0;
  const Listener listener(Listener::tcp(port));
  const Outcome outcome = shell({}, connect_line(port));
  EXPECT_PRED2(contains, outcome.out, "Connection refused");
  EXPECT_NE(outcome.status, 0);
}

// What a build's own tests need: a server and its client in one sandbox.
TEST_F(NetworkTest, NoneHasALoopbackOfItsOwn) {
  const Outcome outcome = shell({"--net", "none"}, "for a in 127.0.0.1 ::1; do (exec 3<>/dev/tcp/$a/9) 2>&1; done");
  for (const char* address : {"127.0.0.1", "::1"}) EXPECT_PRED2(contains, outcome.out, std::string(address) + "/9: Connection refused");
}

TEST_F(NetworkTest, HostIsTheHostsNamespaceWithItsLoopback) {
  SKIP_IF(no_net_host());
  std::uint16_t port = 0;
  const Listener listener(Listener::tcp(port));
  const Outcome outcome = shell({"--net", "host"}, connect_line(port) + "; ls /sys/class/net; ls -A /sys/fs; touch /sys/x 2>/dev/null || echo held");
  const Outcome outside = run({.argv = {"ls", "/sys/class/net"}});
  EXPECT_EQ(outcome.out, "connected\n" + outside.out + "held\n") << outcome.err;
  const Outcome probe = run_sbx(with_probe({"--net", "host"}, {"namespaces"}));
  EXPECT_EQ(value_of(probe, "ns_net"), value_of(run({.argv = {payload("probe"), "namespaces"}}), "ns_net"));
}

TEST_F(NetworkTest, HostKeepsTheHostsNameFiles) {
  SKIP_IF(no_net_host());
  const Outcome outcome = shell({"--net", "host"}, "cat /etc/resolv.conf /etc/hosts");
  EXPECT_EQ(outcome.out, read_file("/etc/resolv.conf") + read_file("/etc/hosts")) << outcome.err;
}

TEST_F(NetworkTest, HostKeepsAbstractSocketsAway) {
  SKIP_IF(no_net_host());
  if (!has_program("python3")) GTEST_SKIP() << "there is no python3";
  const std::string name = "sbx-test-" + std::to_string(::getpid());
  const Listener listener(Listener::abstract(name));
  const std::string connect = "import socket; socket.socket(socket.AF_UNIX).connect('\\0" + name + "'); print('connected')";
  EXPECT_EQ(run({.argv = {"python3", "-c", connect}}).out, "connected\n");
  const Outcome kept = run_sbx({"--net", "host", "--", "python3", "-c", connect});
  EXPECT_PRED2(contains, kept.err, "Operation not permitted");
  // A socket of its own is its own.
  const Outcome own = run_sbx({"--net", "host", "--", "python3", "-c",
                               "import socket; a = socket.socket(socket.AF_UNIX); a.bind('\\0" + name + "-own'); a.listen(1); "
                               "socket.socket(socket.AF_UNIX).connect('\\0" + name + "-own'); print('own')"});
  EXPECT_EQ(own.out, "own\n") << own.err;
  const Outcome refused = run_sbx({"--net", "host", "--landlock", "off", "--", "true"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_PRED2(contains, refused.err, "abstract sockets");
  const Outcome degraded = run_sbx({"--net", "host", "--landlock", "off", "--allow-degraded", "abstract-sockets",
                                    "--report", dir / "report.json", "--", "python3", "-c", connect});
  EXPECT_EQ(degraded.out, "connected\n") << degraded.err;
  const auto json = nlohmann::json::parse(read_file(dir / "report.json"));
  EXPECT_EQ(json["degraded"], nlohmann::json::array({"abstract-sockets"}));
  EXPECT_EQ(json["active"]["network"], "host");
  EXPECT_EQ(json["network"]["mode"], "host");
}

// A network of its own.

class UserNetworkTest : public NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun is closed to this account";
  }
  static std::vector<pid_t> engines(pid_t launcher) {
    std::vector<pid_t> out;
    for (const pid_t pid : children_of(launcher))
      if (read_file("/proc/" + std::to_string(pid) + "/comm") == "sbx:network\n") out.push_back(pid);
    return out;
  }
  nlohmann::json report() const { return nlohmann::json::parse(read_file(dir / "report.json")); }
};

TEST_F(UserNetworkTest, AddressesRoutesAndNamesAreThereAtOnce) {
  const Outcome outcome = shell({"--net", "user"}, "cat /sys/class/net/eth0/tx_queue_len; ls /sys/class/net; cat /etc/resolv.conf; "
                                "cut -f2,3 /proc/net/route | sed 1d; grep -c eth0 /proc/net/if_inet6; id -g; cat /proc/sys/net/ipv4/ping_group_range");
  EXPECT_PRED2(contains, outcome.out, "4096\neth0\nlo\nnameserver 10.");
  EXPECT_PRED2(contains, outcome.out, "00000000\t");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST_F(UserNetworkTest, TheHostIsClosedUnlessAPortOfItIsNamed) {
  std::uint16_t port = 0;
  const Listener listener(Listener::tcp(port));
  const std::string number = std::to_string(port);
  const std::string connect = "(exec 3<>/dev/tcp/host.sbx.internal/" + number + ") 2>/dev/null && echo connected || echo refused";
  EXPECT_EQ(shell({"--net", "user", "--host-port", number}, connect).out, "connected\n");
  EXPECT_EQ(shell({"--net", "user"}, connect).out, "refused\n");
}

TEST_F(UserNetworkTest, WhatIsDeniedIsSaidOnceAndReported) {
  const std::string twice = "for i in 1 2; do (exec 3<>/dev/tcp/169.254.169.254/80) 2>/dev/null || echo refused; done";
  const Outcome outcome = shell({"--net", "user", "--report", dir / "report.json"}, twice);
  EXPECT_EQ(outcome.out, "refused\nrefused\n");
  EXPECT_EQ(outcome.err, "sbx: network: tcp to 169.254.169.254 port 80 is denied: by metadata\n");
  const auto json = report()["network"];
  ASSERT_EQ(json["blocked"].size(), 1u) << json.dump();
  EXPECT_EQ(json["blocked"][0], (nlohmann::json{{"address", "169.254.169.254"}, {"port", 80}, {"protocol", "tcp"}, {"rule", "metadata"}, {"count", 2}}));
  EXPECT_EQ(json["denied"], 2);
  EXPECT_EQ(shell({"--net", "user", "-q"}, twice).err, "");
}

TEST_F(UserNetworkTest, OnATerminalItIsSaidAfterwards) {
  Command command = sbx({"--net", "user", "--", "bash", "-c", "(exec 3<>/dev/tcp/169.254.169.254/80) 2>/dev/null; sleep 0.2; echo last"});
  command.terminal = true;
  const Outcome outcome = run(command);
  EXPECT_LT(outcome.out.find("last"), outcome.out.find("is denied")) << outcome.out;
  EXPECT_PRED2(contains, outcome.out, "is denied: by metadata");
}

TEST_F(UserNetworkTest, TheReportCounts) {
  std::uint16_t port = 0;
  const Listener listener(Listener::tcp(port));
  const Outcome outcome = shell({"--net", "user", "--host-port", std::to_string(port), "--stats", "--report", dir / "report.json"},
                                "exec 3<>/dev/tcp/host.sbx.internal/" + std::to_string(port) + "; printf 12345 >&3");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto json = report();
  EXPECT_EQ(json["active"]["network"], "user");
  EXPECT_EQ(json["network"]["mode"], "user");
  EXPECT_EQ(json["network"]["flows"], 1) << json["network"].dump();
  EXPECT_EQ(json["network"]["tx_bytes"], 5) << json["network"].dump();
  EXPECT_PRED2(contains, outcome.err, "sbx: network 5 sent, 0 received, 1 flows, 0 denied");
}

TEST_F(UserNetworkTest, RulesNeedTheEngine) {
  for (const Words& options : {Words{"--allow", "github.com"}, {"--net", "host", "--deny", "@lan"}, {"-p", "8080:80"}}) {
    Words words = options;
    words.insert(words.end(), {"--", "true"});
    const Outcome outcome = run_sbx(words);
    EXPECT_EQ(outcome.status, 125);
    EXPECT_PRED2(contains, outcome.err, "hint: add --net user");
  }
}

TEST_F(UserNetworkTest, APortInUseIsNamedBeforeAnythingRuns) {
  std::uint16_t port = 0;
  const Listener listener(Listener::tcp(port));
  const Outcome outcome = shell({"--net", "user", "-p", "127.0.0.1:" + std::to_string(port) + ":80", "--report", dir / "report.json"}, "echo ran");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_EQ(outcome.out, "");
  EXPECT_PRED2(contains, outcome.err, std::to_string(port));
  EXPECT_EQ(report()["exit"]["reason"], "setup");
}

TEST_F(UserNetworkTest, WithoutATapTheLaunchIsRefusedWithTheWayOut) {
  const Outcome outcome = run_sbx({"--nested-userns", "--tmpfs", "/dev/net", "--ro", sbx_binary() + ":/tmp/sbx", "--", "/tmp/sbx", "--net", "user", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "/dev/net/tun");
  EXPECT_PRED2(contains, outcome.err, "sbx doctor");
}

TEST_F(UserNetworkTest, TheDeathOfTheEngineEndsTheSandbox) {
  Process sandbox(sbx({"--net", "user", "--kill-after", "1s", "--report", dir / "report.json", "--", "bash", "-c",
                       "trap 'echo asked; exit 3' TERM; echo running; while :; do sleep 0.05; done"}));
  ASSERT_TRUE(sandbox.wait_for("running"));
  ASSERT_EQ(engines(sandbox.pid()).size(), 1u);
  ::kill(engines(sandbox.pid())[0], SIGKILL);
  const Outcome outcome = sandbox.finish();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.out, "asked");
  EXPECT_PRED2(contains, outcome.err, "the network engine was killed by SIGKILL");
  EXPECT_EQ(report()["exit"]["reason"], "engine");
}

TEST_F(UserNetworkTest, APayloadThatIgnoresTheEndIsKilled) {
  Process sandbox(sbx({"--net", "user", "--kill-after", "200ms", "--", "bash", "-c", "trap '' TERM; echo running; while :; do sleep 0.05; done"}));
  ASSERT_TRUE(sandbox.wait_for("running"));
  ASSERT_EQ(engines(sandbox.pid()).size(), 1u);
  ::kill(engines(sandbox.pid())[0], SIGSYS);
  const Outcome outcome = sandbox.finish();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "filter violation (SIGSYS)");
}

TEST_F(UserNetworkTest, NothingOutlivesTheLauncher) {
  for (const char* victim : {"launcher", "init"}) {
    Process sandbox(sbx({"--net", "user", "--", "bash", "-c", "echo running; while :; do sleep 0.05; done"}));
    ASSERT_TRUE(sandbox.wait_for("running"));
    ASSERT_EQ(engines(sandbox.pid()).size(), 1u);
    const pid_t engine = engines(sandbox.pid())[0];
    std::vector<pid_t> below = children_of(sandbox.pid());
    std::erase(below, engine);
    ASSERT_EQ(below.size(), 1u);
    ::kill(std::string(victim) == "launcher" ? sandbox.pid() : below[0], SIGKILL);
    sandbox.finish();
    EXPECT_TRUE(eventually([&] { return ::kill(engine, 0) != 0 || read_file("/proc/" + std::to_string(engine) + "/stat").find(" Z ") != std::string::npos; })) << victim;
  }
}

}  // namespace
