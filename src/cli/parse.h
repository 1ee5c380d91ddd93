// argv → Options.
#pragma once

#include "cli/options.h"

namespace cli {

// `words` are those after argv[0]. Bytes pass through untouched: a path need not be UTF-8.
Result<Options> parse(const std::vector<std::string>& words);

}  // namespace cli
