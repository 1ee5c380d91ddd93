// --help, `sbx help` and `sbx version`, generated from the tables of options.h.
#pragma once

#include "cli/options.h"

namespace cli {

inline constexpr std::string_view version = "0.1.0";  // as in CMakeLists.txt

// For `sbx help VERB`: one verb, or all that begin with that word; none: the whole page.
Result<std::string> help_for(const std::vector<std::string>& verb_words);
std::string help_of(Verb verb);  // for --help
std::string describe_version();

}  // namespace cli
