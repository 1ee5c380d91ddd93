// `sbx … -- COMMAND`: from what was asked to how it ended.
#pragma once

#include "cli/options.h"
#include "profile/profile.h"

namespace cli {

// The named profiles with the command line on top.
Result<profile::Profile> requested_profile(const Options& options);

// Returns the exit status; errors have been printed and reported.
int run(const Options& options);

}  // namespace cli
