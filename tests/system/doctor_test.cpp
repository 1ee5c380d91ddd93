// sbx doctor on this machine, and on machines that lack something: each is made with bubblewrap or unshare around it.
#include "harness/surroundings.h"

#include <cstddef>
#include <filesystem>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/syscall.h>
#include <unistd.h>

using namespace harness;

namespace {

// bubblewrap's user namespace has the caller's own id, as on the host.
class DoctorTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    if (IsSkipped()) return;
    SKIP_IF(has_program("bwrap") ? "" : "bubblewrap is not installed");
  }

  Outcome within(Words bwrap_options, Words arguments = {}) {
    Words argv{"bwrap", "--unshare-user", "--uid", std::to_string(::getuid()), "--gid", std::to_string(::getgid()), "--dev-bind", "/", "/"};
    argv.insert(argv.end(), bwrap_options.begin(), bwrap_options.end());
    for (const char* word : {"--", SBX_BINARY, "doctor"}) argv.emplace_back(word);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run({.argv = std::move(argv)});
  }
};

// The row of a name, with the lines below it that belong to it.
std::string row(const Outcome& outcome, const std::string& name) {
  std::string found;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.size() > 6 && line.compare(6, name.size() + 1, name + " ") == 0) found = line + "\n";
    else if (!found.empty() && line.starts_with("      ")) found += line + "\n";
    else if (!found.empty()) return found;
  }
  return found;
}

void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in:\n" << text;
}

bool launches(const Outcome& outcome) { return row(outcome, "launch").starts_with("pass"); }

TEST_F(DoctorTest, WhatItSaysIsWhatALaunchDoes) {
  const Outcome doctor = run_sbx({"doctor"});
  EXPECT_EQ(doctor.err, "");
  EXPECT_EQ(doctor.status, 0) << doctor.out;
  EXPECT_EQ(run_sbx({"--", "true"}).status, 0);
  EXPECT_TRUE(launches(doctor)) << doctor.out;
  expect_has(doctor.out, "\n\nA default launch works here");
  EXPECT_EQ(doctor.out.find("fail  "), std::string::npos) << doctor.out;
}

TEST_F(DoctorTest, JsonHasTheRowsOfTheTable) {
  const Outcome table = run_sbx({"doctor"}), json = run_sbx({"doctor", "--json"});
  EXPECT_EQ(json.status, table.status);
  const auto parsed = nlohmann::json::parse(json.out, nullptr, false);
  ASSERT_FALSE(parsed.is_discarded()) << json.out;
  EXPECT_EQ(parsed["works"], table.status == 0);
  ASSERT_GE(parsed["checks"].size(), 19U);
  for (const auto& check : parsed["checks"]) {
    const std::string there = row(table, check["name"]);
    EXPECT_TRUE(there.starts_with(check["status"].get<std::string>())) << check << "\n" << there;
    for (const char* part : {"found", "why", "lost", "fix"})
      if (check.contains(part)) expect_has(there, check[part].get<std::string>());
  }
  expect_has(table.out, parsed["summary"].get<std::string>());
}

TEST_F(DoctorTest, SymbolsOnlyOnATerminalThatHasThem) {
  Command command = sbx({"doctor"});
  command.terminal = true;
  expect_has(run(command).out, "✓  kernel");
  command.environment = {"LC_ALL=C"};
  expect_has(run(command).out, "pass  kernel");
  expect_has(run_sbx({"doctor"}).out, "pass  kernel");
}

TEST_F(DoctorTest, WithoutNewuidmap) {
  const Outcome doctor = run({.argv = {"env", "PATH=" + dir.path(), SBX_BINARY, "doctor"}});
  const std::string range = row(doctor, "id range");
  EXPECT_TRUE(range.starts_with("warn")) << range;
  expect_has(range, "sudo apt install uidmap");
  expect_has(range, "--user root");
}

TEST_F(DoctorTest, NewuidmapThatLostItsRights) {
  SKIP_IF(no_id_range());
  const std::string copy = dir / "newuidmap";
  std::filesystem::copy_file("/usr/bin/newuidmap", copy);
  std::filesystem::permissions(copy, std::filesystem::perms(0755));
  const Outcome doctor = within({"--ro-bind", copy, "/usr/bin/newuidmap"});
  expect_has(row(doctor, "id range"), "sudo chmod u+s /usr/bin/newuidmap");
  EXPECT_EQ(doctor.status, 0) << doctor.out;
}

