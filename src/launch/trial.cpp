// The process of a trial: made, given its ids, heard, waited for.
#include "launch/trial.h"

#include "launch/idmap.h"
#include "supervise/handshake.h"
#include "sys/file.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <csignal>
#include <fcntl.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

Message make_message(MessageKind kind) { return {.kind = kind, .number = 0, .text = {}, .error = {}, .attached = {}}; }

// As init takes them (enter.cpp).
Result<> take_identity(const plan::Identity& identity, const sys::Fd& channel) {
  TRY(sys::set_dumpable(true));
  if (identity.writer == plan::MapWriter::init) {
    const sys::Fd proc = TRY(sys::open_file("/proc", O_PATH | O_DIRECTORY));
    TRY(write_own_maps(identity, proc));
  } else {
    TRY(supervise::send(channel, make_message(MessageKind::namespaces_ready)));
    const std::optional<Message> answer = TRY(supervise::receive(channel));
    if (!answer) return fail("sbx did not write the id maps");
  }
  if (identity.drop_groups) TRY(sys::clear_groups());
  if (identity.switch_ids) TRY(sys::set_ids(identity.uid, identity.gid));
  return {};
}

Result<std::string> steps_of_child(const plan::Identity* identity, const sys::Fd& channel, const TrialSteps& steps) {
  if (identity != nullptr) TRY(take_identity(*identity, channel));
  TRY(sys::set_parent_death_signal(SIGKILL));
  return steps();
}

[[noreturn]] void run_child(const plan::Identity* identity, const sys::Fd& channel, const TrialSteps& steps) {
  Result<std::string> found = steps_of_child(identity, channel, steps);
  Message message = make_message(found ? MessageKind::ended : MessageKind::failed);
  if (found) message.text = *found;
  else message.error = std::move(found).error();
  // When even this fails the parent sees the end of the channel, and says so.
  const Result<> sent = supervise::send(channel, message);
  sys::exit_now(sent ? 0 : exit_status::setup_failed);
}

Result<std::string> hear(const plan::Identity* identity, const sys::Process& child, const sys::Fd& channel) {
  TRY(sys::send_signal(child.pidfd, 0));  // sends none, but asks whether pidfds work
  std::optional<Message> message = TRY(supervise::receive(channel));
  if (message && message->kind == MessageKind::namespaces_ready) {
    TRY(write_maps_of(*identity, child.pid));
    TRY(supervise::send(channel, make_message(MessageKind::identity_ready)));
    message = TRY(supervise::receive(channel));
  }
  if (!message) return fail("the trial ended without an answer");
  if (message->kind == MessageKind::failed) return std::unexpected<Error>(std::move(message->error));
  return std::move(message->text);
}

Result<std::string> run_trial(std::uint64_t flags, const plan::Identity* identity, const TrialSteps& steps) {
  auto [ours, theirs] = TRY(sys::make_message_pair());
  const sys::Process child = TRY(sys::clone_process(flags, "clone3"));
  if (child.is_child()) {
    ours.reset();
    run_child(identity, theirs, steps);
  }
  theirs.reset();
  Result<std::string> found = hear(identity, child, ours);
  // A child that still waits for its maps sees the end of the channel.
  ours.reset();
  const sys::Ended ended = TRY(sys::wait_process(child));
  if (found || !ended.signaled) return found;
  return fail("the trial was killed by signal ", ended.number);
}

}  // namespace

Attempt try_stage(std::uint64_t flags, const plan::Identity* identity, const TrialSteps& steps) {
  Result<std::string> found = run_trial(flags, identity, steps);
  if (found) return {.tried = Attempt::Tried::worked, .found = *std::move(found), .error = {}};
  return {.tried = Attempt::Tried::refused, .found = {}, .error = std::move(found).error()};
}

}  // namespace launch
