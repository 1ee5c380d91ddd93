// What a sandbox changed in an overlaid directory: the upper is walked, and only that; of the lower directory what the
// upper names. All by descriptors, so that nothing a sandbox wrote leads anywhere else.
#pragma once

#include "base/enum_names.h"
#include "store/origin.h"
#include "sys/entry.h"

#include <optional>
#include <string>
#include <vector>

namespace store {

enum class ChangeKind { added, modified, deleted, type, symlink, mode, owner, attributes, count_ };
inline constexpr EnumNames<ChangeKind, 8> change_names{{"added", "modified", "deleted", "type", "symlink", "mode", "owner", "xattr"}};
static_assert(change_names.complete());

struct Change {
  std::string path;       // below the directory, without a slash before it
  ChangeKind kind = ChangeKind::modified;  // the first that holds of type, symlink, modified, mode, owner, attributes
  std::optional<sys::Entry> before, after;
  bool mode = false, owner = false, attributes = false;  // differ too
  bool copied_up = false; // the engine says that it was there when the sandbox first wrote to it
  bool privileged = false;      // set-uid, set-gid or file capabilities that the file would have
  std::string refused;    // why it can be shown but not kept; empty: it can
  // The lower directory that holds it, or the nearest that exists: when an entry of it was last made or removed.
  Instant directory_changed;
  // The directory above it that the sandbox made itself, though the host has one of that name: moved there meanwhile, say.
  struct Remade { std::string path; Instant changed; };  // when the host's was last changed
  std::optional<Remade> remade = {};
  bool is_directory() const { return after ? after->type == sys::EntryType::directory : before->type == sys::EntryType::directory; }
};

// One kept overlay, open.
struct Overlay {
  Origin origin;
  std::string place;         // sandboxes/NAME/changes/K, to name it in errors
  sys::Fd directory, upper;  // that directory and its upper
  sys::Fd lower;             // what it is of
  bool same_lower = true;    // still the directory of the first run
};

// Of the directory that holds upper, work and origin.
Result<Overlay> open_overlay(sys::Fd directory, std::string place);
// All of a sandbox's, whose state directory this is, by number. None: it has no kept overlay.
Result<std::vector<Overlay>> open_overlays(const sys::Fd& state, const std::string& place);

// Sorted: a directory before what is in it, else by name. Not here: what was only touched, or copied up and not changed.
Result<std::vector<Change>> find_changes(const Overlay& overlay);

struct Counts {
  std::size_t added = 0, modified = 0, deleted = 0;  // modified: whatever is neither of the others
  std::size_t total() const { return added + modified + deleted; }
  Counts& operator+=(const Counts& other);
};
Counts count_changes(const std::vector<Change>& changes);

inline constexpr std::size_t most_depth = 400;  // levels; each takes two descriptors

}  // namespace store
