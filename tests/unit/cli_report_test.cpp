// What is printed, where it goes, and what is left out. Descriptors 1 and 2 are replaced for the print functions.
#include "cli/json.h"
#include "cli/report.h"
#include "sys/process.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using cli::ReportTarget;
using cli::RunReport;
using supervise::Reason;

std::string content(const std::string& file) {
  std::stringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

class CliReport : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sbx-report-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    for (const char* file : {"out", "report", "link", "pipe"}) ::unlink(path(file).c_str());
    EXPECT_EQ(::rmdir(directory_.c_str()), 0) << "something is left in " << directory_;
  }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  // What `call` writes to the descriptor.
  template <class Call>
  std::string written_to(int descriptor, Call call) {
    const int kept = ::dup(descriptor), file = ::open(path("out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ::dup2(file, descriptor);
    call();
    ::dup2(kept, descriptor);
    ::close(kept);
    ::close(file);
    return content(path("out"));
  }

  std::string directory_;
};

RunReport sample() {
  RunReport report;
  report.name = "try";
  report.profiles = {"base", "dev"};
  report.command = {"bash", "-c", "\xff"};
  report.workdir = "/home/u/p";
  report.started = std::chrono::system_clock::time_point(std::chrono::seconds(1795294620));
  report.wall = std::chrono::milliseconds(1204);
  report.cpu_user = std::chrono::milliseconds(900);
  report.cpu_system = std::chrono::milliseconds(95);
  report.peak_bytes = 12'900'000;
  report.active = cli::Active{.namespaces = {"user", "mount"}, .seccomp = "default", .capabilities = {}, .network = "none", .landlock = 7, .overlay = "kernel", .cgroup = "none"};
  return report;
}

nlohmann::json parsed(const RunReport& report) { return nlohmann::json::parse(cli::report_json(report)); }

TEST_F(CliReport, ErrorsAreOneLineAndAHint) {
  Error error{0, "no such thing: a\nb\x1b[31m", "do this\nor that"};
  error.status = 127;
  int status = 0;
  EXPECT_EQ(written_to(2, [&] { status = cli::print_error(error); }),
            "sbx: no such thing: a\\nb\\x1b[31m\nhint: do this\nhint: or that\n");
  EXPECT_EQ(status, 127);
  EXPECT_EQ(written_to(2, [] { cli::print_error(Error{0, "plain", {}}); }), "sbx: plain\n");
  EXPECT_EQ(written_to(2, [] { cli::print_note("a\tb"); }), "sbx: a\\tb\n");
}

TEST_F(CliReport, OutputIsVerbatimAndAFullDeviceIsAnError) {
  int status = -1;
  EXPECT_EQ(written_to(1, [&] { status = cli::print_output("a\x1b\n"); }), "a\x1b\n");
  EXPECT_EQ(status, 0);
  const int kept = ::dup(1), full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ::dup2(full, 1);
  const std::string complaint = written_to(2, [&] { status = cli::print_output("a"); });
  ::dup2(kept, 1);
  ::close(kept);
  ::close(full);
  EXPECT_EQ(complaint, "sbx: write standard output: No space left on device\n");
  EXPECT_EQ(status, 125);
}

TEST_F(CliReport, AReaderThatLeftIsNoError) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const auto previous = std::signal(SIGPIPE, SIG_IGN);
  const int kept = ::dup(1);
  ::dup2(ends[1], 1);
  int status = -1;
  const std::string complaint = written_to(2, [&] { status = cli::print_output("a"); });
  ::dup2(kept, 1);
  ::close(kept);
  ::close(ends[1]);
  std::signal(SIGPIPE, previous);
  EXPECT_EQ(complaint, "");
  EXPECT_EQ(status, 0);
}

