// The kept overlays of a sandbox as the verbs diff, commit and discard meet them: found by its name, held against those
// who would run it meanwhile, and of them the paths that the command line names.
#pragma once

#include "cli/options.h"
#include "plan/plan.h"
#include "store/changes.h"
#include "supervise/state.h"

#include <optional>
#include <string>
#include <vector>

namespace cli {

int diff(const Options& options);
int commit(const Options& options);
int discard(const Options& options);

// Of a sandbox that is to be forgotten: what it keeps is dropped with `force`, else that it keeps some is an error.
Result<> drop_kept(const std::string& name, bool force);

struct Kept {
  std::string name, place, trash;                // trash: where discarded ones wait to be removed
  sys::Fd state;                                 // the directory
  std::optional<supervise::HeldState> held;      // none: it runs, or another sbx is at it
  std::vector<store::Overlay> overlays;
};

// Without its overlays; an error where it keeps none.
Result<Kept> find_kept(const std::string& name);
// With them, and with the right to reach all their files.
Result<Kept> open_kept(const std::string& name);
std::unexpected<Error> fail_in_use(const std::string& name);
// For a process of its own that is to reach all files of these.
Result<plan::Identity> identity_that_reaches_all(const std::vector<store::Overlay>& overlays);
// Whatever is his own and, with `range`, his subordinate ids': see launch/own_files.h.
Result<> reach_all_files(bool range);

// For each overlay the chosen paths in it: "" is all. Without operands all of all. A relative one is of the working
// directory where that is in an overlay, else of each overlay.
using Chosen = std::vector<std::vector<std::string>>;
Result<Chosen> choose_paths(const std::vector<store::Origin>& overlays, const std::vector<std::string>& operands, const std::string& cwd);
Result<Chosen> choose_paths(const Kept& kept, const std::vector<std::string>& operands);

// Where there are several overlays, their paths are shown whole.
std::string shown_path(const Kept& kept, const store::Overlay& overlay, const std::string& path);

}  // namespace cli
