// Lays the tables out in 80 columns.
#include "cli/help.h"

#include "base/nearest.h"

namespace cli {
namespace {

constexpr std::size_t help_column = 32;

// "  label     help"; a label that is too long has a line to itself.
void append_row(std::string& out, std::string label, std::string_view help) {
  if (label.size() + 2 > help_column) out += label + "\n", label.clear();
  label.resize(help_column, ' ');
  out += text(label, help, "\n");
}

std::string label_of(const Option& option) {
  const std::string letter = option.letter == 0 ? "    " : text("-", option.letter, ", ");
  const bool spaced = option.takes_argument();
  return text("  ", letter, "--", option.name, spaced ? " " : "", option.argument);
}

std::string options_of(Verb verb) {
  std::string out;
  for (std::size_t i = 0; i < group_names.names.size(); ++i) {
    std::string rows;
    for (const Option& option : option_table())
      if (option.belongs_to(verb) && option.group == static_cast<Group>(i)) append_row(rows, label_of(option), option.help);
    if (!rows.empty()) out += text("\n", verb == Verb::run ? group_names.names[i] : "options", ":\n", rows);
  }
  return out;
}

std::string usage_of(const VerbRow& row) {
  if (row.verb == Verb::run) return "sbx [run] [OPTIONS] -- COMMAND [ARG...]";
  return text("sbx ", row.name, row.operands.empty() ? "" : " ", row.operands);
}

std::string help_of_run() {
  std::string out =
      "usage: sbx [OPTIONS] -- COMMAND [ARG...]\n"
      "       sbx VERB [OPTIONS] [ARG...]\n\n"
      "Runs COMMAND in a rootless sandbox. Without --profile it is 'base': nothing of\n"
      "yours is visible and there is no network. For a shell in a project:\n"
      "  sbx --profile dev -- bash\n\n"
      "verbs:\n";
  for (const VerbRow& row : verb_table())
    append_row(out, text("  ", row.name, row.operands.empty() ? "" : " ", row.operands), row.help);
  out += options_of(Verb::run);
  return out +
         "\nexit status: the command's own; 128+n killed by signal n; 124 timeout;\n"
         "125 sbx itself failed; 126 not executable; 127 not found.\n"
         "See sbx(1) and sbx-profile(5).\n";
}

}  // namespace

std::string help_of(Verb verb) {
  if (verb == Verb::run) return help_of_run();
  const VerbRow& row = row_of(verb);
  return text("usage: ", usage_of(row), "\n\n", row.help, "\n", options_of(verb));
}

Result<std::string> help_for(const std::vector<std::string>& verb_words) {
  if (verb_words.empty()) return help_of(Verb::run);
  const std::string wanted = join(verb_words, " ");
  std::string out;
  std::vector<std::string> known;
  for (const VerbRow& row : verb_table()) {
    known.emplace_back(row.name);
    if (row.name != wanted && !row.name.starts_with(wanted + " ")) continue;
    out += text(out.empty() ? "" : "\n", help_of(row.verb));
  }
  if (!out.empty()) return out;
  std::string hint = nearest_hint(wanted, known);
  if (hint.empty()) hint = "'sbx help' lists the verbs";
  return fail_hint(std::move(hint), "unknown verb '", printable(wanted), "'");
}

std::string describe_version() { return text("sbx ", version, "\n"); }

}  // namespace cli
