// One read and one write per turn; the pipe is never blocking.
#include "supervise/log.h"

#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <fcntl.h>

namespace supervise {

namespace {
constexpr std::size_t most_per_turn = 64 << 10;  // a pipe's size (pipe(7))
constexpr int standard_error = 2;
}

Result<> Log::start_file(const sys::Fd& directory, const char* name) {
  file_ = TRY(sys::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600));
  size_ = 0;
  return errors_ ? sys::duplicate_onto(file_, standard_error) : Result<>{};
}

Result<> Log::take_errors() {
  errors_ = true;
  return sys::duplicate_onto(file_, standard_error);
}

Result<Log> Log::open(const sys::Fd& directory, sys::Fd source) {
  Log log;
  log.source_ = std::move(source);
  TRY(sys::set_nonblocking(log.source_.get(), true));
  TRY(log.start_file(directory, "log"));
  return log;
}

// There is a `log` at every moment, for who follows it.
Result<> Log::rotate(const sys::Fd& directory) {
  TRY(sys::remove_file_at(directory, "log.1", "log.1"));
  TRY(start_file(directory, "log.1"));
  return sys::exchange_at(directory, "log", "log.1", "log and log.1");
}

Result<> Log::copy(const sys::Fd& directory) {
  const sys::Chunk chunk = TRY(sys::read_available(source_.get(), most_per_turn));
  if (chunk.ended) source_.reset();
  const auto write = [&]() -> Result<> {
    if (size_ >= most_log_bytes) TRY(rotate(directory));
    size_ += chunk.bytes.size();
    return sys::write_all(file_.get(), "log", chunk.bytes);
  };
  if (chunk.bytes.empty()) return {};
  if (Result<> written = write(); !written && !lost_) lost_ = std::move(written).error();
  return {};
}

Result<> Log::drain(const sys::Fd& directory) {
  while (source_.valid()) {
    const int left = TRY(sys::unread_bytes(source_.get()));
    if (left == 0) return {};
    TRY(copy(directory));
  }
  return {};
}

}  // namespace supervise
