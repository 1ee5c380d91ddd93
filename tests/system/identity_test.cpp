// Who the payload is: ids, maps, names, and what is said when a range is missing.
#include "harness/surroundings.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace harness;

namespace {

class IdentityTest : public SystemTest {
 protected:
  Outcome probe(Words options, const Words& words = {"ids"}) { return run_sbx(with_probe(std::move(options), words)); }
  std::string own_uid = std::to_string(::getuid()), own_gid = std::to_string(::getgid());

  // Runs `script` where /etc/FILE reads as `content`: in a mount namespace of its own, as the same user.
  Outcome run_with_etc(const std::string& file, const std::string& content, const std::string& script) {
    dir.write("etc", content);
    return run_shell("exec bwrap --dev-bind / / --ro-bind etc /etc/" + file + " sh -c '" + script + "'");
  }
};

std::string squeezed(const std::string& in) {
  std::string out;
  for (const char c : in)
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  return out;
}

Words squeezed(Words in) {
  for (std::string& each : in) each = squeezed(each);
  return in;
}

TEST_F(IdentityTest, SelfIsTheCallerAndNobodyElse) {
  const Outcome outcome = probe({});
  EXPECT_EQ(value_of(outcome, "uid"), own_uid + " " + own_uid + " " + own_uid);
  EXPECT_EQ(value_of(outcome, "gid"), own_gid + " " + own_gid + " " + own_gid);
  EXPECT_EQ(squeezed(values_of(outcome, "uid_map")), (Words{own_uid + " " + own_uid + " 1"}));
  EXPECT_EQ(squeezed(values_of(outcome, "gid_map")), (Words{own_gid + " " + own_gid + " 1"}));
  EXPECT_EQ(value_of(outcome, "setgroups"), "deny");
}

TEST_F(IdentityTest, RootWithoutARangeIsTheCallerAsZero) {
  const Outcome outcome = probe({"--user", "root", "--userns", "single"});
  EXPECT_EQ(value_of(outcome, "uid"), "0 0 0") << outcome.err;
  EXPECT_EQ(squeezed(values_of(outcome, "uid_map")), (Words{"0 " + own_uid + " 1"}));
  EXPECT_EQ(value_of(outcome, "setgroups"), "deny");
}

TEST_F(IdentityTest, NumbersAreTaken) {
  EXPECT_EQ(value_of(probe({"--user", "7:8"}), "uid"), "7 7 7");
  EXPECT_EQ(value_of(probe({"--user", "7:8"}), "gid"), "8 8 8");
  EXPECT_EQ(value_of(probe({"-u", "7"}), "gid"), "7 7 7");
}

TEST_F(IdentityTest, TheLargestIds) {
  EXPECT_EQ(value_of(probe({"--user", "4294967294"}), "uid"), "4294967294 4294967294 4294967294");
  for (const char* user : {"4294967295", "4294967296", "-1", "99999999999999999999", "1:", ":1", "1:2:3", "ann"}) {
    const Outcome outcome = probe({"--user", user});
    EXPECT_EQ(outcome.status, 125) << user << outcome.out;
    EXPECT_PRED2(contains, outcome.err, user);
  }
}

TEST_F(IdentityTest, NamesInsideAreKnown) {
  const Outcome self = run_sbx({"--", "sh", "-c", "id -un; id -gn; echo ~"});
  const Outcome outside = run_shell("id -un; id -gn");
  EXPECT_TRUE(self.out.starts_with(outside.out)) << self.out;
  EXPECT_EQ(run_sbx({"-u", "root", "--userns", "single", "--", "sh", "-c", "id -un; id -gn; echo $HOME; echo ~"}).out, "root\nroot\n/root\n/root\n");
}

TEST_F(IdentityTest, RangeKeepsTheOwnId) {
  SKIP_IF(no_id_range());
  const Outcome outcome = probe({"--userns", "range"});
  EXPECT_EQ(value_of(outcome, "uid"), own_uid + " " + own_uid + " " + own_uid) << outcome.err;
  const Words map = squeezed(values_of(outcome, "uid_map"));
  EXPECT_EQ(map.size(), 3U) << outcome.out;
  EXPECT_TRUE(std::find(map.begin(), map.end(), own_uid + " " + own_uid + " 1") != map.end()) << outcome.out;
}

TEST_F(IdentityTest, RootOfARangeCanChangeOwners) {
  SKIP_IF(no_id_range());
  const Outcome outcome = probe({"--user", "root"});
  EXPECT_EQ(value_of(outcome, "uid"), "0 0 0") << outcome.err;
  const Words map = squeezed(values_of(outcome, "uid_map"));
  ASSERT_EQ(map.size(), 2U) << outcome.out;
  EXPECT_EQ(map[0], "0 " + own_uid + " 1");
  const Outcome changed = run_sbx({"--user", "root", "--cap-add", "CHOWN", "--", "sh", "-c", "touch /tmp/f && chown 5:6 /tmp/f && stat -c %u:%g /tmp/f"});
  EXPECT_EQ(changed.out, "5:6\n") << changed.err;
}

TEST_F(IdentityTest, RootHasNoCapabilityByItself) {
  const Outcome outcome = probe({"--user", "root", "--userns", "single"}, {"caps"});
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) EXPECT_EQ(value_of(outcome, set), "0000000000000000") << set;
  EXPECT_EQ(value_of(outcome, "NoNewPrivs"), "1");
}

