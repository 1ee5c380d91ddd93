// JSON for programs: the report of a run, the plan of --dry-run=json, the findings of the doctor. The only file that knows the library.
#pragma once

#include "cli/report.h"
#include "cli/usage.h"
#include "cli/verdicts.h"
#include "plan/describe.h"
#include "store/changes.h"
#include "supervise/state.h"

namespace cli {

// One object and a newline. Bytes that are not UTF-8 become U+FFFD.
std::string report_json(const RunReport& report);
std::string plan_json(const plan::Plan& plan);
std::string diagnosis_json(const Diagnosis& diagnosis);
std::string sandboxes_json(const std::vector<supervise::Found>& all);
std::string usages_json(const std::vector<Usage>& all);
std::string sandbox_json(const supervise::Found& found, std::string_view report);  // report: JSON, or empty

// A path that is not UTF-8 is shown as printable() does, and given whole as "path_hex".
struct ShownChange { std::string directory; store::Change change; std::string acts_later; };
std::string changes_json(const std::vector<ShownChange>& all);

std::string utc_time(std::chrono::system_clock::time_point moment);  // "2026-11-21T20:57:00Z"

}  // namespace cli
