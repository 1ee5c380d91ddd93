// The conversation with a service manager, against peers on a real socket that answer as systemd does, or worse.
#include "launch/systemd.h"

#include "launch/dbus.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace launch {
namespace {

// One message of the peer's.
std::string message(DbusKind kind, std::uint32_t answers, std::string_view error, std::string_view member, const std::vector<std::string>& texts) {
  DbusWriter body, out;
  std::string signature;
  if (member == "JobRemoved") body.number(7), signature = "u";
  for (const std::string& each : texts) body.words(each), signature += 's';
  for (const std::size_t each : {std::size_t{'l'}, static_cast<std::size_t>(kind), std::size_t{1}, std::size_t{1}}) out.byte(each);
  out.number(body.bytes().size());
  out.number(1);
  const std::size_t fields = out.begin_array(8);
  const auto words = [&](std::size_t field, std::string_view value) {
    if (value.empty()) return;
    out.align(8), out.byte(field), out.signature("s"), out.words(value);
  };
  words(3, member), words(4, error);
  if (answers != 0) out.align(8), out.byte(5), out.signature("u"), out.number(answers);
  if (!signature.empty()) out.align(8), out.byte(8), out.signature("g"), out.signature(signature);
  out.end_array(fields, 8);
  out.align(8);
  return out.bytes() + body.bytes();
}

std::string removed(const std::string& job, const std::string& result) { return message(DbusKind::signal, 0, {}, "JobRemoved", {job, "x.scope", result}); }

struct Call {
  std::string member, bytes;
  std::uint32_t serial = 0;
};

class LaunchSystemd : public testing::Test {
 protected:
  void SetUp() override {
    if (::getuid() == 0) GTEST_SKIP() << "root asks the manager of the system";
    char name[] = "/tmp/sbx-systemd.XXXXXX";
    directory_ = ::mkdtemp(name);
    std::filesystem::create_directory(directory_ + "/systemd");
    before_ = std::getenv("XDG_RUNTIME_DIR") == nullptr ? "" : std::getenv("XDG_RUNTIME_DIR");
    ::setenv("XDG_RUNTIME_DIR", directory_.c_str(), 1);
    ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  }
  void TearDown() override {
    if (peer_.joinable()) peer_.join();
    if (directory_.empty()) return;
    ::setenv("XDG_RUNTIME_DIR", before_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }

  // `answer` to each call, as bytes to send; empty: hang up.
  void serve(const std::string& place, std::function<std::string(const Call&)> answer, std::string greeting = "OK 0123456789abcdef\r\n") {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_ + place;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    peer_ = std::thread([this, listener, answer = std::move(answer), greeting = std::move(greeting)] {
      const int talk = ::accept(listener, nullptr, nullptr);
      ::close(listener);
      converse(talk, answer, greeting);
      ::close(talk);
    });
  }
  std::vector<Call> calls_;

 private:
  void converse(int talk, const std::function<std::string(const Call&)>& answer, const std::string& greeting) {
    std::string in;
    const auto more = [&] {
      char block[4096];
      const ssize_t got = ::recv(talk, block, sizeof block, 0);
      if (got > 0) in.append(block, static_cast<std::size_t>(got));
      return got > 0;
    };
    while (in.find("\r\n") == std::string::npos)
      if (!more()) return;
    EXPECT_EQ(in.substr(0, 15), std::string("\0AUTH EXTERNAL ", 15));
    static_cast<void>(::send(talk, greeting.data(), greeting.size(), MSG_NOSIGNAL));
    in.clear();
    while (in.find("BEGIN\r\n") == std::string::npos)
      if (!more()) return;
    in.erase(0, in.find("BEGIN\r\n") + 7);
    while (true) {
      const auto length = dbus_length(in);
      if (!length || !*length || in.size() < **length) {
        if (!more()) return;
        continue;
      }
      Call call{.member = decode_dbus(in.substr(0, **length))->member, .bytes = in.substr(0, **length)};
      std::memcpy(&call.serial, call.bytes.data() + 8, sizeof call.serial);
      in.erase(0, **length);
      calls_.push_back(call);
      const std::string out = answer(call);
      if (out.empty() || ::send(talk, out.data(), out.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  std::string directory_, before_;
  std::thread peer_;
};

std::string done(const Call& call) { return message(DbusKind::reply, call.serial, {}, {}, {}); }
std::string refused(const Call& call, const std::string& error) { return message(DbusKind::error, call.serial, error, {}, {"no: " + error}); }

TEST_F(LaunchSystemd, WithoutAManagerItSaysSo) {
  const auto started = start_scope("x.scope", 1, false);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ENOENT);
}

// Another job that ends first, before the answer or after it, is not ours.
TEST_F(LaunchSystemd, OnlyOurOwnJobCounts) {
  serve("/systemd/private", [](const Call& call) {
    if (call.member != "StartTransientUnit") return done(call);
    return removed("/job/1", "done") + message(DbusKind::reply, call.serial, {}, {}, {"/job/2"}) + removed("/job/3", "failed") + removed("/job/2", "done");
  });
  const auto started = start_scope("x.scope", 77, false);
  ASSERT_TRUE(started) << started.error().message;
}

TEST_F(LaunchSystemd, AScopeIsChangedByItsManager) {
  serve("/systemd/private", done);
  const auto changed = change_scope("x.scope", {.cpu = 500});
  ASSERT_TRUE(changed) << changed.error().message;
  ASSERT_FALSE(calls_.empty());
  EXPECT_EQ(calls_.back().member, "SetUnitProperties");
  EXPECT_NE(calls_.back().bytes.find("CPUWeight"), std::string::npos);
  EXPECT_EQ(calls_.back().bytes.find("IOWeight"), std::string::npos);
}

TEST_F(LaunchSystemd, WhatItsManagerDoesNotChangeIsAnError) {
  serve("/systemd/private", [](const Call& call) {
    return call.member == "SetUnitProperties" ? refused(call, "org.freedesktop.systemd1.NoSuchUnit") : done(call);
  });
  const auto changed = change_scope("x.scope", {.io = 500});
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message.find("systemd does not change x.scope: no: "), std::string::npos) << changed.error().message;
}

TEST_F(LaunchSystemd, AJobThatFailsIsAnError) {
  serve("/systemd/private", [](const Call& call) {
    return call.member == "Subscribe" ? done(call) : message(DbusKind::reply, call.serial, {}, {}, {"/job/2"}) + removed("/job/2", "timeout");
  });
  const auto started = start_scope("x.scope", 77, false);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("timeout"), std::string::npos);
}

TEST_F(LaunchSystemd, AUnitLeftFailedIsResetOnce) {
  bool reset = false;
  serve("/systemd/private", [&](const Call& call) {
    if (call.member == "ResetFailedUnit") reset = true;
    if (call.member != "StartTransientUnit") return done(call);
    if (!reset) return refused(call, "org.freedesktop.systemd1.UnitExists");
    return message(DbusKind::reply, call.serial, {}, {}, {"/job/2"}) + removed("/job/2", "done");
  });
  EXPECT_TRUE(start_scope("x.scope", 77, false));
  EXPECT_TRUE(reset);
}

TEST_F(LaunchSystemd, AnOldManagerIsAskedForLess) {
  serve("/systemd/private", [](const Call& call) {
    if (call.member != "StartTransientUnit") return done(call);
    if (call.bytes.find("CollectMode") != std::string::npos) return refused(call, "org.freedesktop.DBus.Error.PropertyReadOnly");
    return message(DbusKind::reply, call.serial, {}, {}, {"/job/2"}) + removed("/job/2", "done");
  });
  EXPECT_TRUE(start_scope("x.scope", 77, false));
}

TEST_F(LaunchSystemd, ARefusalIsToldInItsWords) {
  serve("/systemd/private", [](const Call& call) { return call.member == "Subscribe" ? done(call) : refused(call, "org.freedesktop.DBus.Error.AccessDenied"); });
  const auto started = start_scope("x.scope", 77, false);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("no: org.freedesktop.DBus.Error.AccessDenied"), std::string::npos) << started.error().message;
}

TEST_F(LaunchSystemd, AUnitDelegatedAlreadyIsKept) {
  serve("/systemd/private", [](const Call& call) {
    if (call.member == "Subscribe") return done(call);
    if (call.member == "GetUnitByPID") return message(DbusKind::reply, call.serial, {}, {}, {"/org/freedesktop/systemd1/unit/run_2escope"});
    EXPECT_EQ(call.member, "Get");
    EXPECT_NE(call.bytes.find("org.freedesktop.systemd1.Scope"), std::string::npos);
    return message(DbusKind::reply, call.serial, {}, {}, {"true"});
  });
  const auto placed = start_scope("x.scope", 77, true);
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(*placed, Placement::delegated);
}

TEST_F(LaunchSystemd, AUnitThatIsNotIsLeft) {
  serve("/systemd/private", [](const Call& call) {
    if (call.member == "GetUnitByPID") return refused(call, "org.freedesktop.systemd1.NoUnitForPID");
    if (call.member != "StartTransientUnit") return done(call);
    return message(DbusKind::reply, call.serial, {}, {}, {"/job/2"}) + removed("/job/2", "done");
  });
  const auto placed = start_scope("x.scope", 77, true);
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(*placed, Placement::moved);
}

TEST_F(LaunchSystemd, OnTheBusItRegistersAndNamesTheManager) {
  serve("/bus", [](const Call& call) {
    if (call.member != "StartTransientUnit") return done(call);
    EXPECT_NE(call.bytes.find("org.freedesktop.systemd1\0"), std::string::npos);
    return message(DbusKind::reply, call.serial, {}, {}, {"/job/2"}) + removed("/job/2", "done");
  });
  EXPECT_TRUE(start_scope("x.scope", 77, false));
}

TEST_F(LaunchSystemd, AHangUpIsAnError) {
  serve("/systemd/private", [](const Call& call) { return call.member == "Subscribe" ? done(call) : std::string(); });
  EXPECT_FALSE(start_scope("x.scope", 77, false));
}

TEST_F(LaunchSystemd, NonsenseIsAnError) {
  serve("/systemd/private", [](const Call& call) { return call.member == "Subscribe" ? done(call) : std::string(64, 'x'); });
  EXPECT_FALSE(start_scope("x.scope", 77, false));
}

TEST_F(LaunchSystemd, OneThatRejectsTheUserIsPassedOver) {
  serve("/systemd/private", [](const Call&) { return std::string(); }, "REJECTED EXTERNAL\r\n");
  const auto started = start_scope("x.scope", 77, false);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ENOENT);
}

TEST(LaunchSystemdAddress, PathsInTheirOrder) {
  EXPECT_EQ(paths_of_bus_address("unix:path=/run/user/1000/bus"), (std::vector<std::string>{"/run/user/1000/bus"}));
  EXPECT_EQ(paths_of_bus_address("tcp:host=x;unix:abstract=/tmp/a,guid=12;unix:guid=1,path=/b"), (std::vector<std::string>{"@/tmp/a", "/b"}));
  EXPECT_TRUE(paths_of_bus_address("").empty());
}

}  // namespace
}  // namespace launch
