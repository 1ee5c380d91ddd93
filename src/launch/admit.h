// The launcher's side of --join, where others join its sandbox: says what it is, and hands out its namespaces.
#pragma once

#include "plan/plan.h"
#include "supervise/sandbox.h"

namespace launch {

// The kinds of a request to join, a bit each.
int kinds_to_bits(const std::vector<plan::Namespace>& kinds);

// `plan` outlives what is returned.
using Admit = std::function<Result<supervise::Reply>(supervise::Sandbox&, const supervise::Request&)>;
Admit admit_with(const plan::Plan& plan);
supervise::Pod make_pod(const plan::Plan& plan);

}  // namespace launch
