// The launcher's side of the network engine's start: a process beside init, outside of all its namespaces.
#pragma once

#include "plan/plan.h"
#include "supervise/engine.h"

namespace launch {

struct StartedEngine {
  supervise::Engine engine;
  sys::Fd inside;  // init's end of net::EngineStart::inside
};

// Forked before anything else of the launch, so that it prepares itself beside all the rest. Signals are blocked.
Result<StartedEngine> start_engine(const plan::Network& network);

}  // namespace launch