TEST_F(IdentityTest, AMissingRangeNamesTheLineToAdd) {
  if (!has_program("bwrap")) GTEST_SKIP() << "bwrap is not installed: it gives the test another /etc/subuid";
  const std::string user = run_shell("id -un").out;
  const std::string name = user.substr(0, user.size() - 1);
  for (const char* file : {"subuid", "subgid"}) {
    const Outcome outcome = run_with_etc(file, "somebody:1:2\n", "exec \"$sbx\" --user root -- true");
    EXPECT_EQ(outcome.status, 125) << file;
    EXPECT_PRED2(contains, outcome.err, std::string("/etc/") + file);
    EXPECT_PRED2(contains, outcome.err, "'" + name + ":100000:65536'");
    EXPECT_PRED2(contains, outcome.err, "usermod --add-sub" + std::string(file).substr(3) + "s");
  }
}

TEST_F(IdentityTest, AUserThatIsNotInPasswd) {
  if (!has_program("bwrap")) GTEST_SKIP() << "bwrap is not installed: it gives the test another /etc/passwd";
  const Outcome outcome = run_with_etc("passwd", "root:x:0:0:root:/root:/bin/sh\n", "exec \"$sbx\" -- sh -c \"id -u; id -un; echo \\$HOME\"");
  EXPECT_EQ(outcome.out, own_uid + "\nuser\n" + std::getenv("HOME") + "\n") << outcome.err;
}

TEST_F(IdentityTest, GroupsOfTheCallerStayButGiveNothingNew) {
  const Outcome outcome = run_sbx({"--", "sh", "-c", "id -G"});
  for (const char c : outcome.out) EXPECT_NE(c, ',');
  EXPECT_TRUE(outcome.out.starts_with(own_gid)) << outcome.out;
}

TEST_F(IdentityTest, HostRootIsForRootOnly) {
  if (::getuid() == 0) GTEST_SKIP() << "runs as root";
  const Outcome outcome = run_sbx({"--user", "host-root", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "hint: ");
}

TEST_F(IdentityTest, RootIsNeverRootByItself) {
  if (::getuid() != 0) GTEST_SKIP() << "for root: make test runs as an ordinary account";
  const Outcome outcome = probe({"--user", "root"});
  for (const std::string& line : squeezed(values_of(outcome, "uid_map"))) EXPECT_FALSE(line.starts_with("0 0 ")) << line;
  EXPECT_NE(run_sbx({"--user", "root", "--", "cat", "/etc/shadow"}).status, 0);
}

TEST_F(IdentityTest, ChownBackReturnsFilesOfTheRange) {
  SKIP_IF(no_id_range());
  dir.write("work/kept", "mine");
  const Outcome made = run_sbx({"--user", "root", "--cap-add", "CHOWN", "--rw", dir / "work:/work", "--", "sh", "-c",
                                "mkdir -p /work/a/b && touch /work/a/b/f && ln -s /etc/passwd /work/a/link && chown -hR 5:6 /work/a"});
  ASSERT_EQ(made.status, 0) << made.err;
  struct stat facts {};
  ASSERT_EQ(::lstat((dir / "work/a").c_str(), &facts), 0);
  ASSERT_NE(facts.st_uid, ::getuid());
  const Outcome back = run_sbx({"chown-back", dir / "work"});
  EXPECT_EQ(back.status, 0) << back.err;
  for (const char* name : {"work/a", "work/a/b", "work/a/b/f", "work/a/link", "work/kept"}) {
    ASSERT_EQ(::lstat((dir / name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_uid, ::getuid()) << name;
    EXPECT_EQ(facts.st_gid, ::getgid()) << name;
  }
}

TEST_F(IdentityTest, ChownBackOfWhatIsNotThere) {
  SKIP_IF(no_id_range());
  const Outcome outcome = run_sbx({"chown-back", dir / "missing"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "missing");
}

}  // namespace
