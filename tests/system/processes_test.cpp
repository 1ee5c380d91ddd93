// The payload's end and what surrounds it: exit statuses, signals, orphans, background processes, time limits.
#include "harness/surroundings.h"

#include <thread>
#include <signal.h>
#include <unistd.h>

using namespace harness;

namespace {

class ProcessesTest : public SystemTest {
 protected:
  Outcome run_script(const std::string& script, Words options = {}) {
    options.insert(options.end(), {"--", "sh", "-c", script});
    return run_sbx(std::move(options));
  }
};

TEST_F(ProcessesTest, ExitStatusIsThePayloads) {
  for (const int status : {0, 1, 7, 124, 255}) {
    const Outcome outcome = run_script("exit " + std::to_string(status));
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(ProcessesTest, ASignalIs128AndItsNumber) {
  for (const int signal : {SIGTERM, SIGINT, SIGKILL, SIGSEGV, SIGUSR1})
    EXPECT_EQ(run_script("kill -" + std::to_string(signal) + " $$").status, 128 + signal);
}

TEST_F(ProcessesTest, ACommandThatIsNotThereIs127) {
  const Outcome outcome = run_sbx({"--", "no-such-command-here"});
  EXPECT_EQ(outcome.status, 127);
  EXPECT_PRED2(contains, outcome.err, "command no-such-command-here not found");
  EXPECT_PRED2(contains, outcome.err, "\nhint: ");
  EXPECT_EQ(run_sbx({"--", "/usr/bin/no-such-command-here"}).status, 127);
}

TEST_F(ProcessesTest, AFileThatCannotBeExecutedIs126) {
  const Outcome outcome = run_sbx({"--", "/etc/passwd"});
  EXPECT_EQ(outcome.status, 126) << outcome.err;
  EXPECT_PRED2(contains, outcome.err, "/etc/passwd");
  EXPECT_EQ(run_sbx({"--", "/usr"}).status, 126);
}

TEST_F(ProcessesTest, AScriptWithoutAFirstLineRunsAsShellsRunIt) {
  const std::string script = dir.write("script", "echo \"$0 $1\"\n");
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  EXPECT_EQ(run_sbx({"--ro", script + ":/script", "--", "/script", "word"}).out, "/script word\n");
}

TEST_F(ProcessesTest, SetUpFailureIs125) {
  const Outcome outcome = run_sbx({"--ro", "/no/such/place", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "bind /no/such/place: No such file or directory");
}

TEST_F(ProcessesTest, SignalsReachThePayload) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM}) {
    const std::string number = std::to_string(signal);
    Process process(sbx({"--", "sh", "-c", "trap 'echo got " + number + "; exit 42' " + number +
                         "; echo ready; while :; do sleep 0.05; done"}));
    ASSERT_TRUE(process.wait_for("ready")) << number;
    process.kill(signal);
    const Outcome outcome = process.finish();
    EXPECT_EQ(outcome.status, 42) << number << outcome.err;
    EXPECT_PRED2(contains, outcome.out, "got " + number);
  }
}

TEST_F(ProcessesTest, AnUnhandledSignalEndsThePayloadAndSbx) {
  Process process(sbx({"--", "sh", "-c", "echo ready; exec sleep 60"}));
  ASSERT_TRUE(process.wait_for("ready"));
  process.kill(SIGTERM);
  EXPECT_EQ(process.finish().status, 143);
}

TEST_F(ProcessesTest, AStoppedPayloadTakesItsEndAndResumes) {
  Process ended(sbx({"--", "sh", "-c", "echo ready; kill -STOP $$; sleep 60"}));
  ASSERT_TRUE(ended.wait_for("ready"));
  std::this_thread::sleep_for(1s);
  ended.kill(SIGTERM);
  EXPECT_EQ(ended.finish().status, 143);
  Process resumed(sbx({"--", "sh", "-c", "echo ready; kill -STOP $$; exit 5"}));
  ASSERT_TRUE(resumed.wait_for("ready"));
  std::this_thread::sleep_for(1s);
  resumed.kill(SIGCONT);
  EXPECT_EQ(resumed.finish().status, 5);
}

TEST_F(ProcessesTest, WhatIsIgnoredStaysIgnoredAndNothingIsBlocked) {
  // As under nohup(1). sbx itself blocks all signals; the payload must not notice.
  const std::string look = "exec \"$sbx\" -- grep -E 'Sig(Blk|Ign)' /proc/self/status";
  // What the runner of the tests ignores is ignored in both (some ignore signals 32 and 33).
  const std::string outside = run({.argv = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}}).out;
  EXPECT_EQ(run_shell(look).out, outside);
  const std::string with_hangup = run_shell("trap '' HUP; " + look).out;
  EXPECT_NE(with_hangup, outside);
  EXPECT_TRUE(with_hangup.ends_with("1\n")) << with_hangup;
}

TEST_F(ProcessesTest, OrphansAreReapedByPidOne) {
  const Outcome outcome = run_script("sh -c 'sleep 0.05 & echo $! >/tmp/pid'; cat /proc/1/comm;"
                                     "for i in $(seq 200); do [ -e /proc/$(cat /tmp/pid) ] || break; sleep 0.02; done;"
                                     "[ ! -e /proc/$(cat /tmp/pid) ] && echo reaped");
  EXPECT_EQ(outcome.out, "sbx:init\nreaped\n") << outcome.err;
}

