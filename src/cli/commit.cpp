// `sbx commit`: nothing is written while anything is in the way, of whichever overlay.
#include "cli/kept.h"
#include "cli/report.h"
#include "store/commit.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <algorithm>

namespace cli {

namespace {

using store::Change;
using store::Obstacle;
using store::ObstacleKind;

constexpr int refused_status = 1;
constexpr std::size_t most_listed = 20;

// A bar on a terminal, once the work has taken a moment.
class Bar {
 public:
  Bar() : shown_(sys::is_terminal(2)), last_(sys::monotonic_now() + std::chrono::milliseconds(400)) {}
  ~Bar() { if (drawn_) draw("\r\033[K"); }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;
  void advance(std::size_t done, std::size_t total) {
    if (!shown_ || total == 0 || sys::monotonic_now() < last_ + std::chrono::milliseconds(100)) return;
    last_ = sys::monotonic_now(), drawn_ = true;
    constexpr std::size_t width = 30;
    const std::size_t full = std::min(done, total) * width / total;
    draw(text("\rcommit [", std::string(full, '#'), std::string(width - full, ' '), "] ", done, " of ", total, "\033[K"));
  }

 private:
  static void draw(const std::string& picture) { static_cast<void>(sys::write_all(2, "standard error", picture).has_value()); }
  bool shown_, drawn_ = false;
  std::chrono::nanoseconds last_;
};

struct Part {
  const store::Overlay* overlay;
  std::vector<Change> all, selected;
};

std::string counted(std::size_t count) { return text(count, count == 1 ? " path" : " paths"); }

void print_obstacles(const Kept& kept, const store::Overlay& overlay, const std::vector<Obstacle>& all, std::size_t& listed) {
  for (const Obstacle& each : all)
    if (++listed <= most_listed) print_note(text(shown_path(kept, overlay, each.path), ": ", each.why));
}

std::string hint_for(const std::vector<ObstacleKind>& kinds) {
  const auto has = [&](ObstacleKind kind) { return std::ranges::find(kinds, kind) != kinds.end(); };
  std::string hint = "name paths to commit only those";
  if (has(ObstacleKind::conflict)) hint += "; --force commits over what the host has";
  if (has(ObstacleKind::privileged)) hint += "; --allow-setuid keeps such bits and capabilities";
  return hint;
}

Error refusal(std::size_t in_the_way, const std::vector<ObstacleKind>& kinds) {
  Error error{.code = 0, .message = text("nothing was committed: ", counted(in_the_way), in_the_way == 1 ? " is" : " are", " in the way"),
              .hint = hint_for(kinds), .status = refused_status};
  if (in_the_way > most_listed) error.message += text(", of which ", most_listed, " are listed");
  return error;
}

// What is in the way of all parts together.
Result<> check(const Kept& kept, const std::vector<Part>& parts, const store::CommitChoice& choice) {
  std::size_t listed = 0;
  std::vector<ObstacleKind> kinds;
  for (const Part& part : parts) {
    if (part.selected.empty()) continue;
    const store::Ledger ledger = TRY(store::read_ledger(*part.overlay));
    std::vector<Obstacle> found = store::find_obstacles(*part.overlay, part.selected, ledger, choice);
    if (!part.overlay->same_lower && !choice.force)
      found.insert(found.begin(), {ObstacleKind::conflict, "", text(part.overlay->origin.outside, " is another directory than the one the sandbox saw")});
    print_obstacles(kept, *part.overlay, found, listed);
    for (const Obstacle& each : found) kinds.push_back(each.kind);
  }
  if (kinds.empty()) return {};
  return std::unexpected<Error>(refusal(kinds.size(), kinds));
}

// A commit that was cut short comes first.
Result<> carry_on(const Kept& kept) {
  for (const store::Overlay& overlay : kept.overlays) {
    const auto journal = TRY(store::recover(overlay));
    if (!journal) continue;
    Bar bar;
    const store::Resumed resumed = TRY(store::resume(overlay, *journal, [&](std::size_t done, std::size_t total) { bar.advance(done, total); }));
    print_note(text("an interrupted commit was carried on: ", resumed.committed.count, " of its ", counted(journal->paths.size()), " are on the host"));
    std::size_t listed = 0;
    print_obstacles(kept, overlay, resumed.obstacles, listed);
    if (resumed.committed.stopped) return std::unexpected<Error>(*resumed.committed.stopped);
  }
  return {};
}

Result<std::vector<Part>> select_parts(const Kept& kept, const Options& options) {
  const Chosen chosen = TRY(choose_paths(kept, {options.operands.begin() + 1, options.operands.end()}));
  std::vector<Part> out;
  for (std::size_t i = 0; i < kept.overlays.size(); ++i) {
    Part part{&kept.overlays[i], TRY(store::find_changes(kept.overlays[i])), {}};
    if (!chosen[i].empty()) part.selected = store::select_changes(part.all, chosen[i]);
    out.push_back(std::move(part));
  }
  return out;
}

Result<> commit_part(const Part& part, const store::CommitChoice& choice, std::size_t& done) {
  if (part.selected.empty()) return {};
  Bar bar;
  const store::Committed committed = TRY(store::commit_changes(*part.overlay, part.all, part.selected, choice,
      [&](std::size_t count, std::size_t total) { bar.advance(count, total); }));
  done += committed.count;
  if (!committed.stopped) return {};
  Error error = *committed.stopped;
  error.message += text("; ", counted(done), " committed, the rest is as it was");
  return std::unexpected<Error>(std::move(error));
}

Result<int> keep(const Options& options) {
  const Kept kept = TRY(open_kept(options.operands[0]));
  if (!kept.held) return fail_in_use(kept.name);
  TRY(carry_on(kept));
  const std::vector<Part> parts = TRY(select_parts(kept, options));
  const store::CommitChoice choice{.force = options.force, .privileged = options.allow_setuid};
  TRY(check(kept, parts, choice));
  std::size_t done = 0, pending = 0;
  for (const Part& part : parts) {
    TRY(commit_part(part, choice, done));
    for (const Change& change : part.selected)
      if (change.after && change.after->type == sys::EntryType::socket) print_note(text(shown_path(kept, *part.overlay, change.path), ": a socket is not kept"));
  }
  for (const Part& part : parts) pending += part.all.size();
  pending -= std::min(pending, done);
  return print_output(text(counted(done), " committed", pending > 0 ? text(", ", pending, " left: sbx diff ", kept.name) : "", "\n"));
}

}  // namespace

int commit(const Options& options) {
  const Result<int> kept = keep(options);
  return kept ? *kept : print_error(kept.error());
}

}  // namespace cli
