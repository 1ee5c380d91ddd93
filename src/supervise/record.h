// What stands in the `record` of a named sandbox (see state.h): text, one "key value" per line, so that `ps` of many
// costs one small read each. Pure.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace supervise {

enum class Status { starting, running, paused, ended, count_ };
inline constexpr EnumNames<Status, 4> status_names{{"starting", "running", "paused", "ended"}};
static_assert(status_names.complete());

struct Record {
  Status status = Status::starting;
  std::vector<std::string> command, profiles;
  std::string workdir;
  std::string joined;                    // the sandbox whose network it shares; empty: none
  std::string cgroup;                    // directory of the control group of the command and what it starts; empty: none
  std::int64_t started = 0, ended = 0;   // microseconds since 1970
  int init = 0;                          // its process id, to look at only: nothing acts on it
  bool detached = false;
  int code = 0;                          // ended: sbx's exit status
  std::string reason;                    // ended: reason_names
  bool operator==(const Record&) const = default;
};

// A key that is not known is skipped: another version may have written it. In a value \ and line ends are escaped.
std::string encode(const Record& record);
Result<Record> decode_record(std::string_view text);

}  // namespace supervise
