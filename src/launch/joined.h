// What a launcher says about its sandbox to who wants to join it: the wire form of Joined (plan/host.h).
#pragma once

#include "plan/host.h"

#include <string>
#include <string_view>

namespace launch {

// All but `sandboxes`, which the asker knows. Pure, for the tests; what comes is of another process.
std::string encode(const Joined& joined);
Result<Joined> decode_joined(std::string_view bytes);

}  // namespace launch
