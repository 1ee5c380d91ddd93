// The launcher counts in a process of its own where it must be root of a user namespace.
#include "cli/kept_after.h"

#include "base/units.h"
#include "cli/kept.h"
#include "launch/trial.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/sched.h>

namespace cli {

namespace {

using store::Counts;

Result<Counts> count_all(const std::vector<store::Overlay>& overlays) {
  Counts sum;
  for (const store::Overlay& each : overlays) sum += store::count_changes(TRY(store::find_changes(each)));
  return sum;
}

Result<Counts> count_as_root(const std::vector<store::Overlay>& overlays) {
  const plan::Identity identity = TRY(identity_that_reaches_all(overlays));
  const launch::Attempt counted = launch::try_stage(CLONE_NEWUSER, &identity, [&]() -> Result<std::string> {
    const Counts counts = TRY(count_all(overlays));
    return text(counts.added, " ", counts.modified, " ", counts.deleted);
  });
  if (!counted.worked()) return std::unexpected<Error>(counted.error);
  std::array<std::uint64_t, 3> numbers{};
  const std::vector<std::string> words = split(counted.found, ' ');
  for (std::size_t i = 0; i < std::min(words.size(), numbers.size()); ++i) numbers[i] = TRY(parse_number(words[i]));
  return Counts{.added = numbers[0], .modified = numbers[1], .deleted = numbers[2]};
}

}  // namespace

Result<Counts> count_changes(const supervise::State& state) {
  const std::vector<store::Overlay> overlays = TRY(store::open_overlays(state.directory, state.place));
  auto counts = count_all(overlays);
  const bool closed = !counts && (counts.error().code == EACCES || counts.error().code == EPERM);
  return closed ? count_as_root(overlays) : std::move(counts);
}

std::string describe_counts(const Counts& counts) {
  std::vector<std::string> parts;
  for (const auto& [number, word] : {std::pair(counts.added, "added"), {counts.modified, "modified"}, {counts.deleted, "deleted"}})
    if (number > 0) parts.push_back(text(number, " ", word));
  return text(counts.total(), counts.total() == 1 ? " path" : " paths", " changed", parts.empty() ? "" : text(" (", join(parts, ", "), ")"));
}

}  // namespace cli
