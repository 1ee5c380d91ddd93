// After a run with kept overlays: how much of them changed.
#pragma once

#include "store/changes.h"
#include "supervise/state.h"

namespace cli {

// As diff counts them. The upper may have files that only root of a user namespace can look at.
Result<store::Counts> count_changes(const supervise::State& state);
std::string describe_counts(const store::Counts& counts);  // "3 paths changed (1 added, 2 modified)"

}  // namespace cli
