// Changes by the key's name: what options and --set put on the layer of the command line. Relative host paths
// become "$PWD/…" here and "cap_kill" becomes "KILL"; in a profile they are errors.
#pragma once

#include "profile/profile.h"

#include <string_view>

namespace profile {

// Keys are "sandbox.user", "filesystem.read_only", "environment.set" (value "K=V") or "environment.set.K".
// assign: a list becomes just this item ("!x" still only removes). append: to a list or a map.
Result<> assign(Profile& layer, std::string_view key, std::string_view value, const Origin& origin);
Result<> append(Profile& layer, std::string_view key, std::string_view value, const Origin& origin);

// "TABLE.KEY=VALUE" of --set. VALUE is a TOML text, list or table where it parses as one, else taken as it stands.
// For a list: "x" or a TOML list replaces, "+x" appends, "!x" removes.
Result<> set(Profile& layer, std::string_view assignment, const Origin& origin);

}  // namespace profile
