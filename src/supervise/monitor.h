// The launcher while the sandbox runs. One loop in monitor.cpp; what other processes of the user ask, in requests.cpp.
#pragma once

#include "supervise/handshake.h"
#include "supervise/sandbox.h"
#include "supervise/tty.h"

#include <memory>
#include <span>

namespace supervise {

using std::chrono::milliseconds;

struct Monitor {
  Sandbox& sandbox;
  Outcome outcome;
  std::unique_ptr<Terminal> terminal;
  std::optional<std::chrono::nanoseconds> deadline;  // of the timeout, then of the kill
  std::optional<Reason> ending;                      // timeout, engine or joined: why the payload was asked to end
  std::string engine_end;                            // how it ended
  std::optional<HostFollower> follower;
  bool following_tried = false;
  bool stopping = false;                             // TERM was sent, by the clock, a request or for the engine's end
  std::vector<std::pair<Request, sys::Fd>> early = {};  // those who wait until the command runs
  std::optional<std::string> own_namespace = {};        // of users, when it was looked up
  bool names_are_told = true;
  bool settled = false, channel_open = true, has_ended = false;
  bool asked_to_stop = false;  // by ^Z or a shell, not by the payload itself
  bool left_stopped = false;   // the payload stopped by itself, and we run on

  Log* log() const { return sandbox.state != nullptr && sandbox.state->log ? &*sandbox.state->log : nullptr; }
  Result<> tell(MessageKind kind, int number);
  Result<> take(Message message);
  Result<> take_running(Message message);
  Result<> pass_signals();
  Result<> take_engine_messages();
  Result<> lose_engine();
  void follow_host(bool changed);
  Result<> end_payload(milliseconds kill_after);
  Result<> check_clock();
  Result<> stop_and_resume();
  Result<> take_network();
  Result<> end_among_others();
  milliseconds wait_at_most() const;
  Result<> turn();
  Result<> run();
  Result<> finish(Result<> ran);

  // requests.cpp
  void watch_clients(std::vector<sys::Watch>& watches) const;
  Result<> serve(std::span<const sys::Watch> happened);  // those that watch_clients added
  Result<> serve_client(sys::Fd& client);
  Result<> end_attendants();
  void serve_early();
  void reply_to(sys::Fd& client, Result<Reply> done);
  Result<Reply> answer(Request& request, sys::Fd& client);
  bool is_over() const { return has_ended || !channel_open; }
  bool is_paused() const { return sandbox.state != nullptr && sandbox.state->record.status == Status::paused; }
  Result<> set_paused(bool paused);
  Result<> kill_paused();
  Result<> update(const std::vector<std::string>& words) const;

  // pod.cpp
  Result<Reply> admit(Request& request, sys::Fd& client);
  void tell_names();
  void watch_pod(std::vector<sys::Watch>& watches) const;
  Result<> serve_pod(std::span<const sys::Watch> happened);  // those that watch_pod added
  void serve_member(Member& member);
  void end_left_by(const Member& member);
  Result<> give_hosts(sys::Fd hosts);  // to whoever writes the names of fellows there
  Result<> hear_first();
  Result<> lose_first();
};

}  // namespace supervise
