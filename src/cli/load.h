// Finding and reading profiles: a NAME in the user's directory, the system's, then the shipped ones; a FILE is what
// has a slash. A bare name is never looked up in the current directory, which may be a stranger's.
#pragma once

#include "profile/profile.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct ProfilePlaces {
  std::vector<std::string> directories;  // searched in this order, before the shipped profiles
};

// $XDG_CONFIG_HOME/sbx/profiles (or under $HOME/.config) and /etc/sbx/profiles; either may be unset (nullptr).
ProfilePlaces profile_places(const char* xdg_config_home, const char* home);

bool is_profile_file(std::string_view name);

// The text of a profile that is in a file.
struct ProfileText {
  std::string path, text;
};

// Where NAME or FILE is: its text, or nothing for a shipped profile.
Result<std::optional<ProfileText>> find_profile(const std::string& name, const ProfilePlaces& places);

// One layer, not merged with what it extends.
Result<profile::Profile> load_layer(const std::string& name, const ProfilePlaces& places);

// The profiles left to right, `base` where there are none, with the command line's layer on top.
Result<profile::Profile> load_profile(const std::vector<std::string>& names, profile::Profile command_line,
                                      const ProfilePlaces& places);

// Every name that can be given to --profile, sorted, each once.
Result<std::vector<std::string>> profile_names(const ProfilePlaces& places);

}  // namespace cli
