// The message to the caller: the status, and for 0 the sandbox's name behind a blank.
#include "cli/detach.h"

#include "base/units.h"
#include "cli/report.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <fcntl.h>

namespace cli {

namespace {

Result<int> wait_for_launcher(const sys::Fd& launcher) {
  const std::optional<sys::Message> message = TRY(sys::receive_message(launcher));
  if (!message) return fail("the launcher ended before the command ran");
  const std::string& said = message->content;
  const std::size_t blank = std::min(said.find(' '), said.size());
  const int status = static_cast<int>(TRY(parse_number(std::string_view(said).substr(0, blank), 255)));
  return blank < said.size() ? print_output(text(said.substr(blank + 1), "\n")) : status;
}

Result<> become_launcher(Detached& detached) {
  TRY(sys::new_session());
  detached.errors = TRY(sys::duplicate(2));
  auto [reader, writer] = TRY(sys::make_pipe("the sandbox's output"));
  detached.output = std::move(reader);
  const sys::Fd null = TRY(sys::open_file("/dev/null", O_RDWR));
  TRY(sys::duplicate_onto(null, 0));
  TRY(sys::duplicate_onto(writer, 1));
  return sys::duplicate_onto(writer, 2);
}

}  // namespace

Result<std::optional<int>> detach(Detached& detached) {
  auto [ours, theirs] = TRY(sys::make_message_pair());
  const sys::Process launcher = TRY(sys::clone_process(0, "the launcher"));
  if (!launcher.is_child()) {
    theirs.reset();
    return std::optional(TRY(wait_for_launcher(ours)));
  }
  ours.reset();
  detached.caller = std::move(theirs);
  TRY(become_launcher(detached));
  return std::optional<int>{};
}

Result<> let_go_of_output(supervise::Log& log) {
  const sys::Fd null = TRY(sys::open_file("/dev/null", O_RDWR));
  TRY(sys::duplicate_onto(null, 1));
  return log.take_errors();
}

Result<> tell_running(Detached& detached, const std::string& name) {
  auto told = sys::send_message(detached.caller, text("0 ", name));
  if (!told) return fail("nobody waits for the detached sandbox any more");
  detached.caller.reset(), detached.errors.reset();
  return {};
}

Result<> show_errors(Detached& detached) {
  if (!detached.errors.valid()) return {};
  return sys::duplicate_onto(detached.errors, 2);
}

Result<> tell_status(Detached& detached, int status) {
  if (!detached.caller.valid()) return {};
  return sys::send_message(detached.caller, text(status));
}

}  // namespace cli
