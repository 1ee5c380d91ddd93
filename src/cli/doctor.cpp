// Runs the checks on the default launch of this user and prints what they mean.
#include "cli/doctor.h"

#include "cli/json.h"
#include "cli/load.h"
#include "cli/report.h"
#include "sys/terminal.h"

#include <algorithm>
#include <cstdlib>

namespace cli {

namespace {

constexpr int standard_output = 1;
constexpr EnumNames<Status, 4> symbols{{"✓", "✗", "!", "-"}};

bool has_utf8_terminal() {
  if (!sys::is_terminal(standard_output)) return false;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != std::string_view::npos || locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

Result<Diagnosis> diagnose() {
  // The doctor's terminal is not the sandbox's business.
  profile::Profile layer;
  layer.terminal = profile::Item{"off", {"sbx doctor"}};
  const ProfilePlaces places = profile_places(std::getenv("XDG_CONFIG_HOME"), std::getenv("HOME"));
  const profile::Profile profile = TRY(load_profile({}, std::move(layer), places));
  return make_diagnosis(TRY(launch::run_checks(profile)));
}

}  // namespace

std::string describe_diagnosis(const Diagnosis& diagnosis, Marks marks) {
  std::size_t width = 0;
  for (const Check& check : diagnosis.checks) width = std::max(width, check.name.size());
  const std::string indent((marks == Marks::words ? 6 : 3) + width + 1, ' ');
  std::string out;
  for (const Check& check : diagnosis.checks) {
    const std::string_view mark = marks == Marks::words ? status_names[check.status] : symbols[check.status];
    out += text(mark, "  ", padded(check.name, width), "  ", printable(check.found), "\n");
    if (!check.why.empty()) out += text(indent, " why:  ", printable(check.why), "\n");
    if (!check.lost.empty()) out += text(indent, " lost: ", printable(check.lost), "\n");
    if (!check.fix.empty()) out += text(indent, " fix:  ", printable(check.fix), "\n");
  }
  return out + text("\n", printable(diagnosis.summary), ".\n");
}

int doctor(bool json) {
  const Result<Diagnosis> diagnosis = diagnose();
  if (!diagnosis) return print_error(diagnosis.error());
  const Marks marks = has_utf8_terminal() ? Marks::symbols : Marks::words;
  const int printed = print_output(json ? diagnosis_json(*diagnosis) : describe_diagnosis(*diagnosis, marks));
  if (printed != 0) return printed;
  return diagnosis->works ? 0 : exit_status::setup_failed;
}

}  // namespace cli
