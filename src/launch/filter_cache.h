#pragma once
#include "launch/seccomp.h"
#include <string>
namespace launch { inline Result<Filter> load_filter(const plan::Seccomp& p, const std::string&) { return compile_filter(p); } }
