// A path that is not in the upper is as good as gone: it was below what a whiteout or a file stands for.
#include "store/settle.h"

#include "base/path.h"
#include "store/cursor.h"
#include "store/walk.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <set>

namespace store {

namespace {

using sys::Entry;
using sys::EntryType;

bool is_absent(const Error& error) { return error.code == ENOENT || error.code == ENOTDIR; }

// What a sandbox put under a mark's name is a path of its own.
Result<> remove_made_by_engine(const sys::Fd& directory, const std::string& name, const std::string& shown) {
  const auto entry = TRY(sys::entry_at(directory, name, shown));
  return entry && is_made_by_engine(*entry) ? sys::remove_file_at(directory, name, shown) : Result<>{};
}

struct Opaque {
  const Overlay& overlay;
  Cursor upper, lower;
  std::string shown;

  Result<bool> is_opaque(const sys::Fd& directory, const Marked& marks) const;
  Result<> spell_out(const sys::Fd& directory, const sys::Fd* lower_directory);
  Result<> mark(const sys::Fd& directory, const std::string& name) const;
  Result<> unmark(const sys::Fd& directory) const;
};

Result<bool> Opaque::is_opaque(const sys::Fd& directory, const Marked& marks) const {
  if (marks.opaque) return true;
  if (overlay.origin.engine == Engine::kernel) return false;
  const auto named = TRY(sys::entry_at(directory, std::string(opaque_name), shown));
  return named && is_made_by_engine(*named);
}

Result<> Opaque::mark(const sys::Fd& directory, const std::string& name) const {
  const bool kernel = overlay.origin.engine == Engine::kernel;
  return sys::set_attribute_at(directory, name, {kernel ? "user.overlay.opaque" : "user.fuseoverlayfs.opaque", "y"}, shown);
}

Result<> Opaque::unmark(const sys::Fd& directory) const {
  if (overlay.origin.engine == Engine::fuse) {
    TRY(remove_made_by_engine(directory, std::string(opaque_name), shown));
    TRY(sys::remove_attribute_at(directory, ".", "user.fuseoverlayfs.opaque", shown));
  }
  return sys::remove_attribute_at(directory, ".", "user.overlay.opaque", shown);
}

// What the lower has besides gets a whiteout, a directory that both have becomes opaque itself; then the mark can go.
Result<> Opaque::spell_out(const sys::Fd& directory, const sys::Fd* lower_directory) {
  if (lower_directory != nullptr) {
    for (const std::string& name : TRY(sys::list_directory(*lower_directory, shown))) {
      const auto own = TRY(sys::entry_at(directory, name, shown));
      const auto theirs = TRY(sys::entry_at(*lower_directory, name, shown));
      if (!theirs) continue;
      if (!own) TRY(sys::make_whiteout_at(directory, name, shown));
      else if (own->type == EntryType::directory && theirs->type == EntryType::directory) TRY(mark(directory, name));
    }
  }
  return unmark(directory);
}

Result<> spell_out_one(Opaque& opaque, const std::string& path) {
  opaque.shown = path::join(opaque.overlay.place, text("upper/", path));
  auto directory = opaque.upper.at(path);
  if (!directory && is_absent(directory.error())) return {};
  const sys::Fd* upper = TRY(std::move(directory));
  const Marked marks = TRY(read_marks(opaque.overlay.origin.engine, *upper, ".", opaque.shown));
  if (!TRY(opaque.is_opaque(*upper, marks))) return {};
  auto lower = opaque.lower.at(path);
  if (!lower && !is_absent(lower.error())) return std::unexpected<Error>(std::move(lower).error());
  return opaque.spell_out(*upper, lower ? *lower : nullptr);
}

Result<> remove_from(const sys::Fd& upper, const Overlay& overlay, const std::string& path) {
  const std::string shown = path::join(overlay.place, text("upper/", path)), name = name_of(path);
  if (overlay.origin.engine == Engine::fuse) TRY(remove_made_by_engine(upper, text(".wh.", name), shown));
  const auto entry = TRY(sys::entry_at(upper, name, shown));
  if (!entry) return {};
  if (entry->type != EntryType::directory) return sys::remove_file_at(upper, name, shown);
  Result<> removed = sys::remove_directory_at(upper, name, shown);
  if (!removed && removed.error().code == ENOTEMPTY) return {};
  return removed;
}

}  // namespace

Result<> spell_out_opaque(const Overlay& overlay, const std::vector<std::string>& paths) {
  std::set<std::string, std::less<>> directories{""};
  for (std::string_view path : paths)
    for (; !path.empty(); path = parent_of(path))
      if (!directories.emplace(path).second) break;
  Opaque opaque{overlay, Cursor(overlay.upper, overlay.place), Cursor(overlay.lower, overlay.origin.outside), {}};
  for (const std::string& directory : directories) TRY(spell_out_one(opaque, directory));  // the higher come first
  return {};
}

Result<> settle(const Overlay& overlay, const std::vector<std::string>& paths, const std::vector<std::string>& pending) {
  const auto is_pending = [&](std::string_view path) { return std::ranges::binary_search(pending, path, std::less<>()); };
  // With the directories above, which may have been only for these: backwards, what is in one comes before it.
  std::set<std::string, std::less<>> all(paths.begin(), paths.end());
  for (std::string_view path : paths)
    for (path = parent_of(path); !path.empty() && all.emplace(path).second;) path = parent_of(path);
  Cursor upper(overlay.upper, overlay.place);
  for (auto path = all.rbegin(); path != all.rend(); ++path) {
    if (is_pending(*path)) continue;
    auto directory = upper.at(parent_of(*path));
    if (!directory && is_absent(directory.error())) continue;
    const sys::Fd* at = TRY(std::move(directory));
    TRY(remove_from(*at, overlay, *path));
  }
  return {};
}

Result<> restore_directory(const Overlay& overlay, const Change& change) {
  const std::string shown = path::join(overlay.place, text("upper/", change.path)), name = name_of(change.path);
  Cursor upper(overlay.upper, overlay.place), lower(overlay.lower, overlay.origin.outside);
  const sys::Fd* to = TRY(upper.at(parent_of(change.path)));
  const sys::Fd* from = TRY(lower.at(parent_of(change.path)));
  for (const sys::Attribute& each : TRY(sys::attributes_at(*to, name, shown)))
    if (mark_of(overlay.origin.engine, each.name).mark == Mark::refused) TRY(sys::remove_attribute_at(*to, name, each.name, shown));
  if (change.attributes) {
    const auto wanted = TRY(plain_attributes(*from, name, shown));
    for (const sys::Attribute& each : TRY(read_marks(overlay.origin.engine, *to, name, shown)).attributes)
      TRY(sys::remove_attribute_at(*to, name, stored_name(overlay.origin.engine, each.name), shown));
    for (const sys::Attribute& each : wanted)
      TRY(sys::set_attribute_at(*to, name, {stored_name(overlay.origin.engine, each.name), each.value}, shown));
  }
  if (change.owner) TRY(sys::change_owner_at(*to, name, change.before->uid, change.before->gid, shown));
  return sys::set_mode_at(*to, name, change.before->mode, shown);
}

}  // namespace store
