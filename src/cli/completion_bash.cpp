// bash. Its readline cuts words at "=" and ":" as well, so "--user=ro" arrives as three words.
#include "cli/completion.h"

namespace cli {
namespace {

constexpr std::string_view opening = R"sh(# bash completion of sbx, made by 'sbx completion bash'

_sbx_offer() { mapfile -t COMPREPLY < <(compgen "$@" -- "$cur"); }
_sbx_files() { compopt -o filenames 2>/dev/null; _sbx_offer -f; }
_sbx_directories() { compopt -o filenames 2>/dev/null; _sbx_offer -d; }
_sbx_profiles() {
  local names
  names=$("${COMP_WORDS[0]}" profile list 2>/dev/null | while read -r name _; do printf '%s\n' "$name"; done)
  compopt -o filenames 2>/dev/null
  _sbx_offer -f -W "$names"
}

_sbx_sandboxes() {
  _sbx_offer -W "$("${COMP_WORDS[0]}" ps --all 2>/dev/null | while read -r name _; do printf '%s\n' "$name"; done | tail -n +2)"
}

# What follows -- is the command; its own completion knows best.
_sbx_command() {
  if declare -F _comp_command_offset >/dev/null; then _comp_command_offset "$1"
  elif declare -F _command_offset >/dev/null; then _command_offset "$1"
  elif ((COMP_CWORD == $1)); then _sbx_offer -c
  else _sbx_files
  fi
}

_sbx() {
  local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} behind_sign= verb=run i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then _sbx_command $((i + 1)); return; fi
  done
  if [[ $cur == "=" ]]; then cur= behind_sign=1
  elif [[ $option == "=" ]]; then
    behind_sign=1 option=${COMP_WORDS[COMP_CWORD - 2]}
    if [[ $option != -* ]]; then _sbx_files; return; fi  # NAME=FILE
  elif [[ $cur == ":" ]]; then cur=; _sbx_files; return
  elif [[ $option == ":" ]]; then _sbx_files; return
  fi
)sh";

constexpr std::string_view closing = R"(}
complete -F _sbx sbx
)";

std::string offer(Completes completes, std::string_view argument) {
  switch (completes) {
    case Completes::file: return "_sbx_files";
    case Completes::directory: return "_sbx_directories";
    case Completes::profile: return "_sbx_profiles";
    case Completes::sandbox: return "_sbx_sandboxes";
    case Completes::verb: return text("_sbx_offer -W '", join(first_words(), " "), "'");
    case Completes::words: break;
  }
  const auto words = argument_words(argument);
  return words.empty() ? ":" : text("_sbx_offer -W '", join(words, " "), "'");
}

// The verb is the first word, or the first two.
std::string verb_cases() {
  std::string out = "  if ((COMP_CWORD > 1)); then\n    case ${COMP_WORDS[1]} in\n";
  for (const std::string& first : first_words()) {
    const auto seconds = second_words(first);
    if (seconds.empty()) {
      out += text("      ", first, ") verb=", first, " ;;\n");
      continue;
    }
    out += text("      ", first, ")\n        if ((COMP_CWORD == 2)); then _sbx_offer -W '", join(seconds, " "),
                "'; return; fi\n        verb=\"", first, " ${COMP_WORDS[2]}\" ;;\n");
  }
  return out + "    esac\n  fi\n";
}

std::string argument_cases() {
  std::string out = "  case $option in\n";
  for (const Option& option : option_table()) {
    if (option.argument.empty()) continue;
    std::string names = option.long_form();
    if (option.letter != 0) names += text("|-", option.letter);
    const std::string words = offer(option.completes, option.argument);
    // "[=json]" is offered only behind the sign.
    if (option.takes_argument()) out += text("    ", names, ") ", words, "; return ;;\n");
    else out += text("    ", names, ") if [[ $behind_sign ]]; then ", words, "; return; fi ;;\n");
  }
  return out + "  esac\n";
}

std::string word_cases() {
  std::string options = "  if [[ $cur == -* ]]; then\n    case $verb in\n", operands = "    case $verb in\n";
  for (const VerbRow& row : verb_table()) {
    std::vector<std::string> names;
    for (const Option& option : option_table())
      if (option.belongs_to(row.verb)) names.push_back(option.long_form());
    if (takes_command(row.verb)) names.emplace_back("--");
    options += text("      '", row.name, "') _sbx_offer -W '", join(names, " "), "' ;;\n");
    if (row.verb == Verb::run)
      operands += text("      run) if ((COMP_CWORD == 1)); then _sbx_offer -W '", join(first_words(), " "),
                       " --'; else _sbx_offer -W --; fi ;;\n");
    else operands += text("      '", row.name, "') ", offer(row.completes, row.operands), " ;;\n");
  }
  return text(options, "    esac\n  else\n", operands, "    esac\n  fi\n");
}

}  // namespace

std::string bash_completion() { return text(opening, verb_cases(), argument_cases(), word_cases(), closing); }

}  // namespace cli
