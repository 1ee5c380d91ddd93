// The sandbox's own network, from inside: one tap with addresses and routes, whose other end goes to the engine.
// And what the plan wants to know of the host's.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"
#include "sys/fd.h"

namespace launch {

Result<> probe_network(Host& host, const profile::Profile& profile);

// In the new network namespace, while the host's /dev is still there. The tap lives as long as somebody holds it.
Result<> start_loopback();                                // of a namespace with nothing else
Result<sys::Fd> make_network(const plan::Network& network);
// ping(8) without privileges, for the payload's group, and TCP's buffers. `proc` is a /proc opened before the pivot.
Result<> adjust_network(const plan::Identity& identity, const sys::Fd& proc);

// The init's side of net::EngineStart::inside: hands the tap over; waits until frames flow.
Result<> give_tap(const sys::Fd& engine, sys::Fd tap);
Result<> wait_for_engine(const sys::Fd& engine);

}  // namespace launch