TEST(CliReportJson, HoldsWhatIsKnown) {
  const auto json = parsed(sample());
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["profile"], (std::vector<std::string>{"base", "dev"}));
  EXPECT_EQ(json["command"][2], "\xef\xbf\xbd");
  EXPECT_EQ(json["started"], "2026-11-21T20:57:00Z");
  EXPECT_EQ(json["exit"], (nlohmann::json{{"code", 0}, {"signal", nullptr}, {"reason", "exited"}}));
  EXPECT_EQ(json["wall_s"], 1.204);
  EXPECT_EQ(json["cpu"]["system_s"], 0.095);
  EXPECT_EQ(json["memory"]["peak_bytes"], 12'900'000);
  EXPECT_EQ(json["active"]["landlock"], 7);
  EXPECT_EQ(json["active"]["capabilities"], nlohmann::json::array());
  EXPECT_FALSE(json["active"].contains("nested_userns"));
  EXPECT_EQ(json["degraded"], nlohmann::json::array());
}

RunReport with_network() {
  RunReport report = sample();
  supervise::NetworkUse use;
  use.totals = net::Totals{.tx_bytes = 5000, .rx_bytes = 70, .tx_packets = 4, .rx_packets = 3, .tcp_flows = 1, .udp_flows = 2, .denied = 3};
  use.blocked.push_back({.protocol = net::Protocol::tcp, .host = "x.example", .target = {net::Address::from_v4(0xc0000201), 443}, .rule = "default", .count = 3});
  use.blocked.push_back({.protocol = net::Protocol::udp, .host = "y.example", .target = {}, .rule = "*.example", .count = 1});
  use.not_listed = 7;
  report.network = cli::NetworkReport{.mode = "user", .use = use, .rules = {{{"@lan", 2, 5, 600}, "allow", "profile"}, {{"host", 0, 0, 0}, "", ""}}};
  return report;
}

TEST(CliReportJson, TheNetworkByRuleAndByDenial) {
  const auto json = parsed(with_network())["network"];
  EXPECT_EQ(json["mode"], "user");
  EXPECT_EQ(json["tx_bytes"], 5000);
  EXPECT_EQ(json["flows"], 3);
  EXPECT_EQ(json["rules"][0], (nlohmann::json{{"rule", "@lan"}, {"verdict", "allow"}, {"origin", "profile"}, {"flows", 2}, {"packets", 5}, {"bytes", 600}}));
  EXPECT_FALSE(json["rules"][1].contains("verdict"));
  EXPECT_EQ(json["blocked"][0], (nlohmann::json{{"host", "x.example"}, {"address", "192.0.2.1"}, {"port", 443}, {"protocol", "tcp"}, {"rule", "default"}, {"count", 3}}));
  EXPECT_EQ(json["blocked"][1], (nlohmann::json{{"host", "y.example"}, {"protocol", "udp"}, {"rule", "*.example"}, {"count", 1}}));
  EXPECT_EQ(json["blocked_not_listed"], 7);
}

TEST(CliReportStats, TheNetworkInWords) {
  const std::string stats = cli::describe_stats(with_network());
  EXPECT_NE(stats.find("sbx: network 4.8K sent, 70 received, 3 flows, 3 denied\nsbx:   allow @lan: 2 flows, 600\n"), std::string::npos) << stats;
  const supervise::NetworkUse use = *with_network().network->use;
  EXPECT_EQ(cli::describe_blocked(use.blocked[0]), "network: tcp to x.example (192.0.2.1) port 443 is denied: no rule allows it");
  EXPECT_EQ(cli::describe_blocked(use.blocked[1]), "network: the name y.example is denied: by *.example");
}

TEST(CliReportJson, LeavesOutWhatDoesNotApply) {
  RunReport report;
  report.reason = Reason::setup;
  report.code = 125;
  report.error = "mount proc on /proc: Operation not permitted";
  const auto json = parsed(report);
  for (const char* absent : {"name", "profile", "command", "workdir", "wall_s", "cpu", "memory", "active", "network", "changes"})
    EXPECT_FALSE(json.contains(absent)) << absent;
  EXPECT_EQ(json["exit"]["error"], report.error);
  EXPECT_EQ(json["exit"]["reason"], "setup");
}

