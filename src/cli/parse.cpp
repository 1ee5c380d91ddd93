// The parser: getopt_long's forms (--name=X, --name X, -x X, -xX, -abc), and a command that begins only
// after "--", so that no word of a command is ever taken for an option (CVE-2024-32462 was such a mix-up).
#include "cli/parse.h"

#include "base/nearest.h"

namespace cli {
namespace {

constexpr std::string_view help_hint = "'sbx --help' lists the options";

struct Words {
  const std::vector<std::string>& all;
  std::size_t at = 0;

  bool left() const { return at < all.size(); }
};

const Option* find_option(std::string_view name) {
  for (const Option& option : option_table())
    if (option.name == name) return &option;
  return nullptr;
}

// The verb's own; else another's, whose mention helps.
const Option* find_option(char letter, Verb verb) {
  const Option* found = nullptr;
  for (const Option& option : option_table())
    if (option.letter == letter && letter != 0 && (found == nullptr || option.belongs_to(verb))) found = &option;
  return found;
}

std::unexpected<Error> fail_unknown(std::string_view name, Verb verb) {
  std::vector<std::string> known;
  for (const Option& option : option_table())
    if (option.belongs_to(verb)) known.push_back(option.long_form());
  std::string hint = nearest_hint(text("--", name), known);
  if (hint.empty()) hint = help_hint;
  return fail_hint(std::move(hint), "unknown option --", printable(name));
}

Result<> check_belongs(const Option& option, Verb verb) {
  if (option.belongs_to(verb)) return {};
  for (const VerbRow& row : verb_table())
    if (option.belongs_to(row.verb))
      return fail_hint(text("'sbx help ", row.name, "' explains it"), option.long_form(), " is an option of 'sbx ",
                       row.name, "', not of 'sbx ", row_of(verb).name, "'");
  return fail("no verb takes ", option.long_form());
}

Result<> check_word(std::string_view what, std::string_view value, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (word == value) return {};
  std::string hint = nearest_hint(value, words);
  if (hint.empty()) hint = help_hint;
  return fail_hint(std::move(hint), what, ": '", printable(value), "' is not one of ", join(words, ", "));
}

Result<> check_argument(const Option& option, std::string_view value) {
  if (value.empty())
    return fail_hint(text("write ", option.long_form(), " ", option.argument), "option ", option.long_form(),
                     " needs an argument that is not empty");
  if (!option.closed) return {};
  return check_word(option.long_form(), value, argument_words(option.argument));
}

Result<> apply(Options& options, const Option& option, std::string_view value) {
  TRY(check_argument(option, value));
  return option.apply(options, option, value);
}

// The argument that is a word of its own. Nobody means an option or "--" by it.
Result<std::string_view> next_argument(const Option& option, Words& words) {
  if (!words.left() || words.all[words.at] == "--")
    return fail_hint(text("write ", option.long_form(), " ", option.argument), "option ", option.long_form(),
                     " needs an argument");
  const std::string_view value = words.all[words.at];
  if (value.starts_with("--"))
    return fail_hint(text("if '", printable(value), "' is the argument, write ", option.long_form(), "=", printable(value)),
                     "option ", option.long_form(), " needs an argument");
  ++words.at;
  return value;
}

Result<> parse_long(Options& options, std::string_view word, Words& words) {
  const std::size_t sign = word.find('=');
  const std::string_view name = word.substr(0, sign);
  const Option* option = find_option(name);
  if (option == nullptr) return fail_unknown(name, options.verb);
  TRY(check_belongs(*option, options.verb));
  if (sign != std::string_view::npos) {
    if (option->argument.empty())
      return fail_hint(text("write ", option->long_form()), "option ", option->long_form(), " takes no argument");
    return apply(options, *option, word.substr(sign + 1));
  }
  if (!option->takes_argument()) return option->apply(options, *option, {});
  const std::string_view value = TRY(next_argument(*option, words));
  return apply(options, *option, value);
}

// "-u root", "-uroot", "-iT".
Result<> parse_letters(Options& options, std::string_view letters, Words& words) {
  while (!letters.empty()) {
    const Option* option = find_option(letters.front(), options.verb);
    if (option == nullptr) {
      // The whole character, if it is more than one byte.
      const std::string_view shown = letters.front() & 0x80 ? letters : letters.substr(0, 1);
      return fail_hint(std::string(help_hint), "unknown option -", printable(shown));
    }
    TRY(check_belongs(*option, options.verb));
    letters.remove_prefix(1);
    if (!option->takes_argument()) {
      TRY(option->apply(options, *option, {}));
      continue;
    }
    if (!letters.empty()) return apply(options, *option, letters);
    const std::string_view value = TRY(next_argument(*option, words));
    return apply(options, *option, value);
  }
  return {};
}

std::vector<std::string> verb_words() {
  std::vector<std::string> out;
  for (const VerbRow& row : verb_table()) out.emplace_back(row.name.substr(0, row.name.find(' ')));
  return out;
}

// A word where only options and "--" belong.
std::unexpected<Error> fail_word(const Words& words) {
  const std::string_view word = words.all[words.at];
  std::string verb_hint;
  const auto verbs = verb_words();
  const auto verb = nearest(word.substr(0, 64), verbs);
  if (words.at > 0 && verb == word)
    return fail_hint(text("write the verb first: sbx ", word, " ..., or for a command of that name: -- ", word),
                     "the verb '", word, "' follows an option");
  if (words.at == 0 && verb) verb_hint = text("; did you mean the verb '", *verb, "'?");
  return fail_hint(text("write sbx ... -- ", printable(word), verb_hint),
                   "the command needs -- before it: '", printable(word), "'");
}

// Takes the one or two words of a verb, if the line begins with one.
Result<> parse_verb(Options& options, Words& words) {
  if (!words.left()) return {};
  std::vector<std::string> seconds;
  const std::string second = words.all.size() > 1 ? words.all[1] : "";
  for (const VerbRow& row : verb_table()) {
    const std::size_t blank = row.name.find(' ');
    if (row.name.substr(0, blank) != words.all[0]) continue;
    const bool one_word = blank == std::string_view::npos;
    if (one_word || row.name.substr(blank + 1) == second) {
      options.verb = row.verb;
      words.at = one_word ? 1 : 2;
      return {};
    }
    seconds.emplace_back(row.name.substr(blank + 1));
  }
  if (seconds.empty()) return {};
  if (second == "--help" || second == "-h") {
    options.verb = Verb::help;
    options.operands = {words.all[0]};
    words.at = words.all.size();
    return {};
  }
  std::string hint = nearest_hint(second, seconds);
  if (hint.empty()) hint = text("'sbx help ", words.all[0], "' explains them");
  return fail_hint(std::move(hint), "'sbx ", words.all[0], "' needs one of ", join(seconds, ", "),
                   second.empty() ? std::string{} : text(", not '", printable(second), "'"));
}

Result<> check_command(const Options& options, bool separator) {
  if (options.command.empty())
    return fail_hint(separator ? "write sbx ... -- COMMAND" : "write sbx ... -- COMMAND; 'sbx --help' explains",
                     "no command given");
  if (options.command.front().empty()) return fail_hint("write sbx ... -- COMMAND", "the command is an empty word");
  return {};
}

Result<> check_operands(const Options& options) {
  const VerbRow& row = row_of(options.verb);
  const std::size_t count = options.operands.size();
  const std::string usage = text("write sbx ", row.name, row.operands.empty() ? "" : " ", row.operands);
  if (count < row.least) return fail_hint(usage, "'sbx ", row.name, "' needs ", row.operands);
  if (count > row.most)
    return fail_hint(usage, "'sbx ", row.name, "' does not take '", printable(options.operands[row.most]), "'");
  for (const std::string& operand : options.operands)
    if (operand.empty()) return fail_hint(usage, "an argument of 'sbx ", row.name, "' is an empty word");
  const std::vector<std::string> known = argument_words(row.operands);
  if (!known.empty()) return check_word(text("sbx ", row.name), options.operands.front(), known);
  return {};
}

Result<> check_complete(const Options& options, bool separator) {
  if (options.help) return {};
  if (options.verb == Verb::run) return check_command(options, separator);
  TRY(check_operands(options));
  return takes_command(options.verb) ? check_command(options, separator) : Result<>{};
}

}  // namespace

Result<Options> parse(const std::vector<std::string>& all) {
  Options options;
  Words words{all};
  bool separator = false;
  TRY(parse_verb(options, words));
  while (words.left() && !separator) {
    const std::string_view word = all[words.at];
    const bool is_option = word.size() > 1 && word.starts_with('-');
    if (!is_option && options.verb == Verb::run) return fail_word(words);
    ++words.at;
    separator = word == "--";
    if (separator) continue;
    if (!is_option) options.operands.emplace_back(word);
    else if (word.starts_with("--")) TRY(parse_long(options, word.substr(2), words));
    else TRY(parse_letters(options, word.substr(1), words));
  }
  auto& rest = takes_command(options.verb) ? options.command : options.operands;
  for (; words.left(); ++words.at) rest.push_back(all[words.at]);
  TRY(check_complete(options, separator));
  return options;
}

}  // namespace cli
