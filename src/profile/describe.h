// A Profile as text: TOML that parses back to the same values, and the difference of two.
#pragma once

#include "profile/profile.h"

#include <string>

namespace profile {

// Every key that is set, in the order of the key table; with `origin` each value is followed by "# base:12".
std::string describe_profile(const Profile& profile, bool origin);

// One line for each value that only one of them has: "- " of the first, "+ " of the second; "" when they agree.
std::string describe_difference(const Profile& first, const Profile& second);

}  // namespace profile