TEST_F(ProcessesTest, AThousandOrphansAreReaped) {
  const Outcome outcome = run_script("i=0; while [ $i -lt 1000 ]; do (true &); i=$((i+1)); done;"
                                     "for i in $(seq 200); do n=$(ls -d /proc/[0-9]* | wc -l); [ $n -gt 6 ] || break; sleep 0.02; done; echo $n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_LE(std::atoi(outcome.out.c_str()), 6) << outcome.out;
}

TEST_F(ProcessesTest, BackgroundProcessesEndWithThePayload) {
  const std::string marker = "31415926" + std::to_string(::getpid());
  const Outcome outcome = run_script("setsid sleep " + marker + " & (trap '' TERM HUP; sleep " + marker + ") & exit 3");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_TRUE(processes_with(marker).empty());
}

TEST_F(ProcessesTest, OnlyInitAndThePayloadAreThere) {
  const Outcome outcome = run_sbx(with_probe({}, {"pids"}));
  EXPECT_EQ(values_of(outcome, "process"), (Words{"1", "2"}));
  EXPECT_EQ(value_of(outcome, "pid"), "2");
  EXPECT_EQ(value_of(outcome, "ppid"), "1");
}

TEST_F(ProcessesTest, TimeoutIs124) {
  const Outcome outcome = run_sbx({"--timeout", "300ms", "--", "sleep", "60"});
  EXPECT_EQ(outcome.status, 124);
  EXPECT_GE(outcome.elapsed, 300ms);
  EXPECT_LT(outcome.elapsed, 10s);
}

TEST_F(ProcessesTest, TimeoutLeavesTimeToCleanUp) {
  const Outcome outcome = run_script("trap 'echo cleaning; exit 0' TERM; while :; do sleep 0.05; done", {"--timeout", "2s"});
  EXPECT_EQ(outcome.status, 124);
  EXPECT_EQ(outcome.out, "cleaning\n");
}

TEST_F(ProcessesTest, KillAfterEndsWhatIgnoresTerm) {
  const Outcome outcome = run_script("trap '' TERM; while :; do sleep 0.05; done",
                                     {"--timeout", "2s", "--kill-after", "300ms"});
  EXPECT_EQ(outcome.status, 124);
  EXPECT_GE(outcome.elapsed, 2300ms);
  EXPECT_LT(outcome.elapsed, 12s);
}

TEST_F(ProcessesTest, TimeoutEndsAStoppedPayload) {
  const Outcome outcome = run_script("kill -STOP $$; sleep 60", {"--timeout", "300ms"});
  EXPECT_EQ(outcome.status, 124);
  EXPECT_FALSE(outcome.timed_out);
}

TEST_F(ProcessesTest, APayloadThatStopsItselfDoesNotStopTheCaller) {
  // Without a terminal there is no job control: nobody would wake the caller's process group.
  Process process({.argv = {"setsid", "sh", "-c", "\"$sbx\" -- sh -c 'echo stopping; kill -STOP $$; echo on' & "
                            "sleep 0.7; echo the caller runs; kill -9 $!; wait $!"},
                   .environment = {"sbx=" + sbx_binary()}});
  EXPECT_TRUE(process.wait_for("the caller runs", 10s)) << process.out();
  EXPECT_EQ(process.finish().status, 137);
}

TEST_F(ProcessesTest, TimeoutDoesNotDelayTheEnd) {
  const Outcome outcome = run_sbx({"--timeout", "1h", "--", "true"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_LT(outcome.elapsed, 10s);
}

TEST_F(ProcessesTest, LimitsHoldInside) {
  const Outcome outcome = run_sbx({"--ulimit", "nofile=100:200", "--ulimit", "core=0", "--", "sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c"});
  EXPECT_EQ(outcome.out, "100\n200\n0\n") << outcome.err;
}

TEST_F(ProcessesTest, AHardLimitAboveOursIsRefused) {
  const Outcome outcome = run_shell("ulimit -n 256; exec \"$sbx\" --ulimit nofile=4096 -- true");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "nofile");
}

TEST_F(ProcessesTest, UmaskIsKept) {
  EXPECT_EQ(run_shell("umask 027; exec \"$sbx\" -- sh -c umask").out, "0027\n");
  EXPECT_EQ(run_shell("umask 0; exec \"$sbx\" -- sh -c umask").out, "0000\n");
}

TEST_F(ProcessesTest, UmaskDoesNotChangeTheFilesOfTheSandbox) {
  const Outcome outcome = run_shell("umask 077; \"$sbx\" -- stat -c %a / /etc /etc/passwd /tmp /usr /dev /proc /run");
  const Outcome usual = run_shell("umask 022; \"$sbx\" -- stat -c %a / /etc /etc/passwd /tmp /usr /dev /proc /run");
  EXPECT_EQ(outcome.out, usual.out);
  EXPECT_PRED2(contains, outcome.out, "755\n");
}

TEST_F(ProcessesTest, KillingTheLauncherEndsTheSandbox) {
  const std::string marker = "27182818" + std::to_string(::getpid());
  Process process(sbx({"--", "sh", "-c", "setsid sleep " + marker + " & echo ready; sleep " + marker}));
  ASSERT_TRUE(process.wait_for("ready"));
  ASSERT_TRUE(eventually([&] { return processes_with(marker).size() >= 2; }));
  process.kill(SIGKILL);
  EXPECT_EQ(process.finish().signal, SIGKILL);
  EXPECT_TRUE(eventually([&] { return processes_with(marker).empty(); }));
}

}  // namespace
