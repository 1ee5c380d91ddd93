// The order of things is in commit.h.
#include "store/commit.h"

#include "base/path.h"
#include "store/apply.h"
#include "store/settle.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>

namespace store {

namespace {

using sys::EntryType;
using Paths = std::vector<std::string>;
using Directories = std::set<std::string, std::less<>>;

constexpr const char* journal_name = "journal";
constexpr const char* ledger_name = "committed";
constexpr std::size_t most_journal = 1 << 30;

Result<std::optional<std::string>> read_beside(const Overlay& overlay, const char* name) {
  const std::string shown = path::join(overlay.place, name);
  const auto file = TRY(sys::open_at_if_exists(overlay.directory, name, O_RDONLY | O_NOFOLLOW, shown));
  if (!file) return std::optional<std::string>{};
  return std::optional(TRY(sys::read_fd(*file, shown, most_journal)));
}

Result<> write_beside(const Overlay& overlay, const char* name, std::string_view content) {
  return sys::replace_file_at(overlay.directory, name, content, 0600, path::join(overlay.place, name));
}

Result<> remove_journal(const Overlay& overlay) {
  return sys::remove_file_at(overlay.directory, journal_name, path::join(overlay.place, journal_name));
}

Paths paths_of(const std::vector<Change>& changes) {
  Paths out;
  for (const Change& change : changes) out.push_back(change.path);
  return out;
}

// Of `all` those that are not of `done`, sorted.
Paths rest_of(const std::vector<Change>& all, const Paths& done) {
  Paths sorted = done, out;
  std::ranges::sort(sorted);
  for (const Change& change : all)
    if (!std::ranges::binary_search(sorted, change.path)) out.push_back(change.path);
  std::ranges::sort(out);
  return out;
}

// The directories that the paths stand in; the root is "".
Directories directories_of(const Paths& paths) {
  Directories out{""};
  for (const std::string& path : paths) out.emplace(parent_of(path));
  return out;
}

// As the sandbox had them: making and removing what is in a directory changes its time. Deepest first.
Result<> restore_times(const Overlay& overlay, const Paths& paths) {
  Cursor upper(overlay.upper, overlay.place), lower(overlay.lower, overlay.origin.outside);
  const auto directories = directories_of(paths);
  for (auto each = directories.rbegin(); each != directories.rend(); ++each) {
    const auto from = upper.at(*each), to = lower.at(*each);
    if (!from || !to) continue;  // of what was deleted with all above it
    const std::string shown = path::join(overlay.origin.outside, *each);
    const auto as = TRY(sys::entry_of(**from, shown));
    auto set = sys::set_modified_at(**to, ".", as.modified, shown);
    if (!set && set.error().code != EPERM) return set;  // somebody else's directory
  }
  return {};
}

bool is_later(const Overlay& overlay, const Ledger& ledger, std::string_view path, const Instant& changed) {
  const auto known = ledger.find(path);
  return changed > overlay.origin.started && (known == ledger.end() || known->second != changed);
}

// Of the directories that the paths stand in those where the host made or removed something. A commit that touches them
// too must not pass that off as its own.
Result<Directories> changed_by_host(const Overlay& overlay, const Paths& paths) {
  const Ledger ledger = TRY(read_ledger(overlay));
  Cursor lower(overlay.lower, overlay.origin.outside);
  Directories out;
  for (const std::string& each : directories_of(paths)) {
    const auto directory = lower.at(each);
    if (!directory) continue;  // it is made by this commit
    const sys::Entry entry = TRY(sys::entry_of(**directory, path::join(overlay.origin.outside, each)));
    if (is_later(overlay, ledger, each, entry.changed)) out.insert(each);
  }
  return out;
}

// Of the paths, and of the directories that `around` stand in: temporary files came and went there.
Result<> write_ledger(const Overlay& overlay, const Paths& paths, const Paths& around, const Directories& of_host) {
  Ledger ledger = TRY(read_ledger(overlay));
  Cursor lower(overlay.lower, overlay.origin.outside);
  Directories all = directories_of(around);
  all.insert(paths.begin(), paths.end());
  for (const std::string& path : all) {
    if (of_host.contains(path)) continue;
    const auto directory = lower.at(parent_of(path));
    if (!directory) continue;  // it was deleted
    const auto entry = TRY(sys::entry_at(**directory, path.empty() ? "." : name_of(path), path::join(overlay.origin.outside, path)));
    if (entry) ledger.insert_or_assign(path, entry->changed);
  }
  return write_beside(overlay, ledger_name, encode(ledger));
}

// Phase by phase; what was done is in `done`, and the first error ends it.
Result<> apply_all(Target& target, const std::vector<Change>& selected, const Progress& progress, Paths& done) {
  for (std::size_t i = selected.size(); i-- > 0;) {
    if (selected[i].kind != ChangeKind::deleted) continue;
    TRY(apply_deletion(target, selected[i]));
    done.push_back(selected[i].path), progress(done.size(), selected.size());
  }
  for (const Change& change : selected) {
    if (change.kind == ChangeKind::deleted) continue;
    TRY(apply_change(target, change));
    done.push_back(change.path), progress(done.size(), selected.size());
  }
  return {};
}

Result<> finish(const Overlay& overlay, const std::vector<Change>& all, const Paths& done, Paths touched, const Journal& journal,
                const Directories& of_host = {}) {
  TRY(restore_times(overlay, done));
  TRY(sys::sync_file_system(overlay.lower, overlay.origin.outside));
  TRY(settle(overlay, done, rest_of(all, done)));
  touched.insert(touched.end(), done.begin(), done.end());
  TRY(write_ledger(overlay, touched, journal.paths, of_host));
  return remove_journal(overlay);
}

// Those that the journal names, and of the journal those that differ no more.
std::vector<Change> named_by(const Journal& journal, const std::vector<Change>& all) {
  const std::set<std::string_view> named(journal.paths.begin(), journal.paths.end());
  std::vector<Change> out = all;
  std::erase_if(out, [&](const Change& change) { return !named.contains(change.path); });
  return out;
}

Paths done_of(const Journal& journal, const std::vector<Change>& all) {
  std::set<std::string_view> differ;
  for (const Change& change : all) differ.insert(change.path);
  Paths out = journal.paths;
  std::erase_if(out, [&](const std::string& path) { return differ.contains(path); });
  return out;
}

// Its content is the sandbox's already.
bool stays(const Change& change) {
  return change.kind == ChangeKind::mode || change.kind == ChangeKind::owner || change.kind == ChangeKind::attributes;
}

bool is_new_place(const Change& change) { return change.kind == ChangeKind::added || change.kind == ChangeKind::type; }

// `done_before`: of an earlier try; they leave the upper with the rest.
Result<Committed> carry_out(const Overlay& overlay, const std::vector<Change>& all, std::vector<Change> selected,
                            const Journal& journal, const Paths& done_before, const Progress& progress, const Directories& of_host = {}) {
  std::erase_if(selected, [](const Change& change) { return change.after && change.after->type == EntryType::socket; });
  TRY(spell_out_opaque(overlay, journal.paths));
  // What takes a place on the host by a second name must be on the disk before it does.
  TRY(sys::sync_file_system(overlay.upper, overlay.place));
  Paths done = done_before;
  Paths touched;
  Result<> applied;
  {  // on deep paths what the target holds open leaves no descriptors for what finishes
    Target target(overlay, journal.temporary());
    applied = apply_all(target, selected, progress, done);
    if (target.stuck) return std::unexpected<Error>(applied.error());  // the journal stays, and the next commit carries on
    touched = std::move(target.touched);
  }
  TRY(finish(overlay, all, done, std::move(touched), journal, of_host));
  return Committed{.count = done.size(), .stopped = applied ? std::nullopt : std::optional(applied.error())};
}

}  // namespace

std::vector<Change> select_changes(const std::vector<Change>& all, const Paths& paths) {
  std::set<std::string, std::less<>> needed;
  const auto is_chosen = [&](const std::string& path) {
    return std::ranges::any_of(paths, [&](const std::string& chosen) {
      return chosen.empty() || path == chosen || (path.starts_with(chosen) && path[chosen.size()] == '/');
    });
  };
  std::vector<bool> taken(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!(taken[i] = is_chosen(all[i].path))) continue;
    for (std::string_view above = parent_of(all[i].path); !above.empty(); above = parent_of(above))
      if (!needed.emplace(above).second) break;
  }
  std::vector<Change> out;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (taken[i] || (is_new_place(all[i]) && needed.contains(all[i].path))) out.push_back(all[i]);
  return out;
}

