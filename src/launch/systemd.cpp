// The manager's private socket first: the peer is the manager itself, so there is no bus to register with, and an
// answer comes several times sooner. Then the bus of the session.
#include "launch/systemd.h"

#include "base/units.h"
#include "launch/dbus.h"
#include "sys/process.h"
#include "sys/stream.h"
#include "sys/user.h"

#include <cerrno>
#include <poll.h>

namespace launch {

namespace {

constexpr std::chrono::seconds patience{15};
constexpr std::string_view manager = "org.freedesktop.systemd1", manager_path = "/org/freedesktop/systemd1",
                           manager_interface = "org.freedesktop.systemd1.Manager";
constexpr std::string_view bus = "org.freedesktop.DBus", bus_path = "/org/freedesktop/DBus";
constexpr std::string_view job_signals = "type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

struct Place {
  std::string path;
  bool is_bus = true;
};

std::string variable(std::string_view name) {
  for (const auto& [key, value] : sys::environment())
    if (key == name) return value;
  return {};
}

std::vector<Place> places() {
  if (sys::caller_uid() == 0) return {{"/run/systemd/private", false}, {"/run/dbus/system_bus_socket"}};
  std::string runtime = variable("XDG_RUNTIME_DIR");
  if (runtime.empty()) runtime = text("/run/user/", sys::caller_uid());
  std::vector<Place> out{{runtime + "/systemd/private", false}};
  for (std::string& path : paths_of_bus_address(variable("DBUS_SESSION_BUS_ADDRESS"))) out.push_back({std::move(path)});
  out.push_back({runtime + "/bus"});
  return out;
}

class Conversation {
 public:
  Conversation(sys::Fd stream, bool is_bus) : stream_(std::move(stream)), is_bus_(is_bus) {}
  Result<> begin();
  // The answer; an error of the peer's is a message too.
  Result<DbusMessage> ask(std::string_view member, std::string_view signature, std::string_view body) {
    return ask({is_bus_ ? manager : std::string_view(), manager_path, manager_interface, member, signature, body});
  }
  Result<bool> is_delegated(pid_t pid);
  Result<> await_job(const std::string& job);

 private:
  Result<> call(const DbusCall& call);
  Result<DbusMessage> ask(const DbusCall& question);
  Result<> read_more();
  Result<DbusMessage> next_message();

