// The command line as the last layer of the profile.
#pragma once

#include "cli/options.h"
#include "profile/profile.h"

namespace cli {

// In the order written. An error names the option it came from.
Result<profile::Profile> make_layer(const std::vector<Setting>& settings);

}  // namespace cli
