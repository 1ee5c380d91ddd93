// The order in which the engine locks itself in, and who is told when that fails.
#include "net/engine.h"

#include "net/confine.h"
#include "net/control.h"
#include "net/engine_loop.h"
#include "sys/failpoint.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <memory>

namespace net {

namespace {

Result<sys::Fd> receive_tap(const sys::Fd& inside) {
  std::optional<sys::Message> message = TRY(sys::receive_message(inside));
  if (!message) return fail("the sandbox ended before its tap device was made");
  if (!message->attached.valid()) return fail("the sandbox sent no tap device");
  return std::move(message->attached);
}

Result<std::unique_ptr<Engine>> set_up(const EngineStart& start) {
  std::unique_ptr<Engine> engine = TRY(Engine::make(start));
  std::vector<int> kept = engine->descriptors();
  kept.insert(kept.end(), {start.control.get(), start.inside.get()});
  const Limits& limits = start.config.limits;
  // A flow has one socket; 512 are for listeners, questions to resolvers and the engine itself.
  TRY(leave_host(kept, limits.tcp_flows + limits.udp_flows + limits.ping_flows + start.config.publish.size() + 512));
  sys::Fd tap = TRY(receive_tap(start.inside));
  TRY(engine->attach_tap(std::move(tap)));
  TRY(engine->listen(start.control));
  return engine;
}

}  // namespace

Result<> run_engine(EngineStart start) {
  ControlBuffer buffer;
  sys::find_fast_clock();
  Result<std::unique_ptr<Engine>> engine = set_up(start);
  Result<> locked = engine ? lock_in() : Result<>(std::unexpected<Error>(engine.error()));
  if (!locked) {
    const std::string_view message = encode(locked.error(), buffer);
    for (const sys::Fd* side : {&start.control, &start.inside})
      // One of them may be gone, which is why it failed.
      if (side->valid()) static_cast<void>(sys::send_message(*side, message).has_value());
    return locked;
  }
  const std::string_view ready = encode(ControlKind::ready, buffer);
  TRY(sys::send_message(start.control, ready));
  TRY(sys::send_message(start.inside, ready));
  start.inside.reset();
  sys::failpoint_role("engine-running");
  (*engine)->run();
  // Its memory is the kernel's to take back: freeing it could ask for a call that is no longer allowed.
  static_cast<void>(engine->release());
  return {};
}

}  // namespace net
