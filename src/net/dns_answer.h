// What of a resolver's answer may be given to the sandbox.
#pragma once

#include "net/dns_message.h"
#include "net/policy.h"

#include <optional>

namespace net {

struct Answer {
  enum class State {
    written,    // `out` has the reply, and what it leads to is pinned
    foreign,    // not an answer to this question
    truncated,  // the whole one is to be had over tcp
    failed      // the server could not or would not: `rcode`
  };
  State state = State::foreign;
  Rcode rcode = Rcode::server_failure;
  std::optional<std::uint16_t> denied;  // the rule that kept something from the sandbox
};

// Addresses count only at the end of the chain of aliases that begins at the question's name, and only once they are
// pinned to that name; other types than the one asked for are left out, as are the additional records.
Answer filter_answer(const Query& query, std::uint16_t id, Bytes answer, Policy& policy, Milliseconds now,
                     MessageWriter& out);

}  // namespace net
