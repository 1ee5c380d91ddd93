// Where upper and host are one file system, the new file is the upper's own, by a second name: nothing is copied, and
// until the upper's name goes nothing depends on it. A file with several names is copied, or those that stay in the
// upper would share it with the host.
#include "store/apply.h"

#include "base/path.h"
#include "store/walk.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace store {

namespace {

using sys::Entry;
using sys::EntryType;
using sys::Rename;

struct Spot {  // where a change happens
  const sys::Fd *from, *to;   // directories, of the upper and the host
  std::string name, shown;
  const std::string& temporary;
  const std::string& path;
  std::vector<std::string>& touched;
};

Result<Spot> spot_of(Target& target, const Change& change) {
  const std::string shown = path::join(target.overlay.origin.outside, change.path);
  const sys::Fd* from = TRY(target.upper.at(parent_of(change.path)));
  const sys::Fd* to = TRY(target.lower.at(parent_of(change.path)));
  return Spot{from, to, name_of(change.path), shown, target.temporary, change.path, target.touched};
}

std::unexpected<Error> fail_changed(const std::string& shown) {
  return fail_hint("sbx commit again; it lists what is in the way", printable(shown), " changed on the host while it was to be replaced");
}

bool is_same(const std::optional<Entry>& now, const Entry& before) {
  return now && now->device == before.device && now->inode == before.inode && now->type == before.type &&
         (now->type == EntryType::directory || (now->size == before.size && now->modified == before.modified));
}

// Owner, attributes, mode and time of a copy.
Result<> dress(const Spot& spot, const std::string& name, const Entry& as, const std::vector<sys::Attribute>& attributes) {
  const auto made = TRY(sys::entry_at(*spot.to, name, spot.shown));
  if (!made) return fail_changed(spot.shown);
  if (made->uid != as.uid || made->gid != as.gid) TRY(sys::change_owner_at(*spot.to, name, as.uid, as.gid, spot.shown));
  for (const sys::Attribute& each : attributes) TRY(sys::set_attribute_at(*spot.to, name, each, spot.shown));
  if (as.type != EntryType::symlink) TRY(sys::set_mode_at(*spot.to, name, as.mode, spot.shown));
  return sys::set_modified_at(*spot.to, name, as.modified, spot.shown);
}

// True: the temporary name is one of the upper's own file now.
Result<bool> link_file(const Spot& spot, const Entry& as) {
  if (as.links != 1 || as.device != TRY(sys::entry_of(*spot.to, spot.shown)).device) return false;
  if (!sys::link_entry(*spot.from, spot.name, *spot.to, spot.temporary, spot.shown)) return false;  // another mount, or no links there
  for (const sys::Attribute& each : TRY(sys::attributes_at(*spot.to, spot.temporary, spot.shown)))
    if (each.name.starts_with("user.overlay.") || each.name.starts_with("user.fuseoverlayfs."))
      TRY(sys::remove_attribute_at(*spot.to, spot.temporary, each.name, spot.shown));
  return true;
}

Result<> copy_file(const Spot& spot) {
  const sys::Fd from = TRY(sys::open_entry(*spot.from, spot.name, O_RDONLY, spot.shown));
  if (TRY(sys::entry_of(from, spot.shown)).type != EntryType::file) return fail(printable(spot.shown), " is no regular file in the sandbox any more");
  const sys::Fd to = TRY(sys::create_file_at(*spot.to, spot.temporary, 0600, spot.shown));
  return sys::copy_content(from, to, spot.shown);
}

Result<> copy_link(const Spot& spot) {
  const std::string to = TRY(sys::read_link_at(*spot.from, spot.name, spot.shown));
  return sys::make_symlink_at(*spot.to, spot.temporary, to, spot.shown);
}

Result<> make_temporary(const Spot& spot, const Entry& as, const Marked& marks) {
  switch (as.type) {
    case EntryType::file:
      if (TRY(link_file(spot, as))) return {};
      TRY(copy_file(spot));
      break;
    case EntryType::symlink: TRY(copy_link(spot)); break;
    case EntryType::fifo: TRY(sys::make_fifo_at(*spot.to, spot.temporary, 0600, spot.shown)); break;
    case EntryType::directory: TRY(sys::make_directory_at(*spot.to, spot.temporary, 0700, spot.shown)); break;
    default: return fail(printable(spot.shown), " is neither a file, a directory, a symbolic link nor a fifo");
  }
  return dress(spot, spot.temporary, as, marks.attributes);
}

Result<> remove_one(const Spot& spot, const std::string& name, bool directory) {
  return directory ? sys::remove_directory_at(*spot.to, name, spot.shown) : sys::remove_file_at(*spot.to, name, spot.shown);
}

bool unknown_to_the_file_system(const Result<>& renamed) { return !renamed && (renamed.error().code == EINVAL || renamed.error().code == ENOSYS); }

// The place is free; nobody may take it meanwhile.
Result<> take_free_place(const Spot& spot) {
  Result<> moved = sys::rename_entry(*spot.to, spot.temporary, *spot.to, spot.name, Rename::no_replace, spot.shown);
  if (!moved && moved.error().code == EEXIST) return fail_changed(spot.shown);
  if (!unknown_to_the_file_system(moved)) return moved;
  if (TRY(sys::entry_at(*spot.to, spot.name, spot.shown))) return fail_changed(spot.shown);
  return sys::rename_entry(*spot.to, spot.temporary, *spot.to, spot.name, Rename::replace, spot.shown);
}

Result<> take_place_of(const Spot& spot, const Entry& before, EntryType type) {
  const bool directory = before.type == EntryType::directory;
  Result<> swapped = sys::rename_entry(*spot.to, spot.temporary, *spot.to, spot.name, Rename::exchange, spot.shown);
  if (unknown_to_the_file_system(swapped)) {
    if (!is_same(TRY(sys::entry_at(*spot.to, spot.name, spot.shown)), before)) return fail_changed(spot.shown);
    if (directory || type == EntryType::directory) TRY(remove_one(spot, spot.name, directory));
    return sys::rename_entry(*spot.to, spot.temporary, *spot.to, spot.name, Rename::replace, spot.shown);
  }
  if (!swapped && swapped.error().code == ENOENT) return fail_changed(spot.shown);
  TRY(std::move(swapped));
  const auto came_out = sys::entry_at(*spot.to, spot.temporary, spot.shown);
  Result<> removed = fail_changed(spot.shown);
  if (!came_out) removed = std::unexpected<Error>(came_out.error());
  else if (is_same(*came_out, before)) {
    removed = remove_one(spot, spot.temporary, directory);
    if (removed) return {};
  }
  TRY(sys::rename_entry(*spot.to, spot.temporary, *spot.to, spot.name, Rename::exchange, spot.shown));  // as it was
  const auto back = sys::entry_at(*spot.to, spot.name, spot.shown);
  if (back && is_same(*back, before)) spot.touched.push_back(spot.path);
  return removed;
}

Result<> remove_temporary(const Spot& spot) {
  const auto left = TRY(sys::entry_at(*spot.to, spot.temporary, spot.shown));
  return left ? remove_one(spot, spot.temporary, left->type == EntryType::directory) : Result<>{};
}

Result<> replace(const Spot& spot, const Change& change, const Entry& as, const Marked& marks, bool& stuck) {
  Result<> made = make_temporary(spot, as, marks);
  if (made) made = change.before ? take_place_of(spot, *change.before, as.type) : take_free_place(spot);
  if (!made) stuck = !remove_temporary(spot).has_value();  // the first error counts
  return made;
}

// Mode, owner and attributes of what stays.
Result<> change_in_place(const Spot& spot, const Change& change, const Entry& as, const Marked& marks) {
  if (!is_same(TRY(sys::entry_at(*spot.to, spot.name, spot.shown)), *change.before)) return fail_changed(spot.shown);
  spot.touched.push_back(spot.path);
  if (change.owner) TRY(sys::change_owner_at(*spot.to, spot.name, as.uid, as.gid, spot.shown));
  if (change.attributes) {
    for (const sys::Attribute& each : TRY(plain_attributes(*spot.to, spot.name, spot.shown)))
      if (!std::ranges::any_of(marks.attributes, [&](const auto& kept) { return kept.name == each.name; }))
        TRY(sys::remove_attribute_at(*spot.to, spot.name, each.name, spot.shown));
    for (const sys::Attribute& each : marks.attributes) TRY(sys::set_attribute_at(*spot.to, spot.name, each, spot.shown));
  }
  const bool again = change.mode || (change.owner && as.type != EntryType::symlink);  // chown(2) clears bits of the mode
  return again ? sys::set_mode_at(*spot.to, spot.name, as.mode, spot.shown) : Result<>{};
}

}  // namespace

