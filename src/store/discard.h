// Forgetting what a sandbox changed. All of it is one rename out of the sandbox's directory, at once and for good; then
// what was renamed is removed, now or, should that be cut short, on the next occasion.
#pragma once

#include "store/changes.h"

#include <string>
#include <vector>

namespace store {

// `trash`: a directory on the same file system, made when it is missing. False: there was nothing.
Result<bool> throw_away(const sys::Fd& state, const std::string& place, const std::string& trash);
// Removes what is in it.
Result<> empty_trash(const std::string& trash);
// Whether something is in it that has files of subordinate ids.
Result<bool> trash_needs_range(const std::string& trash);

// Some changes only: what the directory has shows again.
Result<> discard_changes(const Overlay& overlay, const std::vector<Change>& all, const std::vector<Change>& selected);

// Everything at a name, however deep, whatever the modes of its directories; never out of it.
Result<> remove_tree(const sys::Fd& dir, const std::string& name, const std::string& shown);

}  // namespace store
