// `sbx --join`: a sandbox of its own on the network of another. It reaches what listens there by address and by name,
// sees nothing else of it, and ends with it; whichever of the two is killed, nothing is left.
#include "harness/surroundings.h"

#include <filesystem>
#include <memory>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace harness;

namespace {

class JoinTest : public SystemTest {
 protected:
  Words environment() const { return {"XDG_STATE_HOME=" + (dir / "state")}; }
  Command command(Words words) const {
    Command made = sbx(std::move(words));
    made.cwd = dir.path(), made.environment = environment();
    return made;
  }
  Outcome sbx_here(Words words) const { return run(command(std::move(words))); }
  // A sandbox that runs a line of shell, up to where it says "up".
  std::unique_ptr<Process> start(Words options, const std::string& script = "echo up; exec sleep 60") const {
    for (const std::string& word : {std::string("--"), std::string("sh"), std::string("-c"), script}) options.push_back(word);
    auto box = std::make_unique<Process>(command(options));
    EXPECT_TRUE(box->wait_for("up\n")) << box->finish().err;
    return box;
  }
  void start_web(const Words& options = {}, const std::string& script = "echo up; exec sleep 60") {
    Words words{"--name", "web", "--kill-after", "2s"};
    words.insert(words.end(), options.begin(), options.end());
    web_ = start(words, script);
  }
  // In a sandbox that joins it.
  Outcome join(const std::string& script, Words options = {}) const {
    Words words{"--join", "web"};
    words.insert(words.end(), options.begin(), options.end());
    for (const std::string& word : {std::string("--"), std::string("sh"), std::string("-c"), script}) words.push_back(word);
    return sbx_here(words);
  }
  std::string hosts_of(const std::string& name) const { return sbx_here({"exec", name, "--", "cat", "/etc/hosts"}).out; }

  std::unique_ptr<Process> web_;

  void TearDown() override {
    if (web_) web_->kill(SIGTERM), web_->finish();
    SystemTest::TearDown();
  }
};

const std::string links = "for i in net user mnt pid ipc uts; do echo $i $(readlink /proc/self/ns/$i); done";

std::string python_server(const std::string& address) {
  return "echo secret >/tmp/f; cd /tmp; exec python3 -u -c \"import http.server as h, socketserver as s\n"
         "s.TCPServer.address_family = 10 if ':' in '" + address + "' else 2\n"
         "t = s.TCPServer(('" + address + "', 8080), h.SimpleHTTPRequestHandler)\nprint('up')\nt.serve_forever()\"";
}
std::string fetch(const std::string& host) {
  return "python3 -c \"import urllib.request as u; print(u.urlopen('http://" + host + ":8080/f', timeout=5).read().decode())\"";
}

}  // namespace

TEST_F(JoinTest, ReachesTheServerByAddressAndByName) {
  SKIP_IF(has_program("python3") ? "" : "no python3");
  for (const std::string address : {"127.0.0.1", "0.0.0.0", "::1"}) {
    start_web({}, python_server(address));
    const std::string number = address == "::1" ? "[::1]" : "127.0.0.1";
    for (const std::string& host : {number, std::string("web")}) {
      const Outcome outcome = join(fetch(host));
      EXPECT_EQ(outcome.status, 0) << address << " " << host << outcome.err;
      EXPECT_PRED2(contains, outcome.out, "secret");
    }
    const Outcome without = sbx_here({"--", "sh", "-c", fetch(number)});
    EXPECT_NE(without.status, 0) << "the server can be reached without joining";
    web_->kill(SIGTERM), web_->finish();
  }
  web_.reset();
}

