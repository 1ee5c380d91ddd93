// `sbx chown-back PATH…`
#pragma once

#include <string>
#include <vector>

namespace cli {

int chown_back(const std::vector<std::string>& paths);  // returns the exit status

}  // namespace cli
