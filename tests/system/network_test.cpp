// The modes of the network, from inside: what is reachable, what is not, and which files say so.
#include "harness/surroundings.h"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
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
  EXPECT_PRED2(contains, outcome.out, "unreachable");
  EXPECT_NE(outcome.status, 0);
}

TEST_F(NetworkTest, HostIsTheHostsNamespaceWithItsLoopback) {
  std::uint16_t port = 0;
  const Listener listener(Listener::tcp(port));
  const Outcome outcome = shell({"--net", "host"}, connect_line(port) + "; ls /sys/class/net; ls -A /sys/fs; touch /sys/x 2>/dev/null || echo held");
  const Outcome outside = run({.argv = {"ls", "/sys/class/net"}});
  EXPECT_EQ(outcome.out, "connected\n" + outside.out + "held\n") << outcome.err;
  const Outcome probe = run_sbx(with_probe({"--net", "host"}, {"namespaces"}));
  EXPECT_EQ(value_of(probe, "ns_net"), value_of(run({.argv = {payload("probe"), "namespaces"}}), "ns_net"));
}

TEST_F(NetworkTest, HostKeepsTheHostsNameFiles) {
  const Outcome outcome = shell({"--net", "host"}, "cat /etc/resolv.conf /etc/hosts");
  EXPECT_EQ(outcome.out, read_file("/etc/resolv.conf") + read_file("/etc/hosts")) << outcome.err;
}

TEST_F(NetworkTest, HostKeepsAbstractSocketsAway) {
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

}  // namespace
