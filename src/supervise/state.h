// The state of named sandboxes: one directory each, ${XDG_STATE_HOME:-~/.local/state}/sbx/sandboxes/NAME, mode 0700.
//
//   lock         locked by the launcher for its whole life: held = the sandbox runs, free = it has ended or its launcher
//                was killed. A child does not inherit the lock, and no process id is ever trusted.
//   record       what ps and inspect print (record.h); report.json beside it after the end
//   log, log.1   the output of a detached one (log.h)
//   changes/K    what overlays keep until it is committed or discarded (changes.h, store/origin.h); the directory stays with it
//   thrown/K     the same of overlays that are not kept, where memory cannot hold it
//   control      the socket on which the launcher takes requests (control.h)
//
// A record that does not say "ended" where nobody holds the lock is stale: its launcher was killed. Whoever looks at
// it sweeps it. To remove a directory one takes its lock, and who takes a lock looks whether the file is still linked.
#pragma once

#include "base/result.h"
#include "supervise/log.h"
#include "supervise/record.h"
#include "sys/fd.h"

#include <optional>
#include <string>
#include <vector>

namespace supervise {

// Of the two variables, either of which may be unset (nullptr).
Result<std::string> sandboxes_directory(const char* xdg_state_home, const char* home);

// The launcher's side.
struct State {
  std::string place;             // the directory, to name it in errors
  sys::Fd directory, lock, control;
  std::vector<sys::Fd> clients;  // connected to `control`; whose end is that of this process
  Record record;
  std::optional<Log> log;        // of a detached one
  bool had_changes = false;      // from earlier runs

  bool exists() const { return lock.valid(); }
  Result<> write_record() const;
};
// In use is an error; what an ended one left is removed. Nothing is left of a name that could not be taken.
Result<State> take_name(const std::string& sandboxes, const std::string& name, Record record);
// The record as it is now and the report stay, until somebody takes the name or removes them; the name is free.
Result<> end_state(State& state, std::string_view report);
// Nothing stays but changes of earlier runs: the sandbox did not come to be, or nobody will ask for it.
Result<> drop_state(State& state);

// Everybody else's.
struct Found {
  std::string name;
  bool alive = false;            // the lock is held
  int launcher = 0;              // who holds it; 0: not of our pid namespace
  Record record;                 // of one that is alive and has not written it yet: starting
};
// nullopt: there is none, or it was stale and is swept now.
Result<std::optional<Found>> find_sandbox(const std::string& sandboxes, const std::string& name);
Result<std::vector<Found>> find_sandboxes(const std::string& sandboxes);  // by name; stale ones are swept
Result<sys::Fd> open_state(const std::string& sandboxes, const std::string& name);  // the directory
// The name of one that has ended, or whose launcher was killed, for as long as this lives: nobody starts it meanwhile.
// nullopt: it runs, or somebody else has it.
struct HeldState {
  std::string place;
  sys::Fd directory, lock;
};
Result<std::optional<HeldState>> hold_state(const std::string& sandboxes, const std::string& name);
// Of one that has ended and keeps no changes; false: it runs.
Result<bool> remove_state(const std::string& sandboxes, const std::string& name);

// To ask something of it (control.h). One that is not there, has ended, or is not yet listening is an error.
Result<sys::Fd> connect_to(const std::string& sandboxes, const std::string& name);

}  // namespace supervise