  sys::Fd stream_;
  bool is_bus_;
  std::uint32_t serial_ = 0;
  std::string received_;
  std::vector<DbusMessage> removed_jobs_;
  std::chrono::nanoseconds deadline_ = sys::monotonic_now() + patience;
};

Result<> Conversation::read_more() {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - sys::monotonic_now());
  if (left.count() <= 0) return fail("systemd does not answer");
  if (!TRY(sys::wait_for_event(stream_.get(), POLLIN, left))) return {};
  const std::string more = TRY(sys::receive_some(stream_));
  if (more.empty()) return fail("systemd closed the connection");
  received_ += more;
  return {};
}

// EXTERNAL: by the credentials of the socket (D-Bus Specification, "Authentication Mechanisms").
Result<> Conversation::begin() {
  std::string hex;
  for (const char digit : text(sys::caller_uid())) hex += text("3", digit);
  TRY(sys::send_all(stream_, text('\0', "AUTH EXTERNAL ", hex, "\r\n")));
  while (received_.find("\r\n") == std::string::npos) TRY(read_more());
  if (!received_.starts_with("OK ")) return fail("systemd refuses this user");
  received_.clear();
  TRY(sys::send_all(stream_, "BEGIN\r\n"));
  if (is_bus_) {
    TRY(call({bus, bus_path, bus, "Hello", {}, {}}));
    DbusWriter rule;
    rule.words(job_signals);
    TRY(call({bus, bus_path, bus, "AddMatch", "s", rule.bytes()}));
  }
  // Nobody waits for these answers: what follows would fail without them, and says so.
  return call({is_bus_ ? manager : std::string_view(), manager_path, manager_interface, "Subscribe", {}, {}});
}

Result<> Conversation::call(const DbusCall& call) { return sys::send_all(stream_, encode(call, ++serial_)); }

Result<DbusMessage> Conversation::next_message() {
  while (true) {
    const std::optional<std::size_t> length = TRY(dbus_length(received_));
    if (length && received_.size() >= *length) {
      DbusMessage message = TRY(decode_dbus(std::string_view(received_).substr(0, *length)));
      received_.erase(0, *length);
      return message;
    }
    TRY(read_more());
  }
}

Result<DbusMessage> Conversation::ask(const DbusCall& question) {
  TRY(call(question));
  while (true) {
    DbusMessage message = TRY(next_message());
    if (message.answers == serial_ && message.kind != DbusKind::signal) return message;
    if (message.kind == DbusKind::signal) removed_jobs_.push_back(std::move(message));
  }
}

// Delegate= is a property of scopes and of services. Who may not ask, or is in no unit, has none.
Result<bool> Conversation::is_delegated(pid_t pid) {
  DbusWriter number;
  number.number(static_cast<std::size_t>(pid));
  const DbusMessage unit = TRY(ask("GetUnitByPID", "u", number.bytes()));
  if (unit.kind != DbusKind::reply || unit.texts.empty()) return false;
  const bool scope = unit.texts[0].ends_with("_2escope");  // a dot, as object paths are written
  DbusWriter name;
  name.words(text(manager, scope ? ".Scope" : ".Service"));
  name.words("Delegate");
  const DbusMessage answer = TRY(ask({is_bus_ ? manager : std::string_view(), unit.texts[0], "org.freedesktop.DBus.Properties", "Get", "ss", name.bytes()}));
  return answer.kind == DbusKind::reply && !answer.texts.empty() && answer.texts[0] == "true";
}

// The slice's own job may end before ours does, and this process is not moved before the end of ours.
Result<> Conversation::await_job(const std::string& job) {
  while (true) {
    for (const DbusMessage& message : removed_jobs_)
      if (message.member == "JobRemoved" && message.texts.size() == 3 && message.texts[0] == job) {
        if (message.texts[2] == "done") return {};
        return fail("systemd did not start the scope: ", printable(message.texts[2]));
      }
    removed_jobs_.clear();
    removed_jobs_.push_back(TRY(next_message()));
  }
}

// Of the processors 0 is "idle", which an older one does not know.
void add_weights(DbusWriter& out, const ScopeWeights& weights, bool full) {
  const auto property = [&](std::string_view name, std::uint64_t value) {
    out.align(8);
    out.words(name);
    out.signature("t");
    out.large(value);
  };
  if (weights.cpu && (full || *weights.cpu > 0)) property("CPUWeight", *weights.cpu);
  if (weights.io) property("IOWeight", *weights.io);
}

// The body of StartTransientUnit: the unit's name, what to do in conflict, its properties, no other units.
std::string scope_request(const std::string& unit, pid_t pid, const ScopeWeights& weights, bool full) {
  DbusWriter out;
  out.words(unit);
  out.words("fail");
  const std::size_t properties = out.begin_array(8);
  const auto property = [&](std::string_view name, std::string_view type) {
    out.align(8);
    out.words(name);
    out.signature(type);
  };
  property("PIDs", "au");
  const std::size_t pids = out.begin_array(4);
  out.number(static_cast<std::size_t>(pid));
  out.end_array(pids, 4);
  property("Delegate", "b");
  out.number(1);
  add_weights(out, weights, full);
  if (full) {
    property("Description", "s");
    out.words("a sandbox of sbx");
    property("CollectMode", "s");
    out.words("inactive-or-failed");
  }
  out.end_array(properties, 8);
  out.end_array(out.begin_array(8), 8);
  return out.bytes();
}

Result<> start_with(Conversation& talk, const std::string& unit, pid_t pid, const ScopeWeights& weights) {
  bool full = true, reset = false;
  while (true) {
    const DbusMessage answer = TRY(talk.ask("StartTransientUnit", "ssa(sv)a(sa(sv))", scope_request(unit, pid, weights, full)));
    const std::string said = answer.texts.empty() ? answer.error : answer.texts[0];
    if (answer.kind == DbusKind::reply) return talk.await_job(said);
    if (answer.error.ends_with(".UnitExists") && !reset) {
      // One that failed and was not collected.
      DbusWriter name;
      name.words(unit);
      const DbusMessage done = TRY(talk.ask("ResetFailedUnit", "s", name.bytes()));
      reset = done.kind == DbusKind::reply;
      if (reset) continue;
    }
    // An older one does not know every property.
    if (!full) return fail("systemd makes no scope: ", printable(said));
    full = false;
  }
}

// The first that answers; an error of code ENOENT: none does.
Result<Conversation> open_conversation() {
  for (const Place& place : places()) {
    auto stream = sys::connect_stream(place.path);
    if (!stream) continue;
    Conversation talk(*std::move(stream), place.is_bus);
    if (talk.begin()) return talk;
  }
  return std::unexpected<Error>(Error{ENOENT, "no systemd manager answers", {}});
}

}  // namespace

std::vector<std::string> paths_of_bus_address(std::string_view address) {
  std::vector<std::string> out;
  for (const std::string& each : split(address, ';')) {
    if (!each.starts_with("unix:")) continue;
    for (const std::string& pair : split(std::string_view(each).substr(5), ',')) {
      if (pair.starts_with("path=")) out.push_back(pair.substr(5));
      if (pair.starts_with("abstract=")) out.push_back("@" + pair.substr(9));
    }
  }
  return out;
}

Result<Placement> start_scope(const std::string& unit, pid_t pid, bool own, const ScopeWeights& weights) {
  Conversation talk = TRY(open_conversation());
  if (own && TRY(talk.is_delegated(pid))) return Placement::delegated;
  TRY(start_with(talk, unit, pid, weights));
  return Placement::moved;
}

Result<> change_scope(const std::string& unit, const ScopeWeights& weights) {
  Conversation talk = TRY(open_conversation());
  DbusWriter out;
  out.words(unit);
  out.number(1);  // until the unit ends
  const std::size_t properties = out.begin_array(8);
  add_weights(out, weights, true);
  out.end_array(properties, 8);
  const DbusMessage answer = TRY(talk.ask("SetUnitProperties", "sba(sv)", out.bytes()));
  if (answer.kind == DbusKind::reply) return {};
  return fail("systemd does not change ", printable(unit), ": ", printable(answer.texts.empty() ? answer.error : answer.texts[0]));
}

}  // namespace launch