TEST_F(JoinTest, FilesAndProcessesAreItsOwn) {
  start_web({}, "echo secret >/tmp/f; " + links + "; echo up; exec sleep 60");
  Outcome there;
  there.out = web_->out();
  const Outcome here = join(links + "; cat /tmp/f; ls /proc | grep -c '^[0-9]'; cat /proc/sys/user/max_user_namespaces");
  for (const char* shared : {"net", "user"}) EXPECT_EQ(value_of(here, shared), value_of(there, shared)) << shared;
  for (const char* own : {"mnt", "pid", "ipc", "uts"}) EXPECT_NE(value_of(here, own), value_of(there, own)) << own;
  EXPECT_PRED2(contains, here.err, "/tmp/f: No such file");
  const Outcome more = join(links, {"--join", "web:ipc,uts"});
  for (const char* shared : {"net", "user", "ipc", "uts"}) EXPECT_EQ(value_of(more, shared), value_of(there, shared)) << shared;
  for (const char* own : {"mnt", "pid"}) EXPECT_NE(value_of(more, own), value_of(there, own)) << own;
  EXPECT_EQ(join("hostname").out, "sbx\n");
  EXPECT_EQ(join("hostname", {"--join", "web:uts"}).out, "web\n");
  EXPECT_EQ(join("echo $SBX_NAME; hostname", {"--name", "own"}).out, "own\nown\n");
}

TEST_F(JoinTest, ProcessesOfTheTwoDoNotSeeEachOther) {
  start_web();
  auto joiner = start({"--join", "web", "--name", "b"}, "echo up; exec sleep 61");
  const std::string all = "for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$each; echo; done";
  const Outcome there = sbx_here({"exec", "web", "--", "sh", "-c", all}), here = sbx_here({"exec", "b", "--", "sh", "-c", all});
  EXPECT_PRED2(contains, there.out, "sleep 60");
  EXPECT_FALSE(contains(there.out, "sleep 61")) << there.out;
  EXPECT_PRED2(contains, here.out, "sleep 61");
  EXPECT_FALSE(contains(here.out, "sleep 60")) << here.out;
  sbx_here({"exec", "b", "--", "sh", "-c", "kill -9 -1"});
  EXPECT_NE(joiner->finish().status, 0);
  EXPECT_EQ(sbx_here({"exec", "web", "--", "true"}).status, 0);
}

