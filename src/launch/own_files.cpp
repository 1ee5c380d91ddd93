// newuidmap wants to be run from the namespace above: a child stays there and writes the maps of its parent.
#include "launch/own_files.h"

#include "launch/idmap.h"
#include "supervise/handshake.h"
#include "sys/failpoint.h"
#include "sys/file.h"
#include "sys/isolate.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <unistd.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

Message message_of(MessageKind kind) { return {.kind = kind, .number = 0, .text = {}, .error = {}, .attached = {}}; }

[[noreturn]] void write_from_outside(const plan::Identity& identity, const sys::Fd& channel, pid_t target) {
  sys::failpoint_role("mapper");
  const auto serve = [&]() -> Result<> {
    const auto ready = TRY(supervise::receive(channel));
    if (!ready) return fail("sbx is gone");
    return write_maps_of(identity, target);
  };
  const Result<> written = serve();
  Message answer = message_of(written ? MessageKind::identity_ready : MessageKind::failed);
  if (!written) answer.error = written.error();
  const Result<> sent = supervise::send(channel, answer);
  sys::exit_now(sent ? 0 : exit_status::setup_failed);
}

Result<> ask_for_maps(const sys::Fd& channel) {
  TRY(supervise::send(channel, message_of(MessageKind::namespaces_ready)));
  auto answer = TRY(supervise::receive(channel));
  if (!answer) return fail("the process that maps the ids ended early");
  if (answer->kind == MessageKind::failed) return std::unexpected<Error>(std::move(answer->error));
  return {};
}

Result<> enter_with_range(const plan::Identity& identity) {
  auto [ours, theirs] = TRY(sys::make_message_pair());
  const pid_t self = ::getpid();
  const sys::Process child = TRY(sys::clone_process(0, "a process that maps the ids"));
  if (child.is_child()) {
    ours.reset();
    write_from_outside(identity, theirs, self);
  }
  theirs.reset();
  Result<> entered = sys::enter_new_namespaces(CLONE_NEWUSER, "new user namespace");
  if (entered) entered = ask_for_maps(ours);
  ours.reset();
  TRY(sys::wait_process(child));
  return entered;
}

Result<> enter_alone(const plan::Identity& identity) {
  const sys::Fd proc = TRY(sys::open_file("/proc", O_PATH | O_DIRECTORY));
  TRY(sys::enter_new_namespaces(CLONE_NEWUSER, "new user namespace"));
  return write_own_maps(identity, proc);
}

}  // namespace

Result<> own_all_files(const plan::Identity& as_root) {
  const bool alone = as_root.writer != plan::MapWriter::newidmap;
  TRY(alone ? enter_alone(as_root) : enter_with_range(as_root));
  return sys::set_ids(0, 0);
}

}  // namespace launch
