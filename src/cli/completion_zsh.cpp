// zsh, by _arguments: one list of specifications per verb.
#include "cli/completion.h"

namespace cli {
namespace {

constexpr std::string_view opening = R"sh(#compdef sbx
# zsh completion of sbx, made by 'sbx completion zsh'

_sbx_profiles() {
  local -a names
  names=(${${(f)"$(_call_program profiles $program profile list 2>/dev/null)"}%%[[:space:]]*})
  _alternative 'profiles:profile:compadd -a names' 'files:file:_files'
}

_sbx_sandboxes() {
  local -a names
  names=(${${${(f)"$(_call_program sandboxes $program ps --all 2>/dev/null)"}[2,-1]}%%[[:space:]]*})
  compadd -a names
}

_sbx() {
  local curcontext=$curcontext state line program=$words[1]
  typeset -A opt_args
  # What follows -- is the command.
  integer separator=${words[(i)--]}
  if (( separator < CURRENT )); then
    words=("${(@)words[separator+1,-1]}")
    (( CURRENT -= separator ))
    _normal
    return
  fi
)sh";

constexpr std::string_view closing = R"(}

if [[ $funcstack[1] == _sbx ]]; then _sbx "$@"; else compdef _sbx sbx; fi
)";

// In the text of a specification, brackets and colons are its own.
std::string escaped(std::string_view in) {
  std::string out;
  for (const char letter : in) {
    if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') out += '\\';
    out += letter;
  }
  return out;
}

std::string action(Completes completes, std::string_view argument) {
  switch (completes) {
    case Completes::file: return "_files";
    case Completes::directory: return "_files -/";
    case Completes::profile: return "_sbx_profiles";
    case Completes::sandbox: return "_sbx_sandboxes";
    case Completes::verb: return text("(", join(first_words(), " "), ")");
    case Completes::words: break;
  }
  const auto words = argument_words(argument);
  return words.empty() ? " " : text("(", join(words, " "), ")");
}

std::string specification(const Option& option) {
  const std::string argument =
      option.argument.empty() ? "" : text(option.takes_argument() ? ":" : "::", escaped(option.argument), ":",
                                          action(option.completes, option.argument));
  const std::string rest = shell_quoted(text("[", escaped(option.help), "]", argument));
  const std::string_view sign = option.argument.empty() ? "" : option.takes_argument() ? "=" : "=-";
  std::string out = text("    '*'", option.long_form(), sign, rest, " \\\n");
  if (option.letter != 0) out += text("    '*'-", option.letter, option.takes_argument() ? "+" : "", rest, " \\\n");
  return out;
}

std::string arguments_of(const VerbRow& row) {
  std::string out = "  _arguments -s -S \\\n";
  for (const Option& option : option_table())
    if (option.belongs_to(row.verb)) out += specification(option);
  const std::string operands = text("*:", escaped(row.operands), ":", action(row.completes, row.operands));
  if (row.verb == Verb::run) return out + "    '*: :(--)'\n";
  return out + text("    ", row.operands.empty() ? "'*: : '" : shell_quoted(operands), "\n");
}

std::string verb_cases() {
  std::string out = text("  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n    compadd -- ",
                         join(first_words(), " "), " --\n    return\n  fi\n");
  for (const std::string& first : first_words())
    if (const auto seconds = second_words(first); !seconds.empty())
      out += text("  if (( CURRENT == 3 )) && [[ $words[2] == ", first, " ]]; then\n    compadd -- ",
                  join(seconds, " "), "\n    return\n  fi\n");
  out += "  local verb=run\n  case \"$words[2]\" in\n";
  for (const std::string& first : first_words()) {
    const bool two = !second_words(first).empty();
    // _arguments takes the first word for the command.
    out += two ? text("    ", first, ") verb=\"", first, " $words[3]\"; shift 2 words; (( CURRENT -= 2 )) ;;\n")
               : text("    ", first, ") verb=", first, "; shift words; (( CURRENT -= 1 )) ;;\n");
  }
  return out + "  esac\n";
}

}  // namespace

std::string zsh_completion() {
  std::string out = text(opening, verb_cases(), "  case $verb in\n");
  for (const VerbRow& row : verb_table()) out += text("  '", row.name, "')\n", arguments_of(row), "    ;;\n");
  return text(out, "  esac\n", closing);
}

}  // namespace cli
