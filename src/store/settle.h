// Taking paths out of an upper, such that what is left in it means what it meant: after a commit, where the host has
// them now, and for a discard of some, where the host's shall show again.
#pragma once

#include "store/changes.h"

#include <string>
#include <vector>

namespace store {

// Before paths go: each opaque directory at or above one of them becomes one that says name by name what is not there.
// What the sandbox sees stays the same at each step.
Result<> spell_out_opaque(const Overlay& overlay, const std::vector<std::string>& paths);

// The paths, children after their directories, go; a directory when nothing is left in it. `pending` are those of which
// the upper still has to tell, sorted.
Result<> settle(const Overlay& overlay, const std::vector<std::string>& paths, const std::vector<std::string>& pending);

// Mode, owner and attributes of the upper's directory become those of the lower's again.
Result<> restore_directory(const Overlay& overlay, const Change& change);

}  // namespace store
