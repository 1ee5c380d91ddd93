// Looking at one name of an upper: what stands there, past the engine's marks. For the folder's own use.
#pragma once

#include "store/changes.h"
#include "store/marks.h"

#include <string>
#include <vector>

namespace store {

// What the attributes of an entry of the upper say.
struct Marked {
  std::vector<sys::Attribute> attributes;  // the sandbox's, by the names it knows, sorted
  bool opaque = false, attribute_whiteouts = false, whiteout = false, copied_up = false;
  std::string refused;
};
Result<Marked> read_marks(Engine engine, const sys::Fd& dir, const std::string& name, const std::string& shown);
// The same attributes of an entry of the lower directory, which has no marks.
Result<std::vector<sys::Attribute>> plain_attributes(const sys::Fd& dir, const std::string& name, const std::string& shown);

// A directory of an upper.
struct Level {
  std::vector<std::string> names;      // of what is there
  std::vector<std::string> whiteouts;  // what is said not to be there, by a name or by an entry
  bool opaque = false;
};
Result<Level> read_level(Engine engine, const sys::Fd& upper, bool attribute_whiteouts, const std::string& shown);

// Both regular files; by content alone, whatever their times say.
Result<bool> same_content(const sys::Fd& upper, const sys::Fd& lower, const std::string& name, const std::string& shown);

bool is_privileged(const sys::Entry& entry, const std::vector<sys::Attribute>& attributes);

}  // namespace store