namespace {

class JoinedProcesses : public JoinTest {
 protected:
  void SetUp() override {
    JoinTest::SetUp();
    if (IsSkipped()) return;
    start_web();
    const Outcome outcome = join("true", {"--join", "web:pid"});
    if (contains(outcome.err, "control group")) GTEST_SKIP() << outcome.err;
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  Outcome beside(const std::string& script, Words options = {}) const {
    options.insert(options.begin(), {"--join", "web:pid"});
    return join(script, options);
  }
  std::string processes() const { return sbx_here({"exec", "web", "--", "sh", "-c", all}).out; }
  const std::string all = "for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$each; echo; done 2>/dev/null";
};

}  // namespace

TEST_F(JoinedProcesses, SeeEachOther) {
  auto joiner = start({"--join", "web:pid", "--name", "b"}, "echo up; exec sleep 61");
  EXPECT_PRED2(contains, processes(), "sleep 61");
  EXPECT_PRED2(contains, beside(all).out, "sleep 60");
  const Outcome later = sbx_here({"exec", "b", "--", "sh", "-c", all + "; readlink /proc/self/ns/pid"});
  EXPECT_PRED2(contains, later.out, "sleep 60") << later.err;
  EXPECT_PRED2(contains, later.out, sbx_here({"exec", "web", "--", "readlink", "/proc/self/ns/pid"}).out);
  EXPECT_EQ(sbx_here({"exec", "web", "--", "sh", "-c", "for each in /proc/[0-9]*; do [ \"$(tr '\\0' ' ' <$each/cmdline)\" = 'sleep 61 ' ] && kill ${each#/proc/}; done; true"}).status, 0);
  EXPECT_EQ(joiner->finish().status, 143);
  EXPECT_EQ(sbx_here({"exec", "web", "--", "true"}).status, 0);
}

// Init is none of them: nobody inside can stop or kill what holds a sandbox to its rules.
TEST_F(JoinedProcesses, InitIsNotAmongThem) {
  const Outcome outcome = beside("grep -l '^Name:.sbx' /proc/[0-9]*/status; echo; echo $$ $PPID");
  EXPECT_PRED2(contains, outcome.out, "/proc/1/status\n\n") << outcome.out;
  EXPECT_PRED2(contains, outcome.out, " 0\n") << outcome.out;
}

TEST_F(JoinedProcesses, StatusesAreTheCommands) {
  EXPECT_EQ(beside("exit 7").status, 7);
  EXPECT_EQ(beside("kill -9 $$").status, 137);
  EXPECT_EQ(beside("sleep 60", {"--timeout", "200ms"}).status, 124);
  const Outcome missing = sbx_here({"--join", "web:pid", "--", "no-such"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_PRED2(contains, missing.err, "sbx: command no-such not found in the sandbox");
  EXPECT_EQ(sbx_here({"--join", "web:pid", "--", "/etc/passwd"}).status, 126);
}

TEST_F(JoinedProcesses, NothingIsLeftOfOne) {
  const std::string leave = "(setsid sleep 71 &); setsid sh -c 'trap \"\" TERM; sleep 72; sleep 72' & ";
  EXPECT_EQ(beside(leave + "sleep 0.1; exit 3").status, 3);
  EXPECT_FALSE(contains(processes(), "sleep 7")) << processes();
  EXPECT_EQ(beside(leave + "sleep 60", {"--timeout", "300ms", "--kill-after", "100ms"}).status, 124);
  EXPECT_FALSE(contains(processes(), "sleep 7")) << processes();
  auto killed = start({"--join", "web:pid"}, leave + "echo up; exec sleep 73");
  EXPECT_TRUE(eventually([&] { return contains(processes(), "sleep 71"); })) << processes();
  killed->kill(SIGKILL), killed->finish();
  EXPECT_TRUE(eventually([&] { return !contains(processes(), "sleep 7"); })) << processes();
  EXPECT_PRED2(contains, processes(), "sleep 60");
}

// Frozen, it hears nothing of its launcher's end.
TEST_F(JoinedProcesses, APausedOneHoldsNobody) {
  auto joiner = start({"--join", "web:pid", "--name", "b"}, "echo up; (setsid sleep 91 &); exec sleep 92");
  ASSERT_EQ(sbx_here({"pause", "b"}).status, 0);
  joiner->kill(SIGKILL), joiner->finish();
  web_->kill(SIGTERM);
  EXPECT_EQ(web_->finish().status, 143);
  web_.reset();
  const auto gone = [] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}  // as the machine's own init does
    return children().empty();
  };
  EXPECT_TRUE(eventually(gone)) << "left running";
}

// At any moment of the start.
TEST_F(JoinedProcesses, NoSignalIsLost) {
  for (int delay = 0; delay < 30; ++delay) {
    Command made = command({"--join", "web:pid", "--", "sleep", "60"});
    made.timeout = 5s;
    Process joiner(made);
    ::usleep(static_cast<useconds_t>(delay * 700));
    joiner.kill(SIGHUP);
    EXPECT_FALSE(joiner.finish().timed_out) << delay;
  }
}

TEST_F(JoinedProcesses, EndWithTheFirst) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    const std::string report = dir / "report.json";
    auto joiner = start({"--join", "web:pid", "--report", report}, "echo up; (setsid sleep 81 &); exec sleep 82");
    auto named = start({"--join", "web:pid", "--name", "b"});
    web_->kill(signal), web_->finish(), web_.reset();
    const Outcome outcome = joiner->finish();
    EXPECT_EQ(outcome.status, 125) << signal << outcome.err;
    EXPECT_PRED2(contains, read_file(report), "\"reason\": \"joined\"");
    EXPECT_EQ(named->finish().status, 125);
    EXPECT_EQ(sbx_here({"rm", "b"}).status, 0);
    start_web();
  }
}

