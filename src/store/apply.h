// One change carried out on the host. A file is made beside its place under the commit's temporary name and then takes
// the place in one step; what had the place is looked at before it goes. Nothing follows a symbolic link.
#pragma once

#include "store/changes.h"
#include "store/cursor.h"

namespace store {

struct Target {
  const Overlay& overlay;
  std::string temporary;       // the name
  Cursor upper, lower;
  std::vector<std::string> touched;  // paths that were given a later ctime, whether or not all of their change was done
  bool stuck = false;                // something stands under the temporary name and could not be removed
  explicit Target(const Overlay& of, std::string name)
      : overlay(of), temporary(std::move(name)), upper(of.upper, of.place), lower(of.lower, of.origin.outside) {}
};

Result<> apply_change(Target& target, const Change& change);    // of any kind but deleted
Result<> apply_deletion(Target& target, const Change& change);  // what is in a directory was deleted before it

}  // namespace store
