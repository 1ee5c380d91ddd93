// How layers become one Profile: parents first, the last scalar and the last entry of a map win, lists append,
// "!x" removes x and "!*" everything that came before. Finding a profile by name is the caller's.
#pragma once

#include "profile/profile.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace profile {

// `extends` is gone afterwards: the chain tells what was merged. An item that is there already is not added again.
Profile merge(Profile parent, Profile child);

using Lookup = std::function<Result<Profile>(const std::string& name)>;

// The named profiles left to right, each after what it extends (depth first), each only once.
Result<Profile> resolve(const std::vector<std::string>& names, const Lookup& lookup);

}  // namespace profile
