// What the findings of sbx doctor mean: a verdict for each stage, what is lost, and the one command that helps.
// Pure: the same findings make the same verdicts.
#pragma once

#include "base/enum_names.h"
#include "launch/checks.h"

#include <string>
#include <vector>

namespace cli {

// fail: a default launch needs it. warn: it does without, but something is lost. skip: not tried, because a stage
// that it stands on did not work.
enum class Status { pass, fail, warn, skip };
inline constexpr EnumNames<Status, 4> status_names{{"pass", "fail", "warn", "skip"}};
static_assert(status_names.complete());

struct Check {
  std::string name;
  Status status = Status::pass;
  std::string found;
  std::string why, lost, fix;  // empty where there is nothing to explain, nothing is lost, nothing helps
};

struct Diagnosis {
  bool works = false;  // a default launch ran
  std::vector<Check> checks;
  std::string summary;  // one sentence
};

Diagnosis make_diagnosis(const launch::Findings& findings);

}  // namespace cli
