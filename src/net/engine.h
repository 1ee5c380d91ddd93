// The network engine: frames of a tap ↔ ordinary sockets of the host, in a process of its own.
//
// Its life, in this order; every step succeeds or the engine says why and ends:
//   1  memory is mapped, tables are made, published ports are bound, the capture file is opened
//   2  a user namespace of its own without any capability, an empty read-only root, nothing but its descriptors
//   3  the tap arrives from inside the sandbox
//   4  a seccomp filter whose default is to kill; from here on nothing is opened, mapped or allocated
//   5  "ready" to both sides; then the loop, until the launcher's socket ends
#pragma once

#include "base/result.h"
#include "net/config.h"
#include "sys/fd.h"

namespace net {

struct EngineStart {
  Config config;
  HostNetwork host;
  sys::Fd control;  // to the launcher (sys::make_message_pair); messages of net/control.h both ways
  sys::Fd inside;   // to init: it sends one message with the tap attached (sys::send_message, content is ignored) and
                    // reads back one message of net/control.h, ready or failed
};

// In a process forked for nothing else, while it may still open files. It does not return before the launcher's
// socket has ended or the set-up has failed; that Error was sent to both sides already. The caller exits then: the
// filter lets it do nothing else.
Result<> run_engine(EngineStart start);

}  // namespace net
