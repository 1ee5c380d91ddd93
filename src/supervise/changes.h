// What overlays leave in the state directory of a sandbox: `changes` is kept for review, until it is discarded; `thrown`
// goes with the sandbox, or is swept with what else a killed launcher left.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>

namespace supervise {

Result<bool> keeps_changes(const sys::Fd& directory, const std::string& place);
// While a commit that was cut short has a journal here, a file may be the host's and the sandbox's at once: what the
// sandbox writes to it would be written on the host.
Result<> check_no_commit_is_open(const sys::Fd& directory, const std::string& place);
// The kept overlays that nothing was written to, of a sandbox that nobody will ask for again.
Result<> forget_unchanged(const sys::Fd& directory, const std::string& place);
Result<> remove_thrown(const sys::Fd& directory, const std::string& place);

}  // namespace supervise
