// The tls flag of a rule: the name in the ClientHello must be the one that was allowed and asked for. Nothing of the
// client's is sent on before; where it is not, the server has seen a bare handshake of TCP.
#include "world/net_test.h"

#include <nlohmann/json.hpp>

using namespace world;

namespace {

// Sends the ClientHello of a real client in pieces of argv[3] bytes with pauses; prints what happened.
constexpr const char* client = R"(
import socket, ssl, sys, time
address, name, piece, extra = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
context = ssl.create_default_context(cafile="/ca.pem")
if name == "-": context.check_hostname = False
if extra: context.set_alpn_protocols([f"protocol-{i:03}-" + "x" * 200 for i in range(extra)])
into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(into, out, server_hostname=None if name == "-" else name)
connection = socket.create_connection((address, 443), 5)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
connection.settimeout(5)
first = True
try:
    while True:
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        data = out.read()
        size = piece if first and piece else len(data) or 1
        for at in range(0, len(data), size):
            connection.sendall(data[at:at + size])
            if first and piece: time.sleep(0.002)
        first = False
        if done: break
        received = connection.recv(65536)
        if not received: raise ConnectionError("end of file")
        into.write(received)
    print("handshake done")
except (OSError, ssl.SSLError) as why:
    print("failed:", type(why).__name__)
)";

class SniTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    if (net == nullptr) return;
    servers = &serve_all();
    dir.write("client.py", client);
    sandbox = &start({"--allow", "web.test:443,tls", "--allow", "shared.test:443", "--ro", (dir / "ca.pem") + ":/ca.pem",
                      "--ro", (dir / "client.py") + ":/client.py"});
    sandbox->run("getent ahosts web.test");
  }
  std::string handshake(int version, const std::string& name, int piece = 0, int extra = 0) {
    return sandbox->run("python3 /client.py " + web.at(version) + " " + name + " " + std::to_string(piece) + " " + std::to_string(extra)).out;
  }

  Servers* servers = nullptr;
  Sandbox* sandbox = nullptr;
};

TEST_F(SniTest, TheRightNamePasses) {
  for (const int version : families) {
    EXPECT_EQ(handshake(version, "web.test"), "handshake done\n");
    EXPECT_EQ(handshake(version, "WEB.TEST"), "handshake done\n");
  }
  EXPECT_EQ(servers->log("sni ").size(), 4U);
}

TEST_F(SniTest, AHelloInPiecesPasses) {
  for (const int version : families)
    for (const int piece : {1, 7, 300}) EXPECT_EQ(handshake(version, "web.test", piece), "handshake done\n") << piece;
}

// A post-quantum key share makes a hello longer than a segment.
TEST_F(SniTest, ALongHelloPasses) {
  for (const int version : families)
    for (const int piece : {0, 100}) EXPECT_EQ(handshake(version, "web.test", piece, 29), "handshake done\n") << piece;
}

TEST_F(SniTest, AnotherNameIsResetAndSendsNothing) {
  for (const int version : families)
    for (const char* name : {"other.test", "denied.test", "sub.web.test", "-"})
      for (const int piece : {0, 5}) {
        const std::size_t before = servers->log("sni ").size();
        EXPECT_EQ(handshake(version, name, piece), "failed: ConnectionResetError\n") << name;
        EXPECT_EQ(servers->log("sni ").size(), before) << name;
      }
  EXPECT_EQ(handshake(4, "web.test"), "handshake done\n") << "control";
  EXPECT_FALSE(sandbox->blocked("", 443).empty()) << sandbox->report().dump(1);
}

TEST_F(SniTest, WhatIsNotTlsIsReset) {
  for (const int version : families) {
    const std::string at = version == 4 ? web.at(4) : "[" + web.at(6) + "]";
    const Outcome out = sandbox->run("curl -sS -m5 http://" + at + ":443/");
    EXPECT_NE(out.status, 0);
    EXPECT_LT(out.elapsed, 3s) << "the client is not left waiting: " << out.out;
  }
  EXPECT_TRUE(servers->log("http ").empty());
  EXPECT_TRUE(servers->log("error ").size() <= 2) << "the server saw connections without a byte";
}

TEST_F(SniTest, DatagramsDoNotGoAround) {
  for (const int version : families) {
    Socket quic = bind_at(net->beyond, web.at(version), 443);
    sandbox->datagrams(web.at(version), 443).send_all("initial");
    EXPECT_FALSE(quic.receive_from(300ms));
  }
}

}  // namespace
