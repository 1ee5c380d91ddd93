// The output of a detached sandbox: read from a pipe, written to `log` in its state's directory. At most two files of
// 8 MiB: a full one becomes `log.1`. What cannot be written is lost, and the loss is told; the command never waits.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace supervise {

inline constexpr std::uint64_t most_log_bytes = 8 << 20;

class Log {
 public:
  // Makes the file; `source` is the reading end of the pipe.
  static Result<Log> open(const sys::Fd& directory, sys::Fd source);
  const sys::Fd& source() const { return source_; }
  Result<> take_errors();                        // standard error of this process goes there too
  Result<> copy(const sys::Fd& directory);       // what is readable; at the end of all writers `source` is closed
  Result<> drain(const sys::Fd& directory);      // what is still in the pipe, after the end
  const std::optional<Error>& lost() const { return lost_; }  // why something is missing

 private:
  Result<> start_file(const sys::Fd& directory, const char* name);
  Result<> rotate(const sys::Fd& directory);
  sys::Fd source_, file_;
  std::uint64_t size_ = 0;
  bool errors_ = false;
  std::optional<Error> lost_;
};

}  // namespace supervise
