// The network engine, seen from the launcher: what it reports is collected, what changes on the host is passed on,
// and its end is explained.
#pragma once

#include "base/result.h"
#include "net/control.h"
#include "net/host_network.h"
#include "sys/process.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace supervise {

// One target that was refused, however often.
struct Blocked {
  net::Protocol protocol = net::Protocol::any;
  std::string host;     // the name it was asked by; empty: none is known
  net::Endpoint target;
  std::string rule;     // as it was written; "default"
  std::uint64_t count = 0;
};
inline constexpr std::size_t most_blocked = 256;  // that are told apart

// What passed by one rule; of one that denies, what it refused.
struct RuleUse {
  std::string rule;     // as it was written, or a built-in one: "default", "host"
  std::uint64_t flows = 0, packets = 0, bytes = 0;
};

struct NetworkUse {
  std::optional<net::Totals> totals;      // none: the engine ended without them
  std::vector<RuleUse> rules;
  std::vector<Blocked> blocked;
  std::uint64_t not_listed = 0;           // refusals beyond most_blocked, and those the engine left out
};

struct Engine {
  sys::Process process;
  sys::Fd control;
  std::function<void(const Blocked&)> tell_blocked = {};  // at the first refusal of each
  NetworkUse use = {};
  bool ready = false, ended = false, totals_came = false;
  std::optional<Error> failure = {};      // of its set-up

  bool exists() const { return process.pid > 0; }
  Result<> take_message();                // one is there; or the end, which sets `ended`
  Result<std::string> describe_end();     // of an engine that has ended: "killed by SIGSYS …"
};

// The last totals, for at most this long; then it is on its own, and ends by itself.
inline constexpr std::chrono::milliseconds patience_for_totals{2000};
Result<> finish_engine(Engine& engine);

// Passes on what changes on the host. It begins when the sandbox has settled: most are gone by then.
class HostFollower {
 public:
  Result<> begin(const Engine& engine);
  Result<> follow(const Engine& engine);  // something is readable
  const net::HostWatch& watch() const { return watch_; }

 private:
  Result<> push(const Engine& engine);
  net::HostWatch watch_;
  net::HostNetwork known_;
};

}  // namespace supervise
