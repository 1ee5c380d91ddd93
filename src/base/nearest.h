// The known word nearest to a mistyped one, for "did you mean".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Nothing when no word is within a third of its length (Levenshtein distance).
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);
// "did you mean 'x'?" or "".
std::string nearest_hint(std::string_view word, const std::vector<std::string>& known);
