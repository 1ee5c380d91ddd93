// What confines the command: a seccomp filter that bites, Landlock that bites, lookups below a root; and the whole:
// a launch as a user would make it.
#include "launch/launch.h"
#include "launch/probe.h"
#include "launch/trial.h"
#include "plan/make.h"
#include "sys/file.h"
#include "sys/inet.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/resolve.h"
#include "sys/seccomp.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

namespace launch {

namespace {

constexpr int odd_error = ENOANO;  // no kernel gives it to setsid(2)

// setsid(2) fails with odd_error, all else is allowed.
constexpr std::array<sock_filter, 4> no_new_session{{
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsid, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | odd_error),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
}};

Result<std::string> start_and_wait(const profile::Profile& profile) {
  const Host host = TRY(probe_host(profile));
  const plan::Plan plan = TRY(plan::make(profile, host, {"true"}));
  supervise::Sandbox sandbox = TRY(start(plan));
  const supervise::Outcome outcome = TRY(supervise::wait(sandbox));
  if (outcome.error) return std::unexpected<Error>(*outcome.error);
  const int status = supervise::exit_status_of(outcome);
  if (status != 0) return fail("the command 'true' ended with status ", status);
  return "sbx -- true: exit status 0";
}

}  // namespace

Attempt try_seccomp() {
  return try_stage(0, nullptr, []() -> Result<std::string> {
    TRY(sys::set_no_new_privileges());
    TRY(sys::install_filter(no_new_session));
    const auto refused = sys::new_session();
    if (refused || refused.error().code != odd_error) return fail("an installed seccomp filter has no effect");
    return "a filter can be installed, and bites";
  });
}

Attempt try_landlock() {
  return try_stage(0, nullptr, []() -> Result<std::string> {
    const int abi = TRY(sys::landlock_abi());
    if (abi == 0) return fail("this kernel has none, or it is not in use");
    TRY(sys::set_no_new_privileges());
    TRY(sys::enter_landlock(abi, {{"/", false}}));
    const auto refused = sys::open_file("/dev/null", O_WRONLY);
    if (refused) return fail("a Landlock ruleset has no effect");
    if (refused.error().code != EACCES) return std::unexpected<Error>(refused.error());
    return text("ABI ", abi);
  });
}

Attempt try_openat2() {
  return try_stage(0, nullptr, []() -> Result<std::string> {
    if (!sys::has_openat2()) return fail("openat2 is missing or filtered");
    return "paths are looked up below a root";
  });
}

// With tap, addresses, routes and engine, all of which are there before `true` is run.
Attempt try_network(profile::Profile profile) {
  profile.net_mode = profile::Item{"user", {"sbx doctor"}};
  Attempt attempt = try_launch(profile);
  if (attempt.worked()) attempt.found = "sbx --net user -- true: the engine was ready";
  return attempt;
}

// The engine's own socket for ping(8), outside.
Attempt try_ping() {
  return try_stage(0, nullptr, []() -> Result<std::string> {
    const sys::NewSocket made = sys::make_inet_socket(true, sys::Transport::ping);
    if (made.error == 0) return "echo requests may be sent";
    return std::unexpected<Error>(Error{made.error, text("open a ping socket: ", ::strerrordesc_np(made.error)), {}});
  });
}

// In a process of its own: a launch blocks signals and makes its caller undumpable.
Attempt try_launch(const profile::Profile& profile) {
  return try_stage(0, nullptr, [&] { return start_and_wait(profile); });
}

}  // namespace launch