TEST(CliReportJson, SignalsHaveNames) {
  RunReport report;
  report.reason = Reason::signaled;
  report.signal = SIGKILL;
  EXPECT_EQ(parsed(report)["exit"]["signal"], "SIGKILL");
  EXPECT_EQ(sys::signal_name(SIGRTMIN + 2), "SIGRTMIN+2");
  EXPECT_EQ(sys::signal_name(1000), "signal 1000");
}

TEST(CliReportJson, TimesAreUtc) {
  using std::chrono::seconds;
  const auto at = [](std::int64_t second) { return cli::utc_time(std::chrono::system_clock::time_point(seconds(second))); };
  EXPECT_EQ(at(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(at(951'868'799), "2000-02-29T23:59:59Z");
}

TEST(CliReportStats, IsAFewLines) {
  EXPECT_EQ(cli::describe_stats(sample()),
            "sbx: exited with 0 after 1.20s; cpu 0.90s user, 0.09s system; peak memory 12.3M\n"
            "sbx: profiles base dev\n"
            "sbx: namespaces user mount; network none; seccomp default; landlock 7; no capabilities\n");
  RunReport failed;
  failed.reason = Reason::setup;
  failed.error = "no\x1b";
  failed.degraded = {"landlock"};
  EXPECT_EQ(cli::describe_stats(failed), "sbx: not started: no\\x1b\nsbx: degraded: landlock\n");
  failed.reason = Reason::signaled;
  failed.signal = SIGTERM;
  EXPECT_EQ(cli::describe_stats(failed), "sbx: killed by SIGTERM\nsbx: degraded: landlock\n");
}

TEST_F(CliReport, AFileIsReplacedInOneStep) {
  std::ofstream(path("report")) << "old";
  struct stat before {}, after {};
  ASSERT_EQ(::stat(path("report").c_str(), &before), 0);
  ASSERT_TRUE(cli::write_report(sample(), ReportTarget{path("report"), -1}).has_value());
  ASSERT_EQ(::stat(path("report").c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino);
  EXPECT_EQ(content(path("report")), cli::report_json(sample()));
}

TEST_F(CliReport, ALinkStaysALink) {
  ASSERT_EQ(::symlink("report", path("link").c_str()), 0);
  std::ofstream(path("report")) << "old";
  ASSERT_TRUE(cli::write_report(sample(), ReportTarget{path("link"), -1}).has_value());
  struct stat link {};
  ASSERT_EQ(::lstat(path("link").c_str(), &link), 0);
  EXPECT_TRUE(S_ISLNK(link.st_mode));
  EXPECT_EQ(content(path("report")), cli::report_json(sample()));
}

TEST_F(CliReport, ADeviceOrPipeIsWrittenTo) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_TRUE(cli::write_report(sample(), ReportTarget{path("pipe"), -1}).has_value());
  std::string got(65536, '\0');
  const ssize_t size = ::read(reader, got.data(), got.size());
  ::close(reader);
  ASSERT_GT(size, 0);
  EXPECT_EQ(got.substr(0, static_cast<std::size_t>(size)), cli::report_json(sample()));
  struct stat pipe {};
  ASSERT_EQ(::lstat(path("pipe").c_str(), &pipe), 0);
  EXPECT_TRUE(S_ISFIFO(pipe.st_mode));
}

TEST_F(CliReport, ADescriptorIsWrittenTo) {
  const int file = ::open(path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_TRUE(cli::write_report(sample(), ReportTarget{{}, file}).has_value());
  ::close(file);
  EXPECT_EQ(content(path("out")), cli::report_json(sample()));
}

TEST_F(CliReport, TargetsAreCheckedBeforehand) {
  EXPECT_TRUE(cli::check_report_target({path("report"), -1}).has_value());
  EXPECT_TRUE(cli::check_report_target({{}, 0}).has_value());
  const auto closed = cli::check_report_target({{}, 987});
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().message, "--report: descriptor 987 is not open");
  const auto nowhere = cli::check_report_target({path("missing/report"), -1});
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().message, text("--report: no directory for '", path("missing/report"), "'"));
}

}  // namespace
