// `sbx discard`: all that a sandbox keeps, at once and even where it cannot be read any more; or some paths of it.
#include "base/path.h"
#include "cli/kept.h"
#include "cli/report.h"
#include "store/commit.h"
#include "store/discard.h"

#include <cstdlib>

namespace cli {

namespace {

Result<> sweep_trash(const std::string& trash) {
  const bool range = TRY(store::trash_needs_range(trash));
  if (range) TRY(reach_all_files(true));
  return store::empty_trash(trash);
}

// What lies in the trash is nobody's any more, and the next discard tries again: it keeps nobody from discarding.
void note_left(const Result<>& swept) {
  if (!swept) print_note(text("something that was discarded is not removed yet: ", swept.error().message));
}

Result<std::string> discard_all(const std::string& name) {
  Kept kept = TRY(find_kept(name));
  if (!kept.held) return fail_in_use(kept.name);
  // What a commit that was cut short left on the host. An origin that cannot be read, or a directory that is gone, must
  // not keep anybody from discarding.
  const auto overlays = store::open_overlays(kept.state, kept.place);
  if (overlays)
    for (const store::Overlay& each : *overlays) static_cast<void>(store::recover(each).has_value());
  TRY(store::throw_away(kept.state, kept.place, kept.trash));
  note_left(sweep_trash(kept.trash));
  return text("the changes of '", kept.name, "' are discarded\n");
}

Result<> sweep() {
  const std::string sandboxes = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
  return sweep_trash(path::join(path::parent(sandboxes), "trash"));
}

Result<std::string> discard_some(const Options& options) {
  const Kept kept = TRY(open_kept(options.operands[0]));
  if (!kept.held) return fail_in_use(kept.name);
  const Chosen chosen = TRY(choose_paths(kept, {options.operands.begin() + 1, options.operands.end()}));
  std::size_t count = 0;
  for (std::size_t i = 0; i < kept.overlays.size(); ++i) {
    const store::Overlay& overlay = kept.overlays[i];
    if (const auto journal = TRY(store::recover(overlay))) TRY(store::give_up(overlay, *journal));
    if (chosen[i].empty()) continue;
    const std::vector<store::Change> all = TRY(store::find_changes(overlay));
    const std::vector<store::Change> selected = store::select_changes(all, chosen[i]);
    TRY(store::discard_changes(overlay, all, selected));
    count += selected.size();
  }
  return text(count, count == 1 ? " path" : " paths", " discarded\n");
}

}  // namespace

Result<> drop_kept(const std::string& name, bool force) {
  const std::string sandboxes = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
  const sys::Fd state = TRY(supervise::open_state(sandboxes, name));
  if (!TRY(sys::entry_at(state, "changes", name))) return {};
  if (!force) return fail_hint(text("sbx diff ", name, " shows them; sbx rm --force ", name, " drops them"), "the sandbox '", name, "' keeps changes");
  TRY(discard_all(name));
  return {};
}

int discard(const Options& options) {
  note_left(sweep());  // of one that was cut short
  const auto done = options.operands.size() == 1 ? discard_all(options.operands[0]) : discard_some(options);
  return done ? print_output(*done) : print_error(done.error());
}

}  // namespace cli
