// A plain fork: the engine's own namespaces are its own affair (net/confine). It dies with the launcher by the end of
// its socket, and by the signal where it does not come to reading it.
#include "launch/engine.h"

#include "net/control.h"
#include "net/engine.h"
#include "net/host_network.h"
#include "sys/failpoint.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <csignal>

namespace launch {

namespace {

Result<> prepare_engine(net::EngineStart& start) {
  TRY(sys::set_parent_death_signal(SIGKILL));
  TRY(sys::set_process_name("sbx:network"));
  TRY(sys::new_session());  // what a terminal sends to the job is not for it
  start.host = TRY(net::probe_host_network());
  return {};
}

// run_engine tells both sides of its failures itself.
[[noreturn]] void run(net::EngineStart start) {
  sys::failpoint_role("engine");
  if (const Result<> prepared = prepare_engine(start); !prepared) {
    net::ControlBuffer buffer;
    const std::string_view message = net::encode(prepared.error(), buffer);
    // When even these fail nobody is left to be told; the end of the sockets says the rest.
    const Result<> told = sys::send_message(start.control, message), told_init = sys::send_message(start.inside, message);
    sys::exit_now(told && told_init ? 1 : exit_status::setup_failed);
  }
  const Result<> done = net::run_engine(std::move(start));
  sys::exit_now(done ? 0 : 1);
}

}  // namespace

Result<StartedEngine> start_engine(const plan::Network& network) {
  auto [control, its_control] = TRY(sys::make_message_pair());
  auto [inside, its_inside] = TRY(sys::make_message_pair());
  sys::Process process = TRY(sys::clone_process(0, "the network engine"));
  if (process.is_child()) {
    control.reset(), inside.reset();
    run({.config = network.config, .host = {}, .control = std::move(its_control), .inside = std::move(its_inside)});
  }
  StartedEngine started{.engine = {}, .inside = std::move(inside)};
  started.engine.process = std::move(process), started.engine.control = std::move(control);
  return started;
}

}  // namespace launch
