// What is the sandbox's own: namespaces, the host name, and clocks where offsets are asked for.
#include "harness/surroundings.h"

#include <cstdlib>

using namespace harness;

namespace {

class NamespacesTest : public SystemTest {
 protected:
  Outcome probe(Words options, const Words& words) { return run_sbx(with_probe(std::move(options), words)); }
};

TEST_F(NamespacesTest, HostnameIsTheNameOrItsOwn) {
  EXPECT_EQ(run_sbx({"--", "uname", "-n"}).out, "sbx\n");
  EXPECT_EQ(run_sbx({"--name", "try", "--", "sh", "-c", "uname -n; echo $SBX_NAME; cat /etc/hostname"}).out, "try\ntry\ntry\n");
  EXPECT_EQ(run_sbx({"--name", "try", "--hostname", "box", "--", "sh", "-c", "uname -n; echo $SBX_NAME"}).out, "box\ntry\n");
  EXPECT_EQ(run_sbx({"--hostname", "a/b", "--", "true"}).status, 125);
}

double uptime_of(const Outcome& outcome) { return std::atof(outcome.out.c_str()); }

TEST_F(NamespacesTest, TimeOffsets) {
  const double now = uptime_of(run({.argv = {"cat", "/proc/uptime"}}));
  const Outcome later = run_sbx({"--set", "sandbox.boottime=1000h", "--", "cat", "/proc/uptime"});
  EXPECT_GE(uptime_of(later), now + 3'600'000 - 0.01) << later.err;  // hundredths, added as binary fractions
  EXPECT_LT(uptime_of(later), now + 3'600'000 + 600);
  EXPECT_LT(uptime_of(run_sbx({"--", "cat", "/proc/uptime"})), now + 600);
}

TEST_F(NamespacesTest, TimeOffsetsBelowZeroOfTheClockAreRefused) {
  const Outcome outcome = run_sbx({"--set", "sandbox.monotonic=-1000000h", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "sbx: ");
}

TEST_F(NamespacesTest, ATimeNamespaceExistsOnlyWhenAsked) {
  const auto own = [](const Outcome& outcome) { return value_of(outcome, "ns_time"); };
  const Outcome outside = run({.argv = {payload("probe"), "namespaces"}});
  EXPECT_EQ(own(probe({}, {"namespaces"})), own(outside));
  EXPECT_NE(own(probe({"--set", "sandbox.monotonic=1s"}, {"namespaces"})), own(outside));
}

TEST_F(NamespacesTest, EveryOtherNamespaceIsNew) {
  const Outcome outside = run({.argv = {payload("probe"), "namespaces"}}), inside = probe({}, {"namespaces"});
  for (const char* name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    const std::string key = std::string("ns_") + name;
    EXPECT_NE(value_of(inside, key), value_of(outside, key)) << key;
    EXPECT_TRUE(value_of(inside, key)) << key;
  }
}

}  // namespace
