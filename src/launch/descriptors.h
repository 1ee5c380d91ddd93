// What of the caller's descriptors reaches a command: 0–2, and no directory.
#pragma once

#include "base/result.h"

namespace launch {

// 0–2 exist and are no directories, and nothing above them reaches the payload.
Result<> check_descriptors();

}  // namespace launch