Result<Ledger> read_ledger(const Overlay& overlay) {
  const auto content = TRY(read_beside(overlay, ledger_name));
  if (!content) return Ledger{};
  auto ledger = decode_ledger(*content);
  if (!ledger) return fail(printable(path::join(overlay.place, ledger_name)), ": ", ledger.error().message);
  return ledger;
}

std::vector<Obstacle> find_obstacles(const Overlay& overlay, const std::vector<Change>& selected, const Ledger& ledger, const CommitChoice& choice) {
  std::vector<Obstacle> out;
  std::set<std::string_view> new_places;
  for (const Change& change : selected) {
    const bool in_new = new_places.contains(parent_of(change.path));
    if (is_new_place(change)) new_places.insert(change.path);
    if (!change.refused.empty() && !(change.after && change.after->type == EntryType::socket))
      out.push_back({ObstacleKind::refused, change.path, change.refused});
    if (change.privileged && !choice.privileged)
      out.push_back({ObstacleKind::privileged, change.path, "it would be set-uid, set-gid or have file capabilities"});
    if (choice.force) continue;
    if (change.before && is_later(overlay, ledger, change.path, change.before->changed))
      out.push_back({ObstacleKind::conflict, change.path, "it changed on the host meanwhile"});
    else if (change.before && change.remade && is_later(overlay, ledger, change.remade->path, change.remade->changed))
      out.push_back({ObstacleKind::conflict, change.path, text("the host has another directory ", printable(change.remade->path), " meanwhile, or changed it")});
    else if (!change.before && !in_new && is_later(overlay, ledger, parent_of(change.path), change.directory_changed))
      // One that the sandbox moved here was copied up too.
      out.push_back({ObstacleKind::conflict, change.path, change.copied_up ? "it was removed on the host meanwhile, or its directory changed"
                                                                           : "it is new, and its directory changed on the host meanwhile"});
  }
  return out;
}

