// The running thing, and how it ended.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"
#include "supervise/cgroup.h"
#include "supervise/control.h"
#include "supervise/engine.h"
#include "supervise/pod.h"
#include "supervise/state.h"
#include "sys/process.h"

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace supervise {

// A sandbox in which nothing happened for this long is there to stay: launcher and init shrink.
inline constexpr std::chrono::milliseconds settle_time{500};

struct Sandbox {
  sys::Process init;
  sys::Fd channel;                       // the handshake's socket
  sys::Fd begun;                         // of an exec: a flag that is raised when the command starts
  sys::Fd signals;                       // what the launcher was told to pass on
  Engine engine;                         // of a network of its own; else there is none
  Cgroup cgroup;                         // where one was asked for and can be had
  std::array<bool, 3> terminal{};        // which of 0–2 the sandbox's own pty stands in for
  std::chrono::nanoseconds started{};    // CLOCK_MONOTONIC
  std::chrono::milliseconds timeout{}, kill_after{};  // timeout 0: none

  Pod pod;                               // with whom it shares its network
  bool shares_processes = false;         // its pid namespace too: its control group ends what it leaves

  State* state = nullptr;                // of a named one; what follows is, too
  bool running = false;                  // the command's exec has happened
  std::function<Result<>()> tell_running = {};  // when it does; an error ends the sandbox
  std::vector<sys::Fd> entrances = {};   // of a running one: what later commands enter by (launch/attend.h)
  // exec. Whoever answers later takes the connection; else it is answered with what is returned.
  std::function<Result<Reply>(Sandbox&, Request&, sys::Fd& connection)> attend = {};
  std::vector<sys::Process> attendants = {};
  std::function<Result<Reply>(Sandbox&, const Request&)> admit = {};  // join: the reply, where there is nothing against it
};

enum class Reason { exited, signaled, timeout, oom, engine, joined, mask, setup, count_ };
inline constexpr EnumNames<Reason, 8> reason_names{{"exited", "signaled", "timeout", "oom", "engine", "joined", "mask", "setup"}};
static_assert(reason_names.complete());

struct Outcome {
  Reason reason = Reason::exited;
  int code = 0;                          // exited: the payload's own status
  int signal = 0;                        // signaled: the payload's signal
  std::optional<Error> error;            // setup, mask, engine, joined: what sbx has to say
  std::chrono::nanoseconds wall{};
  rusage usage{};                        // of everything that init waited for (getrusage(2))
  std::optional<NetworkUse> network;     // where an engine ran
  std::optional<CgroupUsage> cgroup;     // where there was one
  std::vector<std::string> notes;        // what went wrong beside the payload, and did not end it
};

// What sbx exits with: env(1)'s and docker's convention.
int exit_status_of(const Outcome& outcome);

// Until the sandbox has ended and its output is delivered.
Result<Outcome> wait(Sandbox& sandbox);

}  // namespace supervise
