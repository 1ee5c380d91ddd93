// `sbx diff`: one line a path, a patch, counts of lines, or JSON. Reads only; what an interrupted commit left lying
// about on the host goes where nobody runs the sandbox meanwhile.
#include "cli/json.h"
#include "cli/kept.h"
#include "cli/report.h"
#include "store/acts_later.h"
#include "store/commit.h"
#include "store/patch.h"
#include "sys/terminal.h"

#include <algorithm>
#include <array>

namespace cli {

namespace {

using store::Change;
using store::ChangeKind;
using sys::EntryType;

constexpr std::array<char, 8> letters{'A', 'M', 'D', 'T', 'L', 'P', 'O', 'X'};  // in the order of ChangeKind
static_assert(letters.size() == static_cast<std::size_t>(ChangeKind::count_));

std::string described(const Kept& kept, const store::Overlay& overlay, const Change& change) {
  std::string line = text(letters[static_cast<std::size_t>(change.kind)], "  ", printable(shown_path(kept, overlay, change.path)));
  if (change.is_directory()) line += '/';
  if (change.mode) line += text("  ", octal(change.before->mode), " becomes ", octal(change.after->mode));
  if (change.privileged) line += "  ! set-uid, set-gid or capabilities";
  if (!change.refused.empty()) line += text("  ! cannot be kept: ", change.refused);
  const std::string_view who = store::acts_later(change.path);
  if (!who.empty() && !change.is_directory()) line += text("  ! ", who, " acts on it");
  return line + '\n';
}

// On a terminal nothing of a file's content may act on it.
std::string for_output(const std::string& patch) {
  if (!sys::is_terminal(1)) return patch;
  std::string out;
  for (const std::string& line : split(patch, '\n')) {
    const std::vector<std::string> cells = split(line, '\t');
    for (std::size_t i = 0; i < cells.size(); ++i) out += text(i == 0 ? "" : "\t", printable(cells[i]));
    out += '\n';
  }
  if (!out.empty()) out.pop_back();  // split gives one more than there are line ends
  return out;
}

// What is printed in pieces; false: nobody reads any more, or it failed.
struct Printer {
  std::string waiting;
  int status = 0;
  bool print(std::string_view piece) {
    waiting += piece;
    return waiting.size() < (64 << 10) || flush();
  }
  bool flush() {
    status = print_output(waiting);
    waiting.clear();
    return status == 0;
  }
};

struct Shown { const store::Overlay* overlay; std::vector<Change> changes; };

Result<std::vector<Shown>> collect(const Kept& kept, const Options& options) {
  const std::vector<std::string> operands(options.operands.begin() + 1, options.operands.end());
  const Chosen chosen = TRY(choose_paths(kept, operands));
  std::vector<Shown> out;
  for (std::size_t i = 0; i < kept.overlays.size(); ++i) {
    const std::vector<Change> all = TRY(store::find_changes(kept.overlays[i]));
    out.push_back({&kept.overlays[i], chosen[i].empty() ? std::vector<Change>{} : store::select_changes(all, chosen[i])});
  }
  return out;
}

Result<int> print_patches(const Kept& kept, const std::vector<Shown>& all) {
  Printer printer;
  for (const Shown& each : all) {
    store::PatchMaker maker(*each.overlay);
    if (kept.overlays.size() > 1 && !each.changes.empty()) printer.print(text("# in ", printable(each.overlay->origin.outside), "\n"));
    for (const Change& change : each.changes) {
      const store::Patch patch = TRY(maker.make(change));
      if (!printer.print(for_output(patch.text))) return printer.status;
    }
  }
  printer.flush();
  return printer.status;
}

std::string stat_line(const std::string& path, const store::Patch& patch, std::size_t width, std::size_t most) {
  if (patch.binary) return text(" ", padded(path, width), " | binary\n");
  constexpr std::size_t room = 40;
  const auto scaled = [&](std::size_t lines) { return most <= room || lines == 0 ? lines : std::max<std::size_t>(1, lines * room / most); };
  return text(" ", padded(path, width), " | ", patch.additions + patch.removals, " ", std::string(scaled(patch.additions), '+'),
              std::string(scaled(patch.removals), '-'), "\n");
}

Result<int> print_stat(const Kept& kept, const std::vector<Shown>& all) {
  std::vector<std::pair<std::string, store::Patch>> rows;
  std::size_t width = 0, most = 0, additions = 0, removals = 0;
  for (const Shown& each : all) {
    store::PatchMaker maker(*each.overlay);
    for (const Change& change : each.changes) {
      store::Patch patch = TRY(maker.make(change));
      patch.text.clear();
      additions += patch.additions, removals += patch.removals;
      rows.emplace_back(printable(shown_path(kept, *each.overlay, change.path)) + (change.is_directory() ? "/" : ""), std::move(patch));
      width = std::max(width, rows.back().first.size()), most = std::max(most, rows.back().second.additions + rows.back().second.removals);
    }
  }
  std::string out;
  for (const auto& [path, patch] : rows) out += stat_line(path, patch, std::min<std::size_t>(width, 60), most);
  out += text(" ", rows.size(), rows.size() == 1 ? " path" : " paths", " changed, ", additions, " lines added, ", removals, " removed\n");
  return print_output(out);
}

Result<int> show(const Options& options) {
  const Kept kept = TRY(open_kept(options.operands[0]));
  for (const store::Overlay& each : kept.overlays) {
    if (!each.same_lower) print_note(text(each.origin.outside, " is another directory than the one the sandbox saw"));
    if (kept.held && TRY(store::recover(each)))
      print_note(text("a commit was interrupted; what follows is not yet committed, and 'sbx commit ", kept.name, "' carries on"));
  }
  const std::vector<Shown> all = TRY(collect(kept, options));
  if (options.patch) return print_patches(kept, all);
  if (options.stat) return print_stat(kept, all);
  std::vector<ShownChange> rows;
  std::string lines;
  for (const Shown& each : all)
    for (const Change& change : each.changes) {
      if (options.json) rows.push_back({each.overlay->origin.outside, change, std::string(store::acts_later(change.path))});
      else lines += described(kept, *each.overlay, change);
    }
  return print_output(options.json ? changes_json(rows) : lines);
}

}  // namespace

int diff(const Options& options) {
  const Result<int> shown = show(options);
  return shown ? *shown : print_error(shown.error());
}

}  // namespace cli
