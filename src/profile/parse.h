// TOML text → one layer, not yet merged with what it extends.
#pragma once

#include "profile/profile.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace profile {

// `source` names the text in origins and errors: a profile's name or a file.
Result<Profile> parse_profile(std::string_view text, std::string_view source);

// The same for `sbx profile check`: every error, in the order of the text. After a syntax error there is only that one.
struct Reading {
  Profile layer;
  std::vector<Error> errors;
};
Reading parse_all(std::string_view text, std::string_view source);

// One TOML value, as --set takes it; nothing where `text` is not a text, list of texts or table of texts.
using SetList = std::vector<std::string>;
using SetTable = std::vector<std::pair<std::string, std::string>>;
std::optional<std::variant<std::string, SetList, SetTable>> parse_value(std::string_view text);

}  // namespace profile