Result<Committed> commit_changes(const Overlay& overlay, const std::vector<Change>& all, const std::vector<Change>& selected,
                                 const CommitChoice& choice, const Progress& progress) {
  const Directories of_host = choice.force ? Directories{} : TRY(changed_by_host(overlay, paths_of(selected)));
  Journal journal{.token = TRY(sys::random_token()), .force = choice.force, .privileged = choice.privileged, .paths = paths_of(selected)};
  TRY(write_beside(overlay, journal_name, encode(journal)));
  return carry_out(overlay, all, selected, journal, {}, progress, of_host);
}

Result<std::optional<Journal>> recover(const Overlay& overlay) {
  const auto content = TRY(read_beside(overlay, journal_name));
  if (!content) return std::optional<Journal>{};
  auto journal = decode_journal(*content);
  if (!journal) return fail_hint("sbx discard drops all of it", printable(overlay.place), ": ", journal.error().message);
  Cursor lower(overlay.lower, overlay.origin.outside);
  for (const std::string& each : directories_of(journal->paths)) {
    const auto directory = lower.at(each);
    if (!directory) continue;  // never made, or deleted
    const std::string shown = path::join(overlay.origin.outside, path::join(each, journal->temporary()));
    const auto found = TRY(sys::entry_at(**directory, journal->temporary(), shown));
    if (!found) continue;
    if (found->type == EntryType::directory) TRY(sys::remove_directory_at(**directory, journal->temporary(), shown));
    else TRY(sys::remove_file_at(**directory, journal->temporary(), shown));
  }
  return std::optional(*std::move(journal));
}

Result<Resumed> resume(const Overlay& overlay, const Journal& journal, const Progress& progress) {
  const std::vector<Change> all = TRY(find_changes(overlay));
  std::vector<Change> selected = named_by(journal, all);
  // Directories that it had changed itself, and modes and attributes that it was at, are no sign of anybody else.
  Ledger ledger = TRY(read_ledger(overlay));
  for (const Change& change : selected) {
    if (!change.before) ledger.insert_or_assign(std::string(parent_of(change.path)), change.directory_changed);
    else if (change.before->type == EntryType::directory || stays(change)) ledger.insert_or_assign(change.path, change.before->changed);
    if (change.remade) ledger.insert_or_assign(change.remade->path, change.remade->changed);
  }
  Resumed out;
  out.obstacles = find_obstacles(overlay, selected, ledger, {.force = journal.force, .privileged = journal.privileged});
  for (const Obstacle& each : out.obstacles)
    std::erase_if(selected, [&](const Change& change) { return path::is_at_or_below("/" + change.path, "/" + each.path); });
  out.committed = TRY(carry_out(overlay, all, std::move(selected), journal, done_of(journal, all), progress));
  return out;
}

Result<> give_up(const Overlay& overlay, const Journal& journal) {
  const std::vector<Change> all = TRY(find_changes(overlay));
  return finish(overlay, all, done_of(journal, all), {}, journal);
}

}  // namespace store
