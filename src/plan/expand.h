// Path items of a profile or command line, with what they name on this machine.
#pragma once

#include "plan/host.h"
#include "profile/profile.h"

#include <string>

namespace plan {

// ~, $HOME, $PWD, $PROJECT, $XDG_RUNTIME_DIR at the front; a relative path stands in the working directory.
Result<std::string> expand_path(const std::string& path, const Host& host);

// "A[:B][?]" of read_only, read_write, --ro, --rw. Inside is absolute and normalised.
struct PathItem {
  std::string outside, inside;
  bool optional = false;
  bool exact = false;  // in the project: Bind::exact
};
Result<PathItem> parse_path_item(const profile::Item& item, const Host& host);

// An inside path: absolute after expansion.
Result<std::string> parse_inside(const profile::Item& item, const std::string& path, const Host& host);

// Refuses a project that is no project: /, the home, its parents, places of secrets.
Result<std::string> project_directory(const Host& host);

}  // namespace plan
