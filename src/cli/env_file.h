// --env-file: lines K=V, blank lines and # comments, as docker reads them.
#pragma once

#include "profile/profile.h"

namespace cli {

Result<> add_env_files(profile::Profile& layer, const std::vector<std::string>& files);

// Pure: the lines of one file. An error names file and line.
Result<> parse_env_file(profile::Profile& layer, std::string_view content, const std::string& file);

}  // namespace cli
