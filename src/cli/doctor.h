// `sbx doctor [--json]`
#pragma once

#include "cli/verdicts.h"

namespace cli {

int doctor(bool json);  // returns the exit status: 0 only when a default launch works

enum class Marks { words, symbols };  // pass or ✓
std::string describe_diagnosis(const Diagnosis& diagnosis, Marks marks);

}  // namespace cli
