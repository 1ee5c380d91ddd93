// A network device whose other end is a descriptor (Documentation/networking/tuntap.rst).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace sys {

// A tap device of this name in the caller's network namespace; it lives as long as the descriptor.
Result<Fd> make_tap(const std::string& name);

}  // namespace sys
