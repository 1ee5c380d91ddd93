// The plan in words: one line a step, in the order it is carried out, in the words the errors use.
#pragma once

#include "plan/plan.h"

namespace plan {

// "mount  bind  /usr  from /usr, read-only": the same four fields are the JSON form.
struct Line { std::string topic, kind, object, detail; };

std::vector<Line> describe(const Plan& plan);
std::string describe_text(const Plan& plan);  // columns, for people and the golden tests

}  // namespace plan
