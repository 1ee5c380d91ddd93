// Edit distance by the two-row method (Wagner and Fischer, 1974).
#include "base/nearest.h"

#include "base/text.h"

#include <algorithm>

namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t best_distance = word.size() / 3 + 2;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) best = &candidate, best_distance = d;
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string nearest_hint(std::string_view word, const std::vector<std::string>& known) {
  const auto found = nearest(word.substr(0, 64), known);
  return found ? text("did you mean '", *found, "'?") : std::string{};
}
