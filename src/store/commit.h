// Keeping what a sandbox changed: first what stands in the way is found, and nothing is written while there is any;
// then deletions, what is in a directory first; then everything else, directories first; then the times of directories;
// then the disk is waited for; and only then the paths leave the upper. What the host has then is in `committed`, and
// the journal goes. At any moment a path is on the host, in the upper, or in both: a commit that was cut short is
// carried on by doing the same again for those of the journal's paths that still differ.
#pragma once

#include "store/changes.h"
#include "store/journal.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace store {

struct CommitChoice {
  bool force = false;       // over what changed on the host meanwhile
  bool privileged = false;  // set-uid and set-gid bits and file capabilities, too
};

enum class ObstacleKind { conflict, privileged, refused };
struct Obstacle { ObstacleKind kind; std::string path, why; };

// At or below one of the paths ("" is all), and what these need: the new directories above them.
std::vector<Change> select_changes(const std::vector<Change>& all, const std::vector<std::string>& paths);

// `started`: the origin's; `ledger`: what earlier commits left. Pure.
std::vector<Obstacle> find_obstacles(const Overlay& overlay, const std::vector<Change>& selected, const Ledger& ledger,
                                     const CommitChoice& choice);
Result<Ledger> read_ledger(const Overlay& overlay);

using Progress = std::function<void(std::size_t done, std::size_t total)>;
struct Committed {
  std::size_t count = 0;           // paths
  std::optional<Error> stopped;    // why not all: the rest is as it was
};
// `all` as find_changes gave it. Whoever calls it keeps others from the overlay. Sockets are left out.
Result<Committed> commit_changes(const Overlay& overlay, const std::vector<Change>& all, const std::vector<Change>& selected,
                                 const CommitChoice& choice, const Progress& progress);

// A commit that was cut short: what is left of it on the host is cleaned up. nullopt: there was none.
Result<std::optional<Journal>> recover(const Overlay& overlay);
// Carries it on. `conflicts`: of its paths that changed on the host since; they stay in the upper.
struct Resumed { Committed committed; std::vector<Obstacle> obstacles; };
Result<Resumed> resume(const Overlay& overlay, const Journal& journal, const Progress& progress);
// Gives it up: what it had done stays done, the rest stays in the upper.
Result<> give_up(const Overlay& overlay, const Journal& journal);

}  // namespace store
