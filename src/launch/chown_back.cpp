// Only root of a namespace that maps the range may change those owners, so a process enters one and walks there.
#include "launch/chown_back.h"

#include "base/path.h"
#include "launch/idmap.h"
#include "supervise/handshake.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>

namespace launch {

namespace {

using supervise::Message;
using supervise::MessageKind;

// Inside, the caller is 0 and the range 1…; anybody else shows as the overflow id and may not be touched.
Result<int> give_back(const sys::Fd& parent, const std::string& name, const std::string& shown) {
  const sys::Fd at = TRY(sys::open_at(parent, name, O_PATH | O_NOFOLLOW));
  const sys::FileStat found = TRY(sys::stat_fd(at.get(), shown));
  int changed = 0;
  if (found.uid != 0 || found.gid != 0) {
    auto given = sys::change_owner_at(parent, name, 0, 0, shown);
    if (given) changed = 1;
    else if (given.error().code != EPERM) return std::unexpected<Error>(given.error());
  }
  if (found.kind != sys::FileKind::directory) return changed;
  const sys::Fd directory = TRY(sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  for (const std::string& entry : TRY(sys::list_directory(directory, shown)))
    changed += TRY(give_back(directory, entry, path::join(shown, entry)));
  return changed;
}

Result<int> walk_as_root(const sys::Fd& channel, const std::vector<std::string>& paths) {
  TRY(supervise::send(channel, Message{.kind = MessageKind::namespaces_ready, .number = 0, .text = {}, .error = {}, .attached = {}}));
  const auto answer = TRY(supervise::receive(channel));
  if (!answer || answer->kind != MessageKind::identity_ready) return fail("the launcher is gone");
  TRY(sys::set_ids(0, 0));
  int changed = 0;
  for (const std::string& each : paths) {
    const std::string clean = each.starts_with('/') ? path::normalise(each) : each;
    const sys::Fd parent = TRY(sys::open_file(clean.find('/') == std::string::npos ? "." : path::parent(clean), O_PATH | O_DIRECTORY));
    const std::string name(path::base_name(clean));
    changed += TRY(give_back(parent, name.empty() || name == ".." ? "." : name, each));
  }
  return changed;
}

[[noreturn]] void run_child(const sys::Fd& channel, const std::vector<std::string>& paths) {
  auto changed = walk_as_root(channel, paths);
  Message message{.kind = changed ? MessageKind::ended : MessageKind::failed, .number = changed ? *changed : 0, .text = {}, .error = {}, .attached = {}};
  if (!changed) message.error = changed.error();
  const Result<> sent = supervise::send(channel, message);
  sys::exit_now(sent ? 0 : exit_status::setup_failed);
}

Result<int> converse(const plan::Identity& identity, const sys::Fd& channel, pid_t child) {
  const auto ready = TRY(supervise::receive(channel));
  if (!ready || ready->kind != MessageKind::namespaces_ready) return fail("the process that changes owners ended early");
  TRY(write_maps_of(identity, child));
  TRY(supervise::send(channel, Message{.kind = MessageKind::identity_ready, .number = 0, .text = {}, .error = {}, .attached = {}}));
  auto result = TRY(supervise::receive(channel));
  if (!result) return fail("the process that changes owners ended early");
  if (result->kind == MessageKind::failed) return std::unexpected<Error>(std::move(result->error));
  return result->number;
}

}  // namespace

Result<int> chown_back(const plan::Identity& root_with_range, const std::vector<std::string>& paths) {
  auto [ours, theirs] = TRY(sys::make_message_pair());
  const sys::Process child = TRY(sys::clone_process(CLONE_NEWUSER, "new user namespace"));
  if (child.is_child()) {
    ours.reset();
    run_child(theirs, paths);
  }
  theirs.reset();
  auto changed = converse(root_with_range, ours, child.pid);
  if (!changed) TRY(sys::send_signal(child.pidfd, SIGKILL));
  TRY(sys::wait_process(child));
  return changed;
}

}  // namespace launch
