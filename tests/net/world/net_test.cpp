// Starting sandboxes and servers, and finding the engine among the processes.
#include "world/net_test.h"

#include <algorithm>
#include <dirent.h>
#include <fstream>
#include <net/if.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace world {

using namespace harness;

Sandbox::Sandbox(const Internet& internet, const std::string& directory, const Words& options) {
  static int number = 0;
  report_file_ = directory + "/report" + std::to_string(++number) + ".json";
  const In in(internet.host);
  Command command = sbx(Words{"--profile", "base", "--net", "user", "--report", report_file_} + options + Words{"--", "sh"});
  command.cwd = directory, command.timeout = 1h;
  process_ = std::make_unique<Process>(command);
  process_->send("");
  const Outcome ready = run("echo started");
  if (!contains(ready.out, "started")) throw std::runtime_error("no sandbox: " + finish().err);
}

Sandbox::~Sandbox() { finish(); }

Outcome Sandbox::run(const std::string& line, Limit limit) {
  const std::string end = "end-of-command-" + std::to_string(++commands_) + " ";
  const auto start = std::chrono::steady_clock::now();
  process_->send("{ " + line + "\n} 2>&1 </dev/null; echo \"" + end + "$? \"\n");
  Outcome out;
  out.timed_out = !process_->wait_for(end, limit) || !process_->wait_for(" ", 1s);
  out.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  const std::string& all = process_->out();
  const std::size_t at = all.find(end, read_);
  out.out = all.substr(read_, at == std::string::npos ? at : at - read_);
  if (at == std::string::npos) return out;
  out.status = std::atoi(all.c_str() + at + end.size());
  read_ = std::min(all.find('\n', at), all.size() - 1) + 1;
  return out;
}

const Namespace& Sandbox::inside() {
  if (!inside_) {
    const ino_t own = namespace_id(::getpid());
    eventually([&] {
      for (const pid_t child : children_of(launcher()))
        if (const ino_t id = namespace_id(child); id != 0 && id != own) return inside_.emplace(namespace_of(child)), true;
      return false;
    });
    if (!inside_) throw std::runtime_error("the sandbox has no network namespace of its own");
  }
  return *inside_;
}

std::string Sandbox::tap() {
  const In in(inside());
  const Outcome links = run_in(inside(), {.argv = {"ip", "-o", "link"}});
  std::istringstream lines(links.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t start = line.find(": ") + 2, end = line.find_first_of(":@", start);
    if (const std::string name = line.substr(start, end - start); name != "lo") return name;
  }
  return "";
}

std::string Sandbox::losses() {
  const Outcome counters = run_in(inside(), {.argv = {"nstat", "-asz"}});
  std::string out;
  std::istringstream lines(counters.out);
  for (std::string line; std::getline(lines, line);)
    for (const char* name : {"TcpExtTCPFastRetrans", "TcpExtTCPLostRetransmit"})
      if (line.starts_with(name) && line.find(" 0 ") == std::string::npos) out += line + "\n";
  EXPECT_PRED2(contains, counters.out, "TcpExtTCPFastRetrans");
  return out;
}

std::string Sandbox::address(int version) {
  const Outcome out = run_in(inside(), {.argv = {"ip", "-o", version == 4 ? "-4" : "-6", "addr", "show", "scope", "global"}});
  const std::string word = version == 4 ? "inet " : "inet6 ";
  const std::size_t start = out.out.find(word);
  return start == std::string::npos ? "" : out.out.substr(start + word.size(), out.out.find('/', start) - start - word.size());
}

std::string Sandbox::gateway(int version) {
  const Outcome out = run_in(inside(), {.argv = {"ip", version == 4 ? "-4" : "-6", "route", "show", "default"}});
  const std::size_t start = out.out.find("via ");
  return start == std::string::npos ? "" : out.out.substr(start + 4, out.out.find(' ', start + 4) - start - 4);
}

pid_t Sandbox::engine() const {
  const ino_t own = namespace_id(::getpid());
  for (const pid_t child : children_of(launcher()))
    if (namespace_id(child) == own) return child;
  return 0;
}

std::size_t Sandbox::engine_kib() const {
#ifdef SBX_SANITIZE
  constexpr std::size_t sanitizers = 48 << 10;  // its shadow memory, and what it keeps of what was freed
#else
  constexpr std::size_t sanitizers = 0;
#endif
  std::ifstream in("/proc/" + std::to_string(engine()) + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) - std::min(std::stoul(line.substr(6)), sanitizers);
  return 0;
}

double Sandbox::engine_cpu() const {
  const std::string stat = read_file("/proc/" + std::to_string(engine()) + "/schedstat");
  return stat.empty() ? -1 : std::stod(stat) / 1e9;
}

Outcome Sandbox::finish() {
  if (!finished_) {
    process_->close_input();
    if (!eventually([&] { return process_->wait_for("\x01", 1ms), children_of(launcher()).empty(); }, 10s)) process_->kill(SIGKILL);
    finished_ = process_->finish();
    finished_->out.erase(0, read_);
  }
  return *finished_;
}

const nlohmann::json& Sandbox::report() {
  finish();
  if (!report_) {
    const std::string content = read_file(report_file_);
    report_ = std::make_unique<nlohmann::json>(nlohmann::json::parse(content, nullptr, false));
    EXPECT_FALSE(report_->is_discarded()) << content << finished_->err;
  }
  return *report_;
}

std::vector<nlohmann::json> Sandbox::blocked(const std::string& host_or_address, int port) {
  std::vector<nlohmann::json> found;
  const nlohmann::json network = report().value("network", nlohmann::json::object());
  for (const auto& entry : network.value("blocked", nlohmann::json::array()))
    if ((host_or_address.empty() || entry.value("host", "") == host_or_address || entry.value("address", "") == host_or_address) &&
        (port == 0 || entry.value("port", 0) == port))
      found.push_back(entry);
  return found;
}

void NetTest::SetUp() {
  SKIP_IF(no_user_namespaces());
  std::string why;
  net = Internet::get(why);
  SKIP_IF(why);
  SystemTest::SetUp();
  net->set_resolvers("nameserver 93.184.20.53\n");
}

void NetTest::TearDown() {
  sandboxes_.clear();
  servers_.clear();
  if (net != nullptr) SystemTest::TearDown();
}

Sandbox& NetTest::start(const Words& options) {
  return *sandboxes_.emplace_back(std::make_unique<Sandbox>(*net, dir.path(), options));
}

Servers& NetTest::serve(const Words& options) {
  return *servers_.emplace_back(std::make_unique<Servers>(*net, net->beyond, dir.path(), options));
}

Servers& NetTest::serve_on_host(const Words& options) {
  return *servers_.emplace_back(std::make_unique<Servers>(*net, net->host, dir.path(), options));
}

Servers& NetTest::serve_all() {
  make_certificates(dir.path(), "DNS:web.test,DNS:*.web.test,DNS:other.test,DNS:shared.test");
  Words options{"--root", dir.make("www"), "--cert", dir / "cert.pem", "--key", dir / "key.pem"};
  for (const int version : families) {
    options = options + Words{"--dns", resolver.at(version)};
    for (const Place& place : {web, other}) {
      const std::string at = version == 4 ? place.at(4) : "[" + place.at(6) + "]";
      options = options + Words{"--http", at + ":80", "--tls", at + ":443"};
    }
  }
  return serve(options);
}

Outcome NetTest::host_run(const std::string& line) {
  const In in(net->host);
  return run({.argv = {"sh", "-c", line}, .cwd = dir.path()});
}

}  // namespace world
