// Messages of net/control.h, from the engine's other side.
#include "supervise/engine.h"

#include "sys/socket.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <poll.h>

namespace supervise {

namespace {

bool is_same(const Blocked& known, const net::Denied& denied) {
  return known.protocol == denied.protocol && known.target == denied.target && known.host == denied.host && known.rule == denied.rule;
}

void add_denied(Engine& engine, const net::Denied& denied) {
  NetworkUse& use = engine.use;
  use.not_listed += denied.suppressed;
  const auto known = std::ranges::find_if(use.blocked, [&](const Blocked& each) { return is_same(each, denied); });
  // The engine counts on; where it had to forget the record it begins at 1 again.
  if (known != use.blocked.end())
    return void(known->count = denied.count > known->count ? denied.count : known->count + denied.count);
  if (use.blocked.size() == most_blocked) return void(use.not_listed += denied.count);
  use.blocked.push_back({.protocol = denied.protocol, .host = std::string(denied.host), .target = denied.target,
                         .rule = std::string(denied.rule), .count = denied.count});
  if (engine.tell_blocked) engine.tell_blocked(use.blocked.back());
}

Result<> damaged() { return fail("damaged message from the network engine"); }

Result<> take(Engine& engine, std::string_view message) {
  const auto kind = net::kind_of(message);
  if (!kind) return damaged();
  switch (*kind) {
    case net::ControlKind::ready:
      engine.ready = true;
      return {};
    case net::ControlKind::failed:
      engine.failure = net::decode_failed(message);
      return engine.failure ? Result<>{} : damaged();
    case net::ControlKind::denied: {
      const auto denied = net::decode_denied(message);
      if (!denied) return damaged();
      add_denied(engine, *denied);
      return {};
    }
    case net::ControlKind::totals:
      engine.use.totals = net::decode_totals(message);
      return engine.use.totals ? Result<>{} : damaged();
    case net::ControlKind::rule_totals: {
      std::array<net::RuleTotals, net::most_rules_per_message> list;
      const auto count = net::decode_rules(message, list);
      if (!count) return damaged();
      for (std::size_t i = 0; i < *count; ++i)
        engine.use.rules.push_back({std::string(list[i].rule), list[i].flows, list[i].packets, list[i].bytes});
      return {};
    }
    case net::ControlKind::totals_end:
      engine.totals_came = true;
      return {};
    default:
      return fail("unexpected message from the network engine");
  }
}

// When the engine is gone, that is told elsewhere.
Result<> tell(const Engine& engine, std::string_view message) {
  return sys::unless_gone(sys::send_message(engine.control, message));
}

}  // namespace

Result<> Engine::take_message() {
  const std::optional<sys::Message> message = TRY(sys::receive_message(control));
  if (message) return take(*this, message->content);
  ended = true;
  return {};
}

Result<std::string> Engine::describe_end() {
  TRY(sys::send_signal(process.pidfd, SIGKILL));  // its socket is closed; nothing keeps it but what went wrong
  const sys::Ended end = TRY(sys::wait_process(process));
  if (!end.signaled) return text("ended with status ", end.number);
  if (end.number == SIGSYS) return std::string("was killed for a filter violation (SIGSYS)");
  return text("was killed by ", sys::signal_name(end.number));
}

namespace {

// Its ports are the next sandbox's to publish.
Result<> kill_engine(const Engine& engine) {
  TRY(sys::send_signal(engine.process.pidfd, SIGKILL));
  TRY(sys::wait_for_event(engine.process.pidfd.get(), POLLIN, std::chrono::seconds(1)));
  return {};
}

}  // namespace

Result<> finish_engine(Engine& engine) {
  // Of a short command its word that it is ready may not have been heard yet.
  while (engine.exists() && !engine.ended && !engine.ready) {
    if (!TRY(sys::wait_for_event(engine.control.get(), POLLIN, std::chrono::milliseconds(0)))) return kill_engine(engine);
    TRY(engine.take_message());
  }
  if (!engine.exists() || engine.ended) return {};
  net::ControlBuffer buffer;
  TRY(tell(engine, net::encode(net::ControlKind::stop, buffer)));
  engine.totals_came = false;
  engine.use.rules.clear();
  const auto deadline = sys::monotonic_now() + patience_for_totals;
  while (!engine.ended && !engine.totals_came) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - sys::monotonic_now());
    if (left.count() <= 0) return kill_engine(engine);
    if (TRY(sys::wait_for_event(engine.control.get(), POLLIN, left))) TRY(engine.take_message());
  }
  return {};
}

Result<> HostFollower::push(const Engine& engine) {
  net::HostNetwork now = TRY(net::probe_host_network());
  if (now == known_) return {};
  known_ = std::move(now);
  net::ControlBuffer buffer;
  return tell(engine, net::encode(known_, buffer));
}

Result<> HostFollower::begin(const Engine& engine) {
  watch_ = TRY(net::watch_host_network());
  return push(engine);
}

// The watch is made anew: /etc/resolv.conf may point elsewhere now.
Result<> HostFollower::follow(const Engine& engine) {
  if (!TRY(net::take_changes(watch_))) return {};
  watch_ = TRY(net::watch_host_network());
  return push(engine);
}

}  // namespace supervise
