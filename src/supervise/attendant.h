// Beside init: a process outside the sandbox's pid namespace, where nobody inside can name, signal or trace it, that
// watches over one command which came later (sbx exec) and speaks with its client as init does with the launcher.
// It lives until it has waited for the command, whatever becomes of the launcher: init's own end waits for that.
// Like init it holds the command's number only while the command is not waited for, so the number is nobody else's.
#pragma once

#include "base/result.h"
#include "supervise/init.h"
#include "sys/fd.h"

#include <sys/types.h>

namespace supervise {

struct Attendant {
  pid_t command = 0;             // leads its own process group
  const sys::Fd& channel;        // to its client
  sys::Fd signals;               // SIGCHLD
  sys::Fd sandbox;               // init's pidfd: readable when the sandbox has ended
  Complaints complaints;
};

// Until the command has ended, or its client is gone and the command with it.
Result<> run_attendant(const Attendant& attendant);

}  // namespace supervise
