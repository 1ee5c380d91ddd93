// A tree may be deeper than there are descriptors: what lies too deep is moved up beside the top and removed from there.
#include "store/discard.h"

#include "base/path.h"
#include "store/cursor.h"
#include "store/settle.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/resolve.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace store {

namespace {

using sys::EntryType;

constexpr std::size_t most_levels = 100;

struct Removal {
  const sys::Fd& top;               // where what lies deep is moved to
  std::string shown;
  std::vector<std::string> moved;   // names in it

  Result<> remove(const sys::Fd& dir, const std::string& name, std::size_t level);
  Result<> remove_children(const sys::Fd& dir, const std::string& name, std::size_t level);
  Result<> move_up(const sys::Fd& dir, const std::string& name);
};

bool is_gone(const Result<>& done) { return !done && done.error().code == ENOENT; }

Result<> Removal::move_up(const sys::Fd& dir, const std::string& name) {
  moved.push_back(text("deep-", TRY(sys::random_token())));
  return sys::rename_entry(dir, name, top, moved.back(), sys::Rename::no_replace, shown);
}

Result<> Removal::remove_children(const sys::Fd& dir, const std::string& name, std::size_t level) {
  const sys::Fd directory = TRY(sys::open_entry(dir, name, O_RDONLY | O_DIRECTORY, shown));
  for (const std::string& child : TRY(sys::list_directory(directory, shown))) TRY(remove(directory, child, level + 1));
  return {};
}

Result<> Removal::remove(const sys::Fd& dir, const std::string& name, std::size_t level) {
  const auto entry = TRY(sys::entry_at(dir, name, shown));
  if (!entry) return {};
  if (entry->type != EntryType::directory) return sys::remove_file_at(dir, name, shown);
  // The kernel's own work directory has mode 0, and moving one changes its "..".
  if ((entry->mode & 0700) != 0700) TRY(sys::set_mode_at(dir, name, 0700, shown));
  if (level >= most_levels) return move_up(dir, name);
  TRY(remove_children(dir, name, level));
  Result<> removed = sys::remove_directory_at(dir, name, shown);
  return is_gone(removed) ? Result<>{} : std::move(removed);
}

Result<std::optional<sys::Fd>> open_trash(const std::string& trash) { return sys::open_if_exists(trash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW); }

}  // namespace

Result<> remove_tree(const sys::Fd& dir, const std::string& name, const std::string& shown) {
  Removal removal{.top = dir, .shown = shown, .moved = {name}};
  while (!removal.moved.empty()) {
    const std::string next = std::move(removal.moved.back());
    removal.moved.pop_back();
    TRY(removal.remove(dir, next, 0));
  }
  return {};
}

Result<bool> throw_away(const sys::Fd& state, const std::string& place, const std::string& trash) {
  const std::string shown = path::join(place, "changes");
  if (!TRY(sys::entry_at(state, "changes", shown))) return false;
  TRY(sys::make_directories(trash, 0700));
  const auto to = TRY(open_trash(trash));
  if (!to) return fail(printable(trash), " is not there");
  const std::string name = text(path::base_name(place), "-", TRY(sys::random_token()));
  TRY(sys::rename_entry(state, "changes", *to, name, sys::Rename::no_replace, shown));
  return true;
}

Result<> empty_trash(const std::string& trash) {
  const auto directory = TRY(open_trash(trash));
  if (!directory) return {};
  Result<> done;
  for (const std::string& name : TRY(sys::list_directory(*directory, trash))) {
    Result<> removed = remove_tree(*directory, name, path::join(trash, name));
    // Gone: another sbx is at it. One that stays keeps none of the others.
    if (!removed && !is_gone(removed) && done) done = std::move(removed);
  }
  return done;
}

Result<bool> trash_needs_range(const std::string& trash) {
  const auto directory = TRY(open_trash(trash));
  if (!directory) return false;
  for (const std::string& name : TRY(sys::list_directory(*directory, trash)))
    for (const std::string& number : sys::list_directory(path::join(trash, name)).value_or(std::vector<std::string>{})) {
      const auto content = sys::read_file(text(trash, "/", name, "/", number, "/origin"), most_origin);
      const auto origin = content ? decode_origin(*content) : Result<Origin>(fail("none"));
      if (origin && origin->owners == Owners::range) return true;
    }
  return false;
}

Result<> discard_changes(const Overlay& overlay, const std::vector<Change>& all, const std::vector<Change>& selected) {
  std::vector<std::string> paths, pending;
  for (const Change& change : selected) paths.push_back(change.path);
  std::ranges::sort(paths);
  for (const Change& change : all)
    if (!std::ranges::binary_search(paths, change.path)) pending.push_back(change.path);
  std::ranges::sort(pending);
  // What is deleted with all around it has no mark of its own.
  for (const Change& change : selected) {
    if (change.kind != ChangeKind::deleted) continue;
    for (std::string_view above = parent_of(change.path); !above.empty(); above = parent_of(above)) {
      const auto whole = std::ranges::find(all, above, &Change::path);
      const bool stays = whole != all.end() && std::ranges::binary_search(pending, whole->path);
      if (stays && (whole->kind == ChangeKind::deleted || whole->kind == ChangeKind::type))
        return fail_hint(text("discard ", printable(above), " as a whole"), printable(change.path), " was deleted together with ", printable(above));
    }
  }
  TRY(spell_out_opaque(overlay, paths));
  for (const Change& change : selected)
    if (change.before && change.is_directory() && change.before->type == EntryType::directory && change.after) TRY(restore_directory(overlay, change));
  return settle(overlay, paths, pending);
}

}  // namespace store
