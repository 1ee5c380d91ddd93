// fish: one `complete` line per option and verb, each with the condition under which it applies.
#include "cli/completion.h"

namespace cli {
namespace {

constexpr std::string_view opening = R"(# fish completion of sbx, made by 'sbx completion fish'

function __sbx_in_command
    contains -- -- (commandline -opc)
end

# What follows -- is the command; its own completion knows best.
function __sbx_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    set -e words[1..$at]
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

function __sbx_profiles
    set -l words (commandline -opc)
    $words[1] profile list 2>/dev/null | string replace -r '\s.*' ''
end

function __sbx_sandboxes
    set -l words (commandline -opc)
    $words[1] ps --all 2>/dev/null | tail -n +2 | string replace -r '\s.*' ''
end

# Is the line one of the verb given? Without a verb it is run.
function __sbx_is
    __sbx_in_command; and return 1
    set -l words (commandline -opc)
    set -e words[1]
    if test "$words[1]" = "$argv[1]"
        test (count $argv) -eq 1; or test "$words[2]" = "$argv[2]"
        return
    end
)";

std::string action(Completes completes, std::string_view argument) {
  switch (completes) {
    case Completes::file: return " -F";
    case Completes::directory: return " -a '(__fish_complete_directories)'";
    case Completes::profile: return " -F -a '(__sbx_profiles)'";
    case Completes::sandbox: return " -a '(__sbx_sandboxes)'";
    case Completes::verb: return text(" -a '", join(first_words(), " "), "'");
    case Completes::words: break;
  }
  const auto words = argument_words(argument);
  return words.empty() ? "" : text(" -a '", join(words, " "), "'");
}

std::string option_line(const Option& option, const VerbRow& row) {
  std::string out = text("complete -c sbx -n '__sbx_is ", row.name, "' -l ", option.name);
  if (option.letter != 0) out += text(" -s ", option.letter);
  if (option.takes_argument()) out += " -r";
  if (!option.argument.empty()) out += action(option.completes, option.argument);
  return text(out, " -d ", shell_quoted(option.help), "\n");
}

std::string verb_lines() {
  std::string out;
  for (const std::string& first : first_words()) {
    const auto seconds = second_words(first);
    out += text("complete -c sbx -n __sbx_needs_verb -a ", first, "\n");
    if (!seconds.empty())
      out += text("complete -c sbx -n '__sbx_needs_second ", first, "' -a '", join(seconds, " "), "'\n");
  }
  return out;
}

}  // namespace

std::string fish_completion() {
  std::string out = text(opening, "    test \"$argv[1]\" = run; and not contains -- \"$words[1]\" ",
                         join(first_words(), " "), "\nend\n\n");
  out +=
      "function __sbx_needs_verb\n    test (count (commandline -opc)) -eq 1\nend\n\n"
      "function __sbx_needs_second\n    set -l words (commandline -opc)\n"
      "    test (count $words) -eq 2; and test \"$words[2]\" = \"$argv[1]\"\nend\n\n"
      "complete -c sbx -f\n"
      "complete -c sbx -n __sbx_in_command -a '(__sbx_command)'\n";
  out += verb_lines();
  for (const VerbRow& row : verb_table()) {
    for (const Option& option : option_table())
      if (option.belongs_to(row.verb)) out += option_line(option, row);
    const std::string operands = action(row.completes, row.operands);
    if (!operands.empty()) out += text("complete -c sbx -n '__sbx_is ", row.name, "'", operands, "\n");
  }
  return out;
}

}  // namespace cli
