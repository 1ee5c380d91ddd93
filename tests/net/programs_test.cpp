// The programs people run, in the sandbox, against real servers: curl, git, socat, iperf3, openssl, python, ping.
#include "world/net_test.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <thread>

using namespace world;

namespace {

class ProgramsTest : public NetTest {
 protected:
  static std::string at(const Place& place, int version) { return version == 4 ? place.at(4) : "[" + place.at(6) + "]"; }
  Sandbox& start_with_authority(Words options = {"--allow", "*"}) { return start(options + Words{"--ro", (dir / "ca.pem") + ":/ca.pem"}); }
};

TEST_F(ProgramsTest, Curl) {
  SKIP_WITHOUT("curl");
  const Servers& servers = serve_all();
  Sandbox& sandbox = start_with_authority();
  for (const int version : families) {
    const std::string curl = "curl -sS -m20 --cacert /ca.pem -" + std::to_string(version) + " ";
    EXPECT_PRED2(contains, sandbox.run(curl + "http://web.test/").out, "hello from " + at(web, version) + ":80 for web.test");
    EXPECT_PRED2(contains, sandbox.run(curl + "https://web.test/").out, "for web.test");
    EXPECT_EQ(sandbox.run(curl + "https://web.test/bytes/20000000 | wc -c").out, "20000000\n");
    EXPECT_EQ(sandbox.run("head -c 20000000 /dev/zero > /tmp/z; " + curl + "-T /tmp/z http://web.test/up").out, "20000000\n");
    EXPECT_EQ(sandbox.run(curl + "http://web.test:81/").status, 7) << "refused";
  }
  EXPECT_EQ(servers.log("sni web.test").size(), 4U);
}

// A dual-stack name whose IPv6 address swallows everything: curl tries the other family after 200 ms.
TEST_F(ProgramsTest, HappyEyeballs) {
  SKIP_WITHOUT("curl");
  serve_all();
  Sandbox& sandbox = start_with_authority();
  const Outcome out = sandbox.run("curl -sS -m10 -w '%{time_connect} %{remote_ip}\\n' -o /dev/null http://dual.test/");
  EXPECT_EQ(out.status, 0) << out.out;
  EXPECT_PRED2(contains, out.out, web.at(4));
  EXPECT_LT(std::atof(out.out.c_str()), 3) << out.out;
}

TEST_F(ProgramsTest, Git) {
  SKIP_WITHOUT("git");
  serve_all();
  const Outcome made = harness::run({.argv = {"sh", "-ec", "git init -q -b main r; cd r; head -c 3000000 /dev/urandom > f; git add f; git -c user.name=a -c user.email=b commit -q -m x; "
      "git clone -q --bare . ../www/r.git; cd ../www/r.git; git update-server-info"}, .cwd = dir.path()});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string sum = harness::run({.argv = {"sha256sum"}, .input = harness::read_file(dir / "r/f")}).out;
  Sandbox& sandbox = start_with_authority();
  for (const int version : families) {
    const std::string place = "/tmp/clone" + std::to_string(version);
    const Outcome cloned = sandbox.run("git -c http.sslCAInfo=/ca.pem clone -q http://" + at(web, version) + "/files/r.git " + place + " && sha256sum < " + place + "/f");
    EXPECT_EQ(cloned.out, sum);
  }
  EXPECT_EQ(sandbox.run("git -c http.sslCAInfo=/ca.pem ls-remote https://web.test/files/r.git | grep -c refs/heads/main").out, "1\n");
}

TEST_F(ProgramsTest, SocatWithHashesBothWaysAtOnce) {
  SKIP_WITHOUT("socat");
  const std::string megabytes = std::getenv("SBX_SOAK") != nullptr ? "2048" : "40";
  Sandbox& sandbox = start({"--allow", "*", "--rw", dir.make("shared") + ":/shared"});
  for (const int version : families) {
    const std::string family = std::to_string(version);
    const std::string make = "head -c " + megabytes + "M /dev/zero | openssl enc -aes-128-ctr -nosalt -pass pass:";
    // Each side sends one stream and hashes both.
    const auto script = [&](const std::string& which, const std::string& socat, const std::string& folder) {
      return "cd " + folder + " && " + make + which + " 2>/dev/null | tee >(sha256sum > " + which + ".sent) | socat -T 60 -t 60 - " + socat + " | sha256sum > " + which + ".received";
    };
    std::unique_ptr<harness::Process> server;
    {
      const In in(net->beyond);
      server = std::make_unique<harness::Process>(harness::Command{
          .argv = {"bash", "-c", script("down", "TCP" + family + "-LISTEN:7004,reuseaddr,bind=" + at(web, version), dir / "shared")}, .cwd = dir.path(), .timeout = 300s});
    }
    const Outcome client = sandbox.run("bash -c '" + script("up", "TCP" + family + ":" + at(web, version) + ":7004,retry=20,interval=0.1", "/shared") + "'", 280s);
    EXPECT_EQ(client.status, 0) << client.out;
    server->finish();
    const auto sum = [&](const char* name) { return harness::read_file(dir / ("shared/" + std::string(name))); };
    EXPECT_TRUE(eventually([&] { return sum("up.sent").size() > 60 && sum("down.sent").size() > 60; }, 10s));
    EXPECT_EQ(sum("up.sent"), sum("down.received")) << "up, IPv" << version;
    EXPECT_EQ(sum("down.sent"), sum("up.received")) << "down, IPv" << version;
    EXPECT_NE(sum("up.sent"), sum("down.sent"));
  }
}

TEST_F(ProgramsTest, Iperf3WithoutARetransmission) {
  SKIP_WITHOUT("iperf3");
  Sandbox& sandbox = start();
  for (const int version : families) {
    std::unique_ptr<harness::Process> server;
    {
      const In in(net->beyond);
      server = std::make_unique<harness::Process>(harness::Command{.argv = {"iperf3", "-s", "-B", web.at(version)}, .timeout = 100s});
    }
    for (const char* words : {"-P 1", "-P 4 -R", "-u -b 10M", "-u -b 10M -R"}) {
      const bool datagrams = std::string(words).starts_with("-u");
      const char* sum = datagrams ? "sum" : "sum_received";
      Outcome out;
      nlohmann::json json;
      int bursts = 0;
      for (int tries = 0; tries < 10; ++tries) {  // the server needs a moment to begin, and to end a test
        out = sandbox.run("iperf3 -J -t 1 -c " + web.at(version) + " " + words, 20s);
        json = nlohmann::json::parse(out.out, nullptr, false);
        // A machine that stood still for a third of a second lets iperf3 make up for it in one burst, which no buffer holds.
        const bool burst = datagrams && json.is_object() && json["end"].contains(sum) && json["end"][sum]["lost_percent"] >= 10 && ++bursts < 3;
        if (!contains(out.out, "\"error\"") && !burst) break;
        std::this_thread::sleep_for(200ms);
      }
      ASSERT_TRUE(json.is_object() && json["end"].contains(sum)) << words << out.out;
      if (datagrams) EXPECT_LT(json["end"][sum]["lost_percent"].get<double>(), 10) << words << json["end"][sum].dump();
      else EXPECT_GT(json["end"][sum]["bits_per_second"].get<double>(), 1e8) << words;
    }
    server->kill(SIGKILL);
  }
  EXPECT_EQ(sandbox.losses(), "");
}

TEST_F(ProgramsTest, OpensslClient) {
  serve_all();
  Sandbox& sandbox = start_with_authority();
  for (const int version : families) {
    const Outcome out = sandbox.run("printf 'GET / HTTP/1.0\\r\\nHost: web.test\\r\\n\\r\\n' | timeout 10 openssl s_client -quiet -verify_return_error -CAfile /ca.pem -servername web.test -connect " + at(web, version) + ":443");
    EXPECT_PRED2(contains, out.out, "hello from");
  }
}

TEST_F(ProgramsTest, PythonClient) {
  serve_all();
  Sandbox& sandbox = start_with_authority();
  EXPECT_PRED2(contains, sandbox.run("python3 -c \"import urllib.request as u; print(u.urlopen('http://web.test/', timeout=5).read())\"").out, "hello from");
  const Outcome refused = sandbox.run("python3 -c \"import socket; socket.create_connection(('web.test', 81), 5)\"");
  EXPECT_PRED2(contains, refused.out, "ConnectionRefusedError");
}

// The first connection after the start: nothing waits for neighbours, duplicate addresses or routers.
TEST_F(ProgramsTest, TheFirstConnectionWorksAtOnce) {
  SKIP_WITHOUT("curl");
  serve_all();
  for (const int version : families) {
    std::vector<double> took;
    for (int i = 0; i < 3; ++i) {
      const In in(net->host);
      const Outcome out = run_sbx({"--profile", "base", "--net", "user", "--allow", "*", "--", "curl", "-sS", "-m5", "-o", "/dev/null", "-w", "%{time_total}", "http://" + at(web, version) + "/"});
      EXPECT_EQ(out.status, 0) << out.err;
      took.push_back(std::atof(out.out.c_str()));
    }
    std::ranges::sort(took);
    EXPECT_LT(took[1], 0.3) << version;
  }
}

TEST_F(ProgramsTest, TheNetworkIsAsItShouldBe) {
  SKIP_WITHOUT("ip");
  Sandbox& sandbox = start();
  const std::string addresses = sandbox.run("ip addr").out, routes = sandbox.run("ip route; ip -6 route").out;
  EXPECT_PRED2(contains, addresses, "mtu 1500");
  EXPECT_FALSE(contains(addresses, "tentative")) << addresses;
  EXPECT_FALSE(contains(addresses, host.at(4))) << "the host's addresses are its own";
  EXPECT_PRED2(contains, routes, "default via " + sandbox.gateway(4));
  EXPECT_PRED2(contains, routes, "default via " + sandbox.gateway(6));
  EXPECT_NE(sandbox.run("ip link set lo down").status, 0) << "no capability";
  EXPECT_NE(sandbox.run("ip route add 9.9.9.9 via " + sandbox.gateway(4)).status, 0);
}

}  // namespace
