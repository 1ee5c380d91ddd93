// `sbx exec NAME -- COMMAND`: a further command in a running sandbox.
#pragma once

#include "cli/options.h"

namespace cli {

// Returns the exit status; errors have been printed.
int exec(const Options& options);

}  // namespace cli
