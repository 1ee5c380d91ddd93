// What the three shells share.
#include "cli/completion.h"

#include <algorithm>

namespace cli {

Result<std::string> completion_script(const std::string& shell) {
  return completion_for(TRY(shell_names.parse(shell, "shell")));
}

std::string completion_for(Shell shell) {
  switch (shell) {
    case Shell::bash: return bash_completion();
    case Shell::zsh: return zsh_completion();
    case Shell::fish: return fish_completion();
  }
  std::unreachable();
}

std::string shell_quoted(std::string_view in) {
  std::string out = "'";
  for (const char letter : in) {
    if (letter == '\'') out += "'\\''";
    else out += letter;
  }
  return out + "'";
}

std::vector<std::string> first_words() {
  std::vector<std::string> out;
  for (const VerbRow& row : verb_table()) {
    std::string word(row.name.substr(0, row.name.find(' ')));
    if (std::ranges::find(out, word) == out.end()) out.push_back(std::move(word));
  }
  return out;
}

std::vector<std::string> second_words(std::string_view first_word) {
  std::vector<std::string> out;
  for (const VerbRow& row : verb_table())
    if (row.name.starts_with(text(first_word, " "))) out.emplace_back(row.name.substr(first_word.size() + 1));
  return out;
}

}  // namespace cli