Result<> apply_change(Target& target, const Change& change) {
  const Spot spot = TRY(spot_of(target, change));
  const auto as = TRY(sys::entry_at(*spot.from, spot.name, spot.shown));
  if (!as || as->type != change.after->type) return fail("what the sandbox has at ", printable(spot.shown), " changed just now");
  const Marked marks = TRY(read_marks(target.overlay.origin.engine, *spot.from, spot.name, spot.shown));
  const bool stays = change.kind == ChangeKind::mode || change.kind == ChangeKind::owner || change.kind == ChangeKind::attributes;
  return stays ? change_in_place(spot, change, *as, marks) : replace(spot, change, *as, marks, target.stuck);
}

Result<> apply_deletion(Target& target, const Change& change) {
  const std::string shown = path::join(target.overlay.origin.outside, change.path);
  const sys::Fd* to = TRY(target.lower.at(parent_of(change.path)));
  const std::string name = name_of(change.path);
  const auto now = TRY(sys::entry_at(*to, name, shown));
  if (!now) return {};
  if (!is_same(now, *change.before)) return fail_changed(shown);
  if (now->type != EntryType::directory) return sys::remove_file_at(*to, name, shown);
  Result<> removed = sys::remove_directory_at(*to, name, shown);
  if (!removed && removed.error().code == ENOTEMPTY)
    return fail_hint("look at what is new in it", printable(shown), " has something that the sandbox did not see");
  return removed;
}

}  // namespace store
