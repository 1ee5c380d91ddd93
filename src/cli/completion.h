// `sbx completion SHELL`: the script a shell sources, generated from the tables of options.h.
#pragma once

#include "cli/options.h"

namespace cli {

enum class Shell { bash, zsh, fish };
inline constexpr EnumNames<Shell, 3> shell_names{{"bash", "zsh", "fish"}};
static_assert(shell_names.complete());

Result<std::string> completion_script(const std::string& shell);  // by its name
std::string completion_for(Shell shell);

// One per shell, in a file of that name.
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

// In single quotes, for all three shells: 'it'\''s'.
std::string shell_quoted(std::string_view in);
std::vector<std::string> first_words();                             // of the verbs, each once
std::vector<std::string> second_words(std::string_view first_word);  // "profile" -> list, show, …

}  // namespace cli
