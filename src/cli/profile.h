// `sbx profile list|show|check|diff`: each returns the text to print.
#pragma once

#include "cli/load.h"

namespace cli {

Result<std::string> profile_list(const ProfilePlaces& places);
Result<std::string> profile_show(const std::vector<std::string>& names, bool origin, const ProfilePlaces& places);
Result<std::string> profile_diff(const std::string& first, const std::string& second, const ProfilePlaces& places);

// All errors of all that are named, each as a launch would report it; exit 125 when there is one.
struct ProfileCheck {
  std::string text;  // "NAME: ok" lines
  std::vector<Error> errors;
};
ProfileCheck profile_check(const std::vector<std::string>& names, const ProfilePlaces& places);

}  // namespace cli