TEST_F(JoinTest, SharedProcessesNeedAControlGroup) {
  start_web();
  const Outcome outcome = join("true", {"--join", "web:pid", "--set", "resources.parent=/nowhere"});
  EXPECT_EQ(outcome.status, 125) << outcome.out;
  EXPECT_PRED2(contains, outcome.err, "hint: ");
}

TEST_F(JoinTest, NamesComeAndGo) {
  start_web();
  EXPECT_FALSE(contains(hosts_of("web"), "::1 b"));
  auto b = start({"--join", "web", "--name", "b"});
  EXPECT_TRUE(eventually([&] { return contains(hosts_of("web"), "\n127.0.0.1 b\n::1 b\n"); })) << hosts_of("web");
  auto c = start({"--join", "web", "--name", "c", "--hostname", "cc"});
  EXPECT_TRUE(eventually([&] { return contains(hosts_of("b"), "\n127.0.0.1 web c cc\n"); })) << hosts_of("b");
  EXPECT_TRUE(eventually([&] { return contains(hosts_of("c"), "\n127.0.0.1 web b\n"); })) << hosts_of("c");
  EXPECT_PRED2(contains, join("cat /etc/hosts").out, "\n127.0.0.1 web b c cc\n");
  b->kill(SIGTERM), b->finish();
  EXPECT_TRUE(eventually([&] { return contains(hosts_of("web"), "\n127.0.0.1 c cc\n"); })) << hosts_of("web");
  c->kill(SIGKILL), c->finish();
  EXPECT_TRUE(eventually([&] { return !contains(hosts_of("web"), "cc"); })) << hosts_of("web");
  EXPECT_PRED2(contains, sbx_here({"exec", "web", "--", "sh", "-c", "echo x >>/etc/hosts"}).err, "Read-only file system");
}

TEST_F(JoinTest, EndsWithTheOneItJoined) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    start_web();
    const std::string report = dir / "report.json";
    auto joiner = start({"--join", "web", "--kill-after", "1s", "--report", report}, "trap 'echo caught; exit 3' TERM; echo up; sleep 60 & wait");
    auto named = start({"--join", "web", "--name", "b"});
    web_->kill(signal), web_->finish(), web_.reset();
    const Outcome outcome = joiner->finish();
    EXPECT_EQ(outcome.status, 125) << signal << outcome.err;
    EXPECT_PRED2(contains, outcome.out, "caught");
    EXPECT_PRED2(contains, outcome.err, "sbx: the sandbox 'web' has ended, so this one, which shared its network, was ended");
    EXPECT_PRED2(contains, read_file(report), "\"reason\": \"joined\"");
    EXPECT_EQ(named->finish().status, 125);
    const Outcome inspected = sbx_here({"inspect", "b"});
    EXPECT_PRED2(contains, inspected.out + inspected.err, "\"reason\": \"joined\"");
  }
}

TEST_F(JoinTest, AKilledLauncherOfTheJoinerLeavesNothing) {
  start_web();
  const std::string marker = "62." + std::to_string(::getpid());
  auto joiner = start({"--join", "web", "--name", "b"}, "sleep " + marker + " & setsid sleep " + marker + " & echo up; wait");
  joiner->kill(SIGKILL), joiner->finish();
  EXPECT_TRUE(eventually([&] { return processes_with("sleep" + std::string(1, '\0') + marker).empty(); }));
  EXPECT_FALSE(contains(sbx_here({"ps", "--all"}).out, "\nb "));
  EXPECT_EQ(join("true").status, 0);
}

