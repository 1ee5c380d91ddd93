// What a command line can say: one table of options and one of verbs. The parser, --help, the completions
// and the test of sbx(1) all read them. To add an option: add its row to options.cpp, its .It line to
// man/sbx.1 and a test of what it does. It enters together with what makes it work.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

enum class Verb {
  run, exec, ps, inspect, logs, stats, top, stop, kill, pause, resume, update, rm,
  diff, commit, discard,
  profile_list, profile_show, profile_check, profile_diff, doctor, completion, chown_back, help, version
};

enum class DryRun { none, text, json };

// One change that the command line makes to the profile; applied in the order written.
enum class Change { assign, append, set };
struct Setting {
  Change change = Change::assign;
  std::string key, value;  // key: "filesystem.read_only"; of set: empty, and the value is "TABLE.KEY=VALUE"
  std::string option;      // "--ro", for errors
  bool operator==(const Setting&) const = default;
};

struct ReportTarget {
  std::string file;  // empty: the descriptor
  int descriptor = -1;
};

struct Options {
  Verb verb = Verb::run;
  std::vector<std::string> profiles;  // names or files, left to right; empty: base
  std::vector<Setting> settings;
  DryRun dry_run = DryRun::none;
  std::vector<std::string> env_files;
  bool clear_env = false;
  std::optional<ReportTarget> report;
  bool stats = false, quiet = false, verbose = false;
  bool detach = false;
  bool origin = false, json = false, help = false, all = false, force = false, follow = false;
  bool stat = false, patch = false, allow_setuid = false;
  std::string signal;                 // of kill
  std::vector<std::string> operands;  // of the verbs other than run
  std::vector<std::string> command;   // what follows --, verbatim
};

enum class Group { profile, identity, files, environment, network, limits, confinement, terminal, after, general };
inline constexpr EnumNames<Group, 10> group_names{{"profile", "identity", "files", "environment", "network", "limits",
                                                   "confinement", "terminal", "after", "general"}};
static_assert(group_names.complete());

// What a shell offers for an argument. words: those of the argument's own text.
enum class Completes { words, file, directory, profile, verb, sandbox };

struct Option {
  std::string_view name;      // without the dashes
  char letter = 0;
  std::string_view argument = {};  // as help and sbx(1) show it; empty: a switch; "[=X]": only as --name=X
  Group group = Group::general;
  std::string_view help = {};      // one sentence without a full stop
  Result<> (*apply)(Options&, const Option&, std::string_view) = nullptr;
  std::string_view key = {};  // the profile key it changes
  std::string_view constant = {};  // the value of a switch
  bool closed = false;        // the words of `argument` are all it may be
  Completes completes = Completes::words;
  unsigned verbs = 1u << static_cast<unsigned>(Verb::run);

  bool takes_argument() const { return !argument.empty() && !argument.starts_with("[="); }
  bool belongs_to(Verb verb) const { return (verbs >> static_cast<unsigned>(verb) & 1u) != 0; }
  std::string long_form() const { return text("--", name); }
};

struct VerbRow {
  Verb verb;
  std::string_view name;      // "profile list": two words
  std::string_view operands;  // "NAME..."
  std::string_view help;
  std::size_t least = 0, most = 0;
  Completes completes = Completes::words;
};

inline constexpr std::size_t any_number = SIZE_MAX;

std::span<const Option> option_table();
std::span<const VerbRow> verb_table();
const VerbRow& row_of(Verb verb);
constexpr bool takes_command(Verb verb) { return verb == Verb::run || verb == Verb::exec; }

// The literal words among the alternatives of an argument: "keep[:NAME]|ro|DIR" -> keep, ro.
std::vector<std::string> argument_words(std::string_view argument);

}  // namespace cli
