// The one place that turns an end into a number.
#include "supervise/sandbox.h"

namespace supervise {

int exit_status_of(const Outcome& outcome) {
  switch (outcome.reason) {
    case Reason::exited: return outcome.code;
    case Reason::oom:
    case Reason::signaled: return exit_status::signal_base + outcome.signal;
    case Reason::timeout: return exit_status::timeout;
    case Reason::engine:
    case Reason::joined:
    case Reason::mask:
    case Reason::setup:
    case Reason::count_: break;
  }
  return outcome.error ? outcome.error->status : exit_status::setup_failed;
}

}  // namespace supervise
