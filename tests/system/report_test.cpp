// --report and --stats: what happened, whichever way it ended.
#include "harness/surroundings.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace harness;
using Json = nlohmann::json;

namespace {

class ReportTest : public SystemTest {
 protected:
  Json report_of(Words arguments) {
    const std::string file = dir / "report.json";
    arguments.insert(arguments.begin(), {"--report", file});
    last_ = run_sbx(std::move(arguments));
    const Json json = Json::parse(read_file(file), nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << read_file(file) << last_.err;
    return json;
  }
  Outcome last_;
};

TEST_F(ReportTest, OfAPayloadThatExits) {
  const Json json = report_of({"--name", "try", "--", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 7"});
  EXPECT_EQ(last_.status, 7);
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["name"], "try");
  EXPECT_EQ(json["profile"], (Words{"base"}));
  EXPECT_EQ(json["command"][0], "sh");
  EXPECT_EQ(json["workdir"], "/");
  EXPECT_EQ(json["started"].get<std::string>().size(), 20U);
  EXPECT_EQ(json["exit"], (Json{{"code", 7}, {"signal", nullptr}, {"reason", "exited"}}));
  EXPECT_GT(json["wall_s"].get<double>(), 0);
  EXPECT_GT(json["cpu"]["user_s"].get<double>() + json["cpu"]["system_s"].get<double>(), 0);
  EXPECT_GT(json["memory"]["peak_bytes"].get<std::uint64_t>(), 100'000U);
  EXPECT_EQ(json["degraded"], Json::array());
  const Words names = json["active"]["namespaces"];
  EXPECT_EQ(names, (Words{"user", "mount", "pid", "net", "ipc", "uts", "cgroup"}));
  EXPECT_EQ(json["active"]["seccomp"], "default");
  EXPECT_EQ(json["active"]["capabilities"], Json::array());
}

TEST_F(ReportTest, OfASignal) {
  const Json json = report_of({"--", "sh", "-c", "kill -KILL $$"});
  EXPECT_EQ(json["exit"], (Json{{"code", 137}, {"signal", "SIGKILL"}, {"reason", "signaled"}}));
}

TEST_F(ReportTest, OfATimeout) {
  const Json json = report_of({"--timeout", "200ms", "--", "sleep", "60"});
  EXPECT_EQ(json["exit"]["reason"], "timeout");
  EXPECT_EQ(json["exit"]["code"], 124);
  EXPECT_GE(json["wall_s"].get<double>(), 0.2);
}

TEST_F(ReportTest, OfASetUpThatFails) {
  const Json json = report_of({"--ro", "/no/such/place", "--", "true"});
  EXPECT_EQ(json["exit"]["reason"], "setup");
  EXPECT_EQ(json["exit"]["code"], 125);
  EXPECT_PRED2(contains, json["exit"]["error"].get<std::string>(), "bind /no/such/place: No such file or directory");
  EXPECT_FALSE(json.contains("active"));
  EXPECT_FALSE(json.contains("memory"));
}

TEST_F(ReportTest, OfAProfileThatFails) {
  const Json json = report_of({"--profile", "no-such-profile", "--", "true"});
  EXPECT_EQ(json["exit"]["reason"], "setup");
  EXPECT_EQ(json["exit"]["code"], 125);
}

TEST_F(ReportTest, OfACommandThatIsNotThere) {
  const Json json = report_of({"--", "no-such-command"});
  EXPECT_EQ(json["exit"]["reason"], "setup");
  EXPECT_EQ(json["exit"]["code"], 127);
}

TEST_F(ReportTest, OfOddBytes) {
  const Json json = report_of({"--", "printf", "%s", "\xff\n\x1b"});
  EXPECT_EQ(json["command"].size(), 3U);
}

TEST_F(ReportTest, NamesTheChainAndTheOpenings) {
  const Json json = report_of({"--profile", "build", "--profile", "strict", "--nested-userns", "--landlock", "off", "--set", "seccomp.deny=[]", "-w", "/", "--", "true"});
  EXPECT_EQ(json["profile"], (Words{"base", "build", "strict"}));
  EXPECT_EQ(json["active"]["nested_userns"], true);
  EXPECT_FALSE(json["active"].contains("landlock"));
}

TEST_F(ReportTest, ToADescriptor) {
  const Outcome outcome = run_shell("\"$sbx\" --report fd:3 -- sh -c 'echo out; exit 4' 3>report; echo $?");
  EXPECT_EQ(outcome.out, "out\n4\n") << outcome.err;
  EXPECT_EQ(Json::parse(read_file(dir / "report"))["exit"]["code"], 4);
  const Outcome piped = run_shell("\"$sbx\" --report fd:5 -- true 5>&1 >/dev/null | grep -c '\"reason\"'");
  EXPECT_EQ(piped.out, "1\n");
}

TEST_F(ReportTest, TargetsThatCannotBe) {
  for (const char* target : {"fd:77", "fd:", "fd:x", "/no/such/directory/report", ""}) {
    const Outcome outcome = run_sbx({"--report", target, "--", "sh", "-c", "echo ran"});
    EXPECT_EQ(outcome.status, 125) << target;
    EXPECT_PRED2(contains, outcome.err, "--report") << target;
  }
  EXPECT_EQ(run_sbx({"--report", "fd:77", "--", "sh", "-c", "echo ran"}).out, "");
}

TEST_F(ReportTest, IsWrittenAtomically) {
  dir.write("report.json", "old");
  ASSERT_EQ(::chmod((dir / "report.json").c_str(), 0600), 0);
  report_of({"--", "true"});
  Words names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) names.push_back(entry.path().filename());
  EXPECT_EQ(names, (Words{"report.json"}));
}

TEST_F(ReportTest, ToADirectoryThatCannotBeWritten) {
  if (::getuid() == 0) GTEST_SKIP() << "root may write everywhere";
  dir.make("closed");
  ASSERT_EQ(::chmod((dir / "closed").c_str(), 0555), 0);
  const Outcome outcome = run_sbx({"--report", dir / "closed/report", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "closed/report");
}

TEST_F(ReportTest, StatsAreALineForPeople) {
  const Outcome outcome = run_sbx({"--stats", "--", "sh", "-c", "exit 3"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.out, "");
  for (const char* part : {"sbx: exited with 3 after ", "peak memory ", "sbx: profiles base\n", "seccomp default", "no capabilities"})
    EXPECT_PRED2(contains, outcome.err, part);
  EXPECT_PRED2(contains, run_sbx({"--stats", "--", "sh", "-c", "kill $$"}).err, "killed by SIGTERM");
  EXPECT_PRED2(contains, run_sbx({"--stats", "--timeout", "100ms", "--", "sleep", "9"}).err, "ended by the timeout");
}

TEST_F(ReportTest, ADryRunRunsNothing) {
  const Outcome outcome = run_sbx({"--rw", dir.path(), "--dry-run", "--", "touch", dir / "made"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(dir / "made"));
  EXPECT_PRED2(contains, outcome.out, "command");
  const Json json = Json::parse(run_sbx({"--dry-run=json", "--", "true"}).out);
  EXPECT_EQ(json["command"], (Words{"true"}));
  EXPECT_GT(json["steps"].size(), 30U);
}

}  // namespace
