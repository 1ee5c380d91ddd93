// /etc, /dev, /proc and /sys as every sandbox sees them.
#include "harness/surroundings.h"

#include <filesystem>
#include <unistd.h>

using namespace harness;

namespace {

class SystemDirectoriesTest : public SystemTest {
 protected:
  Outcome run_script(const std::string& script) { return run_sbx({"--", "sh", "-c", script}); }
};

TEST_F(SystemDirectoriesTest, SecretsOfEtcAreOutOfSight) {
  const Outcome outcome = run_script("ls -A /etc /etc/ssl /etc/ssh 2>/dev/null; cat /etc/shadow /etc/gshadow /etc/sudoers 2>&1 | grep -vc 'No such file'");
  for (const char* name : {"shadow", "gshadow", "sudoers", "sudoers.d", "private", "_key\n", "shadow-"})
    EXPECT_FALSE(contains(outcome.out, std::string(name) + "\n")) << outcome.out;
  EXPECT_TRUE(outcome.out.ends_with("\n0\n")) << outcome.out;
  EXPECT_PRED2(contains, outcome.out, "ld.so.cache\n");
}

TEST_F(SystemDirectoriesTest, OwnFilesOfEtc) {
  EXPECT_EQ(run_script("cat /etc/hostname").out, "sbx\n");
  EXPECT_PRED2(contains, run_script("getent hosts localhost sbx").out, "127.0.1.1");
  EXPECT_EQ(run_script("grep -c nameserver /etc/resolv.conf").out, "0\n");
  const std::string uid = std::to_string(::getuid());
  const Outcome outcome = run_script("cut -d: -f3 /etc/passwd; wc -l </etc/group");
  EXPECT_PRED2(contains, outcome.out, "0\n" + uid + "\n65534\n");
}

TEST_F(SystemDirectoriesTest, EtcIsReadOnly) {
  EXPECT_EQ(run_script("for f in passwd new ssl/new hosts; do echo x >>/etc/$f || echo held; done; rm /etc/hostname || echo held").out, "held\nheld\nheld\nheld\nheld\n");
}

TEST_F(SystemDirectoriesTest, DevicesWork) {
  EXPECT_EQ(run_script("echo x >/dev/null; head -c 4 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; head -c 8 /dev/random | wc -c;"
                       "echo x >/dev/full || echo full; readlink /dev/stdin /dev/fd /dev/ptmx").out,
            " 00 00 00 00\n8\n8\nfull\n/proc/self/fd/0\n/proc/self/fd\npts/ptmx\n");
  EXPECT_EQ(run_script("ls /dev").out, "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n");
  EXPECT_EQ(run_script("echo x >/dev/shm/f && cat /dev/shm/f; touch /dev/x || echo held; rm /dev/null || echo held").out, "x\nheld\nheld\n");
}

TEST_F(SystemDirectoriesTest, APtyCanBeMade) {
  EXPECT_EQ(run_script("script -qec 'tty' /dev/null </dev/null | tr -d '\\r'").out, "/dev/pts/0\n");
}

TEST_F(SystemDirectoriesTest, NodesCannotBeMade) {
  EXPECT_EQ(run_sbx({"--user", "root", "--userns", "single", "--", "sh", "-c", "mknod /tmp/null c 1 3 && cat /tmp/null; echo $?"}).out, "1\n");
}

TEST_F(SystemDirectoriesTest, ProcIsOwnAndMasked) {
  const Outcome outcome = run_script("for f in kcore keys key-users timer_list kallsyms config.gz sched_debug; do [ ! -e /proc/$f ] || head -c 1 /proc/$f; done;"
                                     "for d in acpi scsi driver; do [ ! -e /proc/$d ] || ls -A /proc/$d; done");
  EXPECT_EQ(outcome.out, "") << outcome.err;
}

TEST_F(SystemDirectoriesTest, ProcSysCannotBeWritten) {
  for (const Words& user : {Words{}, Words{"--user", "root", "--userns", "single"}}) {
    Words options = user;
    options.insert(options.end(), {"--", "sh", "-c", "echo b >/proc/sysrq-trigger; for f in kernel/hostname kernel/core_pattern user/max_user_namespaces net/ipv4/ip_forward vm/drop_caches;"
                                   "do echo 1 >/proc/sys/$f && echo wrote $f; done; cat /proc/sys/kernel/ostype"});
    EXPECT_EQ(run_sbx(options).out, "Linux\n");
  }
}

TEST_F(SystemDirectoriesTest, SysIsReadOnlyAndOfTheOwnNetwork) {
  EXPECT_EQ(run_script("ls /sys/class/net; ls -A /sys/firmware; touch /sys/x || echo held").out, "lo\nheld\n");
}

TEST_F(SystemDirectoriesTest, NoNetworkButLoopbackDown) {
  EXPECT_EQ(run_script("sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d ' '; cat /proc/net/unix | wc -l").out, "lo\n1\n");
}

TEST_F(SystemDirectoriesTest, TemporaryDirectoriesAreOwnAndOpen) {
  const std::string marker = "sbx-system-test-" + std::to_string(::getpid());
  EXPECT_EQ(run_script("stat -c %a /tmp /var/tmp /run /run/lock /dev/shm; ls -A /tmp /var/tmp | grep -v :; touch /tmp/" + marker + " /var/tmp/" + marker).out,
            "1777\n1777\n755\n1777\n1777\n\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/" + marker));
  EXPECT_FALSE(std::filesystem::exists("/var/tmp/" + marker));
}

TEST_F(SystemDirectoriesTest, TheRootHoldsTheSystemOnly) {
  const Outcome outcome = run_script("ls -A /; touch /x && echo made");
  for (const char* name : {"srv\n", "mnt\n", "media\n", "boot\n"}) EXPECT_FALSE(contains(outcome.out, name)) << outcome.out;
  for (const char* name : {"dev\n", "etc\n", "proc\n", "run\n", "sys\n", "tmp\n", "usr\n", "var\n"}) EXPECT_PRED2(contains, outcome.out, name);
  EXPECT_EQ(run_script("touch /usr/x /usr/bin/x || echo held").out, "held\n");
}

TEST_F(SystemDirectoriesTest, TheOldRootIsGone) {
  const Outcome outcome = run_sbx(with_probe({}, {"mounts"}));
  for (const std::string& mount : values_of(outcome, "mount")) {
    EXPECT_FALSE(contains(mount, dir.path())) << mount;
    EXPECT_FALSE(contains(mount, "master:")) << mount;
    EXPECT_FALSE(contains(mount, "shared:")) << mount;
  }
  EXPECT_EQ(run_script("ls -d /..; cd /; cd ..; pwd").out, "/..\n/\n");
}

}  // namespace
