// From findings to verdicts: which row a refusal fails, and what the doctor says it costs.
#include "cli/doctor.h"
#include "cli/json.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

namespace {

using cli::Check;
using cli::Diagnosis;
using cli::Status;
using launch::Attempt;
using launch::Findings;
using launch::Stage;

Attempt worked(std::string found) { return {.tried = Attempt::Tried::worked, .found = std::move(found), .error = {}}; }
Attempt refused(int code, std::string message) {
  return {.tried = Attempt::Tried::refused, .found = {}, .error = Error{code, std::move(message), {}}};
}

Findings all_well() {
  Findings findings;
  findings.around.uid = 1000, findings.around.user = "ann";
  findings.around.kernel_major = 6, findings.around.kernel_minor = 1;
  findings.around.executable = "/usr/bin/sbx";
  findings.around.cgroup = {.unified = true, .directory = "/sys/fs/cgroup/x", .controllers = {"cpu", "memory", "pids", "cpuset", "io"}};
  findings.around.controllers_hint = "ask root";
  for (Attempt& attempt : findings.attempts) attempt = worked("works");
  return findings;
}

const Check& row(const Diagnosis& diagnosis, std::string_view name) {
  for (const Check& check : diagnosis.checks)
    if (check.name == name) return check;
  ADD_FAILURE() << "no row " << name;
  return diagnosis.checks.front();
}

TEST(CliVerdicts, AllWell) {
  const Diagnosis diagnosis = cli::make_diagnosis(all_well());
  EXPECT_TRUE(diagnosis.works);
  EXPECT_EQ(diagnosis.summary, "A default launch works here, and nothing is lost");
  for (const Check& check : diagnosis.checks) {
    EXPECT_EQ(check.status, Status::pass) << check.name;
    EXPECT_FALSE(check.found.empty()) << check.name;
    EXPECT_EQ(check.why + check.lost + check.fix, "") << check.name;
  }
}

TEST(CliVerdicts, WhatALaunchNeedsFailsTheRestWarns) {
  for (std::size_t i = 0; i + 1 < launch::stage_count; ++i) {
    const auto stage = static_cast<Stage>(i);
    Findings findings = all_well();
    findings[stage] = refused(EPERM, "it: Operation not permitted");
    const Diagnosis diagnosis = cli::make_diagnosis(findings);
    const Check& check = row(diagnosis, launch::stage_names[stage]);
    const bool optional = stage == Stage::id_range || stage == Stage::overlay || stage == Stage::tap || stage == Stage::time ||
                          stage == Stage::network || stage == Stage::ping ||
                          stage == Stage::landlock || stage == Stage::openat2;
    EXPECT_EQ(check.status, optional ? Status::warn : Status::fail) << check.name;
    EXPECT_EQ(check.found, "it: Operation not permitted");
    EXPECT_FALSE(check.lost.empty()) << check.name;
  }
}

TEST(CliVerdicts, OnlyTheLaunchDecides) {
  Findings findings = all_well();
  findings[Stage::launch] = refused(EPERM, "mount proc: Operation not permitted");
  findings[Stage::launch].error.hint = "do this";
  EXPECT_FALSE(cli::make_diagnosis(findings).works);
  EXPECT_EQ(row(cli::make_diagnosis(findings), "launch").fix, "do this");
  EXPECT_EQ(cli::make_diagnosis(findings).summary, "A default launch does not work here; begin with 'launch'");
  findings[Stage::proc] = refused(EPERM, "mount proc: Operation not permitted");
  const Diagnosis diagnosis = cli::make_diagnosis(findings);
  EXPECT_EQ(diagnosis.summary, "A default launch does not work here; begin with 'proc'");
  EXPECT_EQ(row(diagnosis, "launch").fix, "see 'proc' above");
}

TEST(CliVerdicts, WhatWasNotTriedIsSkipped) {
  Findings findings = all_well();
  findings[Stage::user_namespace] = refused(ENOSPC, "clone3: No space left on device");
  findings[Stage::proc] = {};
  const Check check = row(cli::make_diagnosis(findings), "proc");
  EXPECT_EQ(check.status, Status::skip);
  EXPECT_EQ(check.lost + check.fix, "");
}

TEST(CliVerdicts, WarningsAreCounted) {
  Findings findings = all_well();
  findings[Stage::tap] = refused(ENOENT, "open /dev/net/tun: No such file or directory");
  EXPECT_EQ(cli::make_diagnosis(findings).summary, "A default launch works here; 1 warning");
  findings.around.uid = 0;
  EXPECT_EQ(cli::make_diagnosis(findings).summary, "A default launch works here; 2 warnings");
  EXPECT_EQ(row(cli::make_diagnosis(findings), "account").status, Status::warn);
}

TEST(CliVerdicts, AnOldKernelFails) {
  Findings findings = all_well();
  findings.around.kernel_major = 5, findings.around.kernel_minor = 13;
  EXPECT_EQ(row(cli::make_diagnosis(findings), "kernel").status, Status::fail);
  findings.around.kernel_minor = 14;
  EXPECT_EQ(row(cli::make_diagnosis(findings), "kernel").status, Status::pass);
}

// Docker ships a program of that name.
TEST(CliVerdicts, AnotherSbxFirstInPath) {
  Findings findings = all_well();
  findings.around.first_in_path = "/usr/local/bin/sbx";
  findings.around.executable = "/opt/sbx/bin/sbx";
  const Check check = row(cli::make_diagnosis(findings), "program");
  EXPECT_EQ(check.status, Status::warn);
  EXPECT_EQ(check.why, "PATH has /usr/local/bin/sbx first");
  EXPECT_EQ(check.fix, "export PATH=/opt/sbx/bin:$PATH");
  findings.around.first_in_path_is_this = true;
  EXPECT_EQ(row(cli::make_diagnosis(findings), "program").status, Status::pass);
}

TEST(CliVerdicts, OverlayByAProgram) {
  Findings findings = all_well();
  findings[Stage::overlay] = refused(EOPNOTSUPP, "rmdir: Operation not supported");
  EXPECT_EQ(row(cli::make_diagnosis(findings), "overlay").fix, "sudo apt install fuse-overlayfs");
  findings.around.fuse_overlayfs = "/usr/bin/fuse-overlayfs";
  EXPECT_EQ(row(cli::make_diagnosis(findings), "overlay").fix, "sudo modprobe fuse");
  findings.around.fuse_opens = true;
  const Check check = row(cli::make_diagnosis(findings), "overlay");
  EXPECT_EQ(check.status, Status::pass);
  EXPECT_EQ(check.found, "by /usr/bin/fuse-overlayfs (the kernel's: rmdir: Operation not supported)");
}

TEST(CliVerdicts, Cgroups) {
  Findings findings = all_well();
  findings.around.cgroup.controllers = {"cpu", "memory", "pids"};
  Check check = row(cli::make_diagnosis(findings), "cgroup");
  EXPECT_EQ(check.status, Status::warn);
  EXPECT_EQ(check.found, "version 2, delegated: cpu memory pids");
  EXPECT_EQ(check.lost, "limits by cpuset io");
  EXPECT_EQ(check.fix, "ask root");
  findings.around.cgroup.directory.clear();
  check = row(cli::make_diagnosis(findings), "cgroup");
  EXPECT_EQ(check.found, "version 2, none delegated to you");
  EXPECT_PRED2([](const std::string& text, const char* part) { return text.find(part) != std::string::npos; }, check.lost, "limits of memory");
  findings.around.cgroup.unified = false;
  check = row(cli::make_diagnosis(findings), "cgroup");
  EXPECT_EQ(check.found, "version 1, which cannot be delegated");
  EXPECT_EQ(check.status, Status::warn);
}

Diagnosis small() {
  Diagnosis diagnosis{.works = false, .checks = {}, .summary = "No"};
  diagnosis.checks.push_back({.name = "kernel", .status = Status::pass, .found = "Linux 6.1", .why = {}, .lost = {}, .fix = {}});
  diagnosis.checks.push_back({.name = "tap", .status = Status::warn, .found = "a\x1b", .why = "b", .lost = "c", .fix = "d"});
  return diagnosis;
}

TEST(CliDoctor, TableInWordsAndSymbols) {
  EXPECT_EQ(cli::describe_diagnosis(small(), cli::Marks::words),
            "pass  kernel  Linux 6.1\n"
            "warn  tap     a\\x1b\n"
            "              why:  b\n"
            "              lost: c\n"
            "              fix:  d\n"
            "\n"
            "No.\n");
  EXPECT_EQ(cli::describe_diagnosis(small(), cli::Marks::symbols),
            "✓  kernel  Linux 6.1\n"
            "!  tap     a\\x1b\n"
            "           why:  b\n"
            "           lost: c\n"
            "           fix:  d\n"
            "\n"
            "No.\n");
}

TEST(CliDoctor, JsonHasTheSame) {
  const auto json = nlohmann::json::parse(cli::diagnosis_json(small()));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["works"], false);
  EXPECT_EQ(json["summary"], "No");
  ASSERT_EQ(json["checks"].size(), 2U);
  EXPECT_EQ(json["checks"][0], (nlohmann::json{{"name", "kernel"}, {"status", "pass"}, {"found", "Linux 6.1"}}));
  EXPECT_EQ(json["checks"][1]["status"], "warn");
  EXPECT_EQ(json["checks"][1]["why"], "b");
  EXPECT_EQ(json["checks"][1]["fix"], "d");
}

}  // namespace
