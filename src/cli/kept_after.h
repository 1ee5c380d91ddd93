// After a run with kept overlays: how much of them changed, and what becomes of it.
#pragma once

#include "cli/options.h"
#include "plan/plan.h"
#include "store/changes.h"
#include "supervise/state.h"

namespace cli {

// As diff counts them. The upper may have files that only root of a user namespace can look at.
Result<store::Counts> count_changes(const supervise::State& state);
std::string describe_counts(const store::Counts& counts);  // "3 paths changed (1 added, 2 modified)"

// Commits or discards, or asks. The sandbox has ended, its name is free, and this process does nothing afterwards that
// needs the rights it has now. Returns the exit status: `status`, unless that was 0 and this failed.
int act_on_exit(plan::OnExit on_exit, const std::string& name, const store::Counts& counts, int status);

}  // namespace cli