TEST_F(JoinTest, WhatCannotBeJoinedIsSaid) {
  const auto refused = [&](const std::string& said, Words options = {}) {
    const Outcome outcome = join("true", std::move(options));
    EXPECT_EQ(outcome.status, 125) << said;
    EXPECT_PRED2(contains, outcome.err, said);
  };
  refused("no sandbox is named 'web'");
  start_web();
  for (const Words& options : {Words{"--net", "user"}, Words{"--allow", "x.example"}, Words{"-p", "8000:80"}, Words{"--net", "none"}})
    refused("--join web and --", options);
  refused("--user root", {"--user", "root"});
  refused("cannot join itself", {"--name", "web"});
  refused("excl", {"--nested-userns"});
  auto joiner = start({"--join", "web", "--name", "b"});
  refused("'b' shares the network of 'web' itself", {"--join", "b"});
  web_->kill(SIGTERM), web_->finish(), joiner->finish();
  refused("the sandbox 'web' has ended");
  start_web({"--net", "host", "--allow-degraded", "abstract-sockets"});
  refused("it uses the host's");
}

// Asked before its command runs, it answers when it does; before it can be asked at all, that is said.
TEST_F(JoinTest, OneThatIsStartingGoesOn) {
  int joined = 0;
  for (int i = 0; i < 20; ++i) {
    Process box(command({"--name", "web", "--", "sh", "-c", "read x; exit 7"}));
    const auto start = std::chrono::steady_clock::now();
    Outcome outcome;
    do outcome = join("true");
    while (outcome.status != 0 && std::chrono::steady_clock::now() - start < 5s);
    joined += outcome.status == 0;
    box.close_input();
    EXPECT_EQ(box.finish().status, 7);
  }
  EXPECT_EQ(joined, 20);
}

TEST_F(JoinTest, DoesNotChangeWhatTheOtherMayDo) {
  start_web({"--nested-userns"});
  const std::string limit = "cat /proc/sys/user/max_user_namespaces";
  const std::string before = sbx_here({"exec", "web", "--", "sh", "-c", limit}).out;
  EXPECT_NE(before, "0\n");
  EXPECT_EQ(join("unshare -U true 2>/dev/null && echo open").out, "") << "its own filter closes it";
  EXPECT_EQ(sbx_here({"exec", "web", "--", "sh", "-c", limit}).out, before);
  EXPECT_EQ(join("unshare -U true && echo open", {"--nested-userns"}).out, "open\n");
}

TEST_F(JoinTest, DryRunSaysWhatIsShared) {
  start_web();
  const Outcome outcome = sbx_here({"--join", "web:ipc", "--dry-run", "--", "true"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* line : {"namespaces  shared    user net ipc ", "network     joined    web"}) EXPECT_PRED2(contains, outcome.out, line);
  EXPECT_EQ(sbx_here({"--join", "web", "--name", "b", "--dry-run", "--", "true"}).status, 0);
  EXPECT_FALSE(contains(hosts_of("web"), "127.0.0.1 b")) << "a dry run joins nothing";
}

TEST_F(JoinTest, ARangeOfIdsIsSharedToo) {
  SKIP_IF(no_id_range());
  start_web({"--user", "root"});
  EXPECT_EQ(join("id -u; touch /tmp/f && chown 5:5 /tmp/f 2>/dev/null; cat /proc/self/uid_map | wc -l").out, "0\n2\n");
  EXPECT_EQ(join("id -u", {"--user", "root"}).out, "0\n");
  EXPECT_PRED2(contains, join("true", {"--user", "self"}).err, "--user self");
}

TEST_F(JoinTest, TheEnginesNetworkIsShared) {
  SKIP_IF(has_program("python3") && ::access("/dev/net/tun", W_OK) == 0 ? "" : "no python3, or no /dev/net/tun");
  start_web({"--net", "user", "--allow", "x.example"}, python_server("0.0.0.0"));
  const Outcome outcome = join("cat /etc/resolv.conf; ls /sys/class/net; " + fetch("web") + "; getent ahostsv4 web | cut -d' ' -f1 | sort -u");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* part : {"nameserver 10.", "eth0", "secret", "127.0.0.1\n"}) EXPECT_PRED2(contains, outcome.out, part);
  // The engine holds it to the rules of the one that has it.
  const Outcome denied = join("getent hosts other.example || echo none");
  EXPECT_EQ(denied.out, "none\n") << denied.err;
}