TEST_F(DoctorTest, WithoutSubordinateIds) {
  if (::access("/etc/subuid", F_OK) != 0) GTEST_SKIP() << "there is no /etc/subuid to cover";
  const std::string empty = dir.write("empty", "");
  const Outcome doctor = within({"--ro-bind", empty, "/etc/subuid"});
  const std::string range = row(doctor, "id range");
  EXPECT_TRUE(range.starts_with("warn")) << range;
  expect_has(range, "/etc/subuid");
  expect_has(range, "sudo usermod --add-subuids ");
  EXPECT_TRUE(launches(doctor)) << doctor.out;
  EXPECT_EQ(doctor.status, 0);
}

TEST_F(DoctorTest, WithoutUserNamespaces) {
  const Outcome doctor = run({.argv = {"unshare", "-Ur", "sh", "-c",
                                       "echo 0 >/proc/sys/user/max_user_namespaces && exec " SBX_BINARY " doctor"}});
  const std::string failed = row(doctor, "user namespace");
  EXPECT_TRUE(failed.starts_with("fail")) << failed;
  expect_has(failed, "No space left on device");
  expect_has(failed, "why:  user.max_user_namespaces is 0");
  EXPECT_TRUE(row(doctor, "mounts").starts_with("skip")) << doctor.out;
  EXPECT_EQ(doctor.status, 125);
  expect_has(doctor.out, "A default launch does not work here; begin with 'user namespace'.");
}

// As Docker and Podman leave it: the covering mount is locked for every user namespace below.
TEST_F(DoctorTest, WithCoveredProc) {
  const Outcome doctor = within({"--ro-bind", "/dev/null", "/proc/version"});
  const std::string proc = row(doctor, "proc");
  EXPECT_TRUE(proc.starts_with("fail")) << doctor.out;
  expect_has(proc, "/proc/version");
  expect_has(proc, "fix:  ");
  EXPECT_TRUE(row(doctor, "mounts").starts_with("pass")) << doctor.out;
  expect_has(row(doctor, "launch"), "see 'proc' above");
  EXPECT_EQ(doctor.status, 125);
}

// A container's resolv.conf: overlayfs refuses an /etc with mounts below, and a launch must do without.
TEST_F(DoctorTest, WithAMountInEtc) {
  const Outcome doctor = within({"--ro-bind", dir.write("hosts", ""), "/etc/hosts"});
  EXPECT_TRUE(launches(doctor)) << doctor.out;
  EXPECT_EQ(doctor.status, 0);
}

TEST_F(DoctorTest, WithoutTun) {
  if (::access("/dev/net", F_OK) != 0) GTEST_SKIP() << "there is no /dev/net to cover";
  const Outcome doctor = within({"--tmpfs", "/dev/net"});
  EXPECT_TRUE(row(doctor, "tap").starts_with("warn")) << doctor.out;
  expect_has(row(doctor, "tap"), "sudo modprobe tun");
  EXPECT_TRUE(launches(doctor)) << doctor.out;
  EXPECT_EQ(doctor.status, 0);
}

TEST_F(DoctorTest, InAnotherSandbox) {
  const Outcome doctor = run_sbx({"--ro", sbx_binary(), "-e", "ASAN_OPTIONS=detect_leaks=0", "--", sbx_binary(), "doctor"});
  EXPECT_EQ(doctor.status, 125);
  expect_has(row(doctor, "container"), "sbx");
  expect_has(row(doctor, "processes"), "sbx --nested-userns");
}

// What container engines do with clone3, whose flags a filter cannot see.
TEST_F(DoctorTest, WithAFilterOnClone3) {
  const sock_filter filter[]{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const std::string file = dir.write("filter", {reinterpret_cast<const char*>(filter), sizeof filter});
  const Outcome doctor = run({.argv = {"sh", "-c", "exec bwrap --dev-bind / / --seccomp 3 -- " SBX_BINARY " doctor 3<" + file}});
  EXPECT_TRUE(row(doctor, "processes").starts_with("fail")) << doctor.out << doctor.err;
  expect_has(row(doctor, "processes"), "Function not implemented");
  expect_has(row(doctor, "processes"), "filter");
  EXPECT_TRUE(row(doctor, "launch").starts_with("skip")) << doctor.out;
  EXPECT_EQ(doctor.status, 125);
}

TEST_F(DoctorTest, AnotherSbxFirstInPath) {
  const std::string other = dir.write("sbx", "#!/bin/sh\n");
  std::filesystem::permissions(other, std::filesystem::perms(0755));
  const Outcome doctor = run({.argv = {"env", "PATH=" + dir.path() + ":/usr/bin:/bin", SBX_BINARY, "doctor"}});
  EXPECT_TRUE(row(doctor, "program").starts_with("warn")) << doctor.out;
  expect_has(row(doctor, "program"), other);
  EXPECT_EQ(doctor.status, 0) << doctor.out;
}

}  // namespace
