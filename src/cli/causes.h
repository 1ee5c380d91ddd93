// Why a stage of a launch was refused, told from the surroundings: the same EPERM comes from AppArmor, from Debian's
// switch, from a container's seccomp filter and from a chroot, and each has another remedy. Pure.
#pragma once

#include "launch/checks.h"

#include <string>

namespace cli {

struct Cause {
  std::string why;  // besides what the kernel said; empty: unknown
  std::string fix;  // one command, or the nearest thing to it; empty: none known
};

Cause cause_of(const launch::Findings& findings, launch::Stage stage);

}  // namespace cli
