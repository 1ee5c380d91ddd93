// The fixture of tests/net: the internet, and a sandbox on its host that a test talks to. Sockets made in the
// sandbox's network namespace from here meet the same engine as those of its programs.
#pragma once

#include "harness/surroundings.h"
#include "world/internet.h"
#include "world/socket.h"

#include <gtest/gtest.h>
#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>

namespace world {

using harness::contains;
using harness::eventually;
using harness::has_program;
using harness::Outcome;
using harness::Words;

inline Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// sbx --net user with a shell that takes commands until the object ends.
class Sandbox {
 public:
  // `options` stand after --profile base --net user.
  Sandbox(const Internet& internet, const std::string& directory, const Words& options);
  ~Sandbox();

  // Standard output and error together, and the status.
  Outcome run(const std::string& line, Limit limit = 30s);
  const Namespace& inside();             // its network namespace
  Connected connect(const std::string& address, int port, Limit limit = 10s) { return connect_from(inside(), address, port, limit); }
  Socket listen(const std::string& address, int port) { return listen_at(inside(), address, port); }
  Socket datagrams(const std::string& address, int port) { return datagrams_to(inside(), address, port); }
  std::string address(int version);      // its own on the tap
  std::string gateway(int version);
  std::string tap();                     // the interface's name
  // Retransmissions of the sandbox's kernel because it saw a loss, or "". Its loss probes and timers do not count:
  // they run out on a machine that is busy with something else, too.
  std::string losses();

  pid_t launcher() const { return process_->pid(); }
  pid_t engine() const;                  // 0: none
  std::size_t engine_kib() const;        // resident
  double engine_cpu() const;             // seconds
  void kill(int signal) const { process_->kill(signal); }

  // Ends the shell, if it still runs, and reads the report.
  Outcome finish();
  const nlohmann::json& report();
  // The entries of network.blocked that have these values; nothing is not looked at.
  std::vector<nlohmann::json> blocked(const std::string& host_or_address = "", int port = 0);

 private:
  std::unique_ptr<harness::Process> process_;
  std::string report_file_;
  std::optional<Namespace> inside_;
  std::optional<Outcome> finished_;
  std::unique_ptr<nlohmann::json> report_;
  std::size_t read_ = 0;
  int commands_ = 0;
};

class NetTest : public harness::SystemTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  Sandbox& start(const Words& options = {"--allow", "*"});   // the one sandbox of the test; a second one by another call
  Servers& serve(const Words& options);                      // beyond
  Servers& serve_on_host(const Words& options);
  // Resolver, http and tls at web and other, for the names of servers.py.
  Servers& serve_all();
  Outcome host_run(const std::string& line);                 // as the ordinary user on the host

  Internet* net = nullptr;

 private:
  std::vector<std::unique_ptr<Sandbox>> sandboxes_;
  std::vector<std::unique_ptr<Servers>> servers_;
};

#define SKIP_WITHOUT(program) \
  if (!has_program(program)) GTEST_SKIP() << program << " is not installed"

}  // namespace world
