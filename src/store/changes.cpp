// The walk. A directory of the upper is merged with the lower one unless it is opaque, or stands in one that is: then
// what the lower has besides is deleted. What a whiteout or a change of type deletes is told entry by entry.
#include "store/changes.h"

#include "base/path.h"
#include "base/units.h"
#include "store/walk.h"
#include "sys/file.h"
#include "sys/resolve.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <span>

namespace store {

namespace {

using sys::Entry;
using sys::EntryType;

std::string below(const std::string& directory, const std::string& name) { return directory.empty() ? name : text(directory, "/", name); }

struct Walk {
  const Overlay& overlay;
  std::vector<Change> out;

  struct Place {                   // a directory, in the upper and where it exists in the lower
    const sys::Fd* upper = nullptr;
    const sys::Fd* lower = nullptr;
    std::string path;
    bool opaque = false, attribute_whiteouts = false;
    Instant changed;               // Change::directory_changed of what is in it
    std::size_t depth = 0;
  };

  std::string shown(const std::string& path) const { return path::join(overlay.origin.outside, path); }
  Result<> take_place(const Place& place);
  Result<> take_name(const Place& place, const std::string& name);
  Result<> take_absent(const Place& place, const std::string& name);
  Result<> take_deleted(const sys::Fd& lower, const std::string& name, const std::string& path, Instant changed, std::size_t depth);
  Result<> take_children_deleted(const sys::Fd& lower, const std::string& name, const std::string& path, const Entry& entry, std::size_t depth);
  Result<> descend(const Place& place, const std::string& name, const Change& change, const Marked& marks);
  Result<std::optional<Entry>> lower_of(const Place& place, const std::string& name, const std::string& path) const;
  Result<bool> differs(const Place& place, const std::string& name, Change& change, const Marked& marks) const;
};

std::unexpected<Error> fail_deep(const std::string& path) {
  return fail("the directories of '", printable(path.substr(0, 60)), "…' are more than ", most_depth, " levels deep");
}

Result<std::optional<Entry>> Walk::lower_of(const Place& place, const std::string& name, const std::string& path) const {
  if (place.lower == nullptr) return std::optional<Entry>{};
  return sys::entry_at(*place.lower, name, shown(path));
}

bool is_hidden(const Overlay& overlay, const std::string& path) {
  return std::ranges::any_of(overlay.origin.hidden, [&](const std::string& hidden) { return path::is_at_or_below("/" + path, "/" + hidden); });
}

// What the host has there was never seen by the sandbox: whatever it did there was not meant for it.
constexpr std::string_view never_seen = "it was hidden from the sandbox";

std::string why_not_kept(const Entry& entry) {
  if (entry.type == EntryType::socket) return "it is a socket";
  if (entry.type == EntryType::character || entry.type == EntryType::block) return "it is a device";
  return {};
}

// Of two entries of the same type: fills what differs. False: nothing does.
Result<bool> Walk::differs(const Place& place, const std::string& name, Change& change, const Marked& marks) const {
  const Entry &before = *change.before, &after = *change.after;
  if (before.device == after.device && before.inode == after.inode) return false;  // moved there by a commit
  const std::string path = shown(change.path);
  const bool link = after.type == EntryType::symlink;
  change.mode = !link && before.mode != after.mode;
  change.owner = before.uid != after.uid || before.gid != after.gid;
  change.attributes = TRY(plain_attributes(*place.lower, name, path)) != marks.attributes;
  bool content = false;
  if (link) content = TRY(sys::read_link_at(*place.upper, name, path)) != TRY(sys::read_link_at(*place.lower, name, path));
  if (after.type == EntryType::file) content = before.size != after.size || !TRY(same_content(*place.upper, *place.lower, name, path));
  change.kind = content ? (link ? ChangeKind::symlink : ChangeKind::modified)
                : change.mode ? ChangeKind::mode : change.owner ? ChangeKind::owner : ChangeKind::attributes;
  return content || change.mode || change.owner || change.attributes;
}

Result<> Walk::descend(const Place& place, const std::string& name, const Change& change, const Marked& marks) {
  if (place.depth + 1 > most_depth) return fail_deep(change.path);
  const sys::Fd upper = TRY(sys::open_entry(*place.upper, name, O_RDONLY | O_DIRECTORY, shown(change.path)));
  Place next{.upper = &upper, .lower = nullptr, .path = change.path, .opaque = place.opaque || marks.opaque,
             .attribute_whiteouts = marks.attribute_whiteouts, .changed = place.changed, .depth = place.depth + 1};
  sys::Fd lower;
  const std::size_t first = out.size();
  const bool both = change.before && change.before->type == EntryType::directory;
  if (both) {
    lower = TRY(sys::open_entry(*place.lower, name, O_RDONLY | O_DIRECTORY, shown(change.path)));
    next.lower = &lower, next.changed = change.before->changed;
  }
  TRY(take_place(next));
  // fuse-overlayfs does not say what it copied up.
  if (both && (marks.opaque || (!marks.copied_up && overlay.origin.engine == Engine::kernel)))
    for (Change& each : std::span(out).subspan(first))
      if (!each.remade) each.remade = {change.path, change.before->changed};
  return {};
}

Result<> Walk::take_name(const Place& place, const std::string& name) {
  Change change{.path = below(place.path, name), .before = {}, .after = {}, .refused = {}, .directory_changed = place.changed};
  change.after = TRY(sys::entry_at(*place.upper, name, shown(change.path)));
  if (!change.after) return {};  // gone meanwhile
  change.before = TRY(lower_of(place, name, change.path));
  const Marked marks = TRY(read_marks(overlay.origin.engine, *place.upper, name, shown(change.path)));
  change.copied_up = marks.copied_up, change.privileged = is_privileged(*change.after, marks.attributes);
  change.refused = marks.refused.empty() ? why_not_kept(*change.after) : marks.refused;
  if (mark_of_name(overlay.origin.engine, name).mark != NameMark::none) change.refused = "its name is a whiteout's";
  if (is_hidden(overlay, change.path)) change.refused = never_seen;
  bool changed = true;
  if (!change.before) change.kind = ChangeKind::added;
  else if (change.before->type != change.after->type) change.kind = ChangeKind::type;
  else changed = TRY(differs(place, name, change, marks));
  const bool directory = change.after->type == EntryType::directory;
  if (changed || !marks.refused.empty()) out.push_back(change);
  // What was in a directory that became something else.
  if (change.kind == ChangeKind::type && change.before->type == EntryType::directory)
    return take_children_deleted(*place.lower, name, change.path, *change.before, place.depth + 1);
  return directory ? descend(place, name, change, marks) : Result<>{};
}

Result<> Walk::take_children_deleted(const sys::Fd& lower, const std::string& name, const std::string& path, const Entry& entry, std::size_t depth) {
  if (depth > most_depth) return fail_deep(path);
  const sys::Fd directory = TRY(sys::open_entry(lower, name, O_RDONLY | O_DIRECTORY, shown(path)));
  for (const std::string& child : TRY(sys::list_directory(directory, shown(path))))
    TRY(take_deleted(directory, child, below(path, child), entry.changed, depth));
  return {};
}

Result<> Walk::take_deleted(const sys::Fd& lower, const std::string& name, const std::string& path, Instant changed, std::size_t depth) {
  auto before = TRY(sys::entry_at(lower, name, shown(path)));
  if (!before) return {};
  const bool directory = before->type == EntryType::directory;
  out.push_back({.path = path, .kind = ChangeKind::deleted, .before = before, .after = {}, .refused = {}, .directory_changed = changed});
  if (is_hidden(overlay, path)) out.back().refused = never_seen;
  return directory ? take_children_deleted(lower, name, path, *before, depth + 1) : Result<>{};
}

Result<> Walk::take_absent(const Place& place, const std::string& name) {
  return place.lower == nullptr ? Result<>{} : take_deleted(*place.lower, name, below(place.path, name), place.changed, place.depth);
}

Result<> Walk::take_place(const Place& place) {
  const Level level = TRY(read_level(overlay.origin.engine, *place.upper, place.attribute_whiteouts, shown(place.path)));
  Place here = place;
  here.opaque |= level.opaque;
  std::vector<std::string> absent = level.whiteouts;
  if (here.opaque && place.lower != nullptr) {
    absent = TRY(sys::list_directory(*place.lower, shown(place.path)));
    std::erase_if(absent, [&](const std::string& name) { return std::ranges::binary_search(level.names, name); });
  }
  // Both are sorted, and no name is in both.
  std::size_t next = 0;
  for (const std::string& name : level.names) {
    while (next < absent.size() && absent[next] < name) TRY(take_absent(here, absent[next++]));
    TRY(take_name(here, name));
  }
  while (next < absent.size()) TRY(take_absent(here, absent[next++]));
  return {};
}

Result<std::string> read_origin_text(const sys::Fd& directory, const std::string& place) {
  const sys::Fd file = TRY(sys::open_entry(directory, "origin", O_RDONLY, path::join(place, "origin")));
  return sys::read_fd(file, path::join(place, "origin"), most_origin);
}

Result<> open_lower(Overlay& overlay) {
  const std::string& outside = overlay.origin.outside;
  const std::optional<sys::Fd> found = TRY(sys::find_without_links(outside));
  if (!found) return fail_hint("sbx discard drops what is kept of it", "the directory ", printable(outside), ", which the changes are of, is not there any more");
  overlay.lower = TRY(sys::open_at(*found, ".", O_RDONLY | O_DIRECTORY));
  const Entry entry = TRY(sys::entry_of(overlay.lower, outside));
  overlay.same_lower = entry.device == overlay.origin.device && entry.inode == overlay.origin.inode;
  return {};
}

}  // namespace

Result<Overlay> open_overlay(sys::Fd directory, std::string place) {
  Overlay overlay;
  overlay.directory = std::move(directory), overlay.place = std::move(place);
  const std::string content = TRY(read_origin_text(overlay.directory, overlay.place));
  auto origin = decode_origin(content);
  if (!origin) return fail(printable(overlay.place), ": ", origin.error().message);
  overlay.origin = *std::move(origin);
  overlay.upper = TRY(sys::open_entry(overlay.directory, "upper", O_RDONLY | O_DIRECTORY, path::join(overlay.place, "upper")));
  TRY(open_lower(overlay));
  return overlay;
}

Result<std::vector<Overlay>> open_overlays(const sys::Fd& state, const std::string& place) {
  std::vector<Overlay> out;
  const std::string all = path::join(place, "changes");
  const auto changes = TRY(sys::open_at_if_exists(state, "changes", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, all));
  if (!changes) return out;
  std::vector<std::string> names = TRY(sys::list_directory(*changes, all));
  std::erase_if(names, [](const std::string& name) { return !parse_number(name, 9999).has_value(); });
  std::ranges::sort(names, [](const std::string& a, const std::string& b) { return *parse_number(a) < *parse_number(b); });
  for (const std::string& name : names) {
    const std::string at = path::join(all, name);
    sys::Fd directory = TRY(sys::open_entry(*changes, name, O_RDONLY | O_DIRECTORY, at));
    out.push_back(TRY(open_overlay(std::move(directory), at)));
  }
  return out;
}

Counts& Counts::operator+=(const Counts& other) {
  added += other.added, modified += other.modified, deleted += other.deleted;
  return *this;
}

Counts count_changes(const std::vector<Change>& changes) {
  Counts counts;
  for (const Change& each : changes) ++(each.kind == ChangeKind::added ? counts.added : each.kind == ChangeKind::deleted ? counts.deleted : counts.modified);
  return counts;
}

Result<std::vector<Change>> find_changes(const Overlay& overlay) {
  Walk walk{overlay, {}};
  const Marked marks = TRY(read_marks(overlay.origin.engine, overlay.upper, ".", overlay.place));
  const Entry lower = TRY(sys::entry_of(overlay.lower, overlay.origin.outside));
  TRY(walk.take_place({.upper = &overlay.upper, .lower = &overlay.lower, .path = {}, .opaque = marks.opaque,
                       .attribute_whiteouts = marks.attribute_whiteouts, .changed = lower.changed, .depth = 1}));
  return std::move(walk.out);
}

}  // namespace store
