// The last steps of the payload: its terminal, limits, privileges and filter, then the command itself.
#pragma once

#include "launch/enter.h"

namespace launch {

// Returns only when something failed.
Error run_payload(const plan::Plan& plan, const Prepared& prepared, const sys::Fd& terminal);

}  // namespace launch
