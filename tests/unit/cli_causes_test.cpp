// The same EPERM has many causes: each must be told from the others, and its remedy named exactly.
#include "cli/causes.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace {

using cli::Cause;
using launch::Attempt;
using launch::Findings;
using launch::Stage;

Findings refused(Stage stage, int code, std::string message = "refused") {
  Findings findings;
  findings.around.uid = 1000, findings.around.user = "ann", findings.around.executable = "/usr/local/bin/sbx";
  findings.around.newuidmap = {"/usr/bin/newuidmap", true};
  findings.around.newgidmap = {"/usr/bin/newgidmap", true};
  findings[stage] = {.tried = Attempt::Tried::refused, .found = {}, .error = Error{code, std::move(message), {}}};
  return findings;
}

std::string fix(const Findings& findings, Stage stage) { return cli::cause_of(findings, stage).fix; }
std::string why(const Findings& findings, Stage stage) { return cli::cause_of(findings, stage).why; }

TEST(CliCauses, UbuntuRefusesInsideTheNamespace) {
  for (const Stage stage : {Stage::user_namespace, Stage::id_map, Stage::mounts, Stage::proc}) {
    for (const int code : {EPERM, EACCES}) {
      Findings findings = refused(stage, code);
      findings.around.apparmor_restricts = 1;
      EXPECT_NE(why(findings, stage).find("apparmor_restrict_unprivileged_userns=1"), std::string::npos);
      findings.around.apparmor_restricts = 0;
      EXPECT_EQ(why(findings, stage).find("AppArmor"), std::string::npos);
    }
  }
}

TEST(CliCauses, TheAppArmorProfileAttachesByPath) {
  Findings findings = refused(Stage::mounts, EPERM);
  findings.around.apparmor_restricts = 1;
  EXPECT_EQ(fix(findings, Stage::mounts),
            "sudo make install PREFIX=/usr/local && sudo apparmor_parser -r /etc/apparmor.d/sbx, then run /usr/local/bin/sbx");
  findings.around.apparmor_shipped = "/usr/local/share/sbx/apparmor.d/sbx";
  findings.around.apparmor_binary = "/usr/local/bin/sbx";
  EXPECT_EQ(fix(findings, Stage::mounts),
            "sudo install -m 644 /usr/local/share/sbx/apparmor.d/sbx /etc/apparmor.d/sbx && "
            "sudo apparmor_parser -r /etc/apparmor.d/sbx");
  findings.around.apparmor_loaded = "/etc/apparmor.d/sbx";
  EXPECT_EQ(fix(findings, Stage::mounts), "sudo apparmor_parser -r /etc/apparmor.d/sbx");
  findings.around.executable = "/home/ann/build/sbx";
  EXPECT_EQ(fix(findings, Stage::mounts), "run /usr/local/bin/sbx: its profile is for that path, not for /home/ann/build/sbx");
}

TEST(CliCauses, DebiansSwitch) {
  Findings findings = refused(Stage::user_namespace, EPERM);
  findings.around.userns_clone = 0;
  EXPECT_EQ(fix(findings, Stage::user_namespace), "sudo sysctl kernel.unprivileged_userns_clone=1");
  findings.around.userns_clone = 1;
  EXPECT_EQ(why(findings, Stage::user_namespace), "");
}

TEST(CliCauses, TheLimitOfUserNamespaces) {
  Findings findings = refused(Stage::user_namespace, ENOSPC);
  findings.around.max_user_namespaces = 0;
  EXPECT_EQ(fix(findings, Stage::user_namespace), "sudo sysctl user.max_user_namespaces=15000");
  findings.around.in_user_namespace = true;
  EXPECT_EQ(fix(findings, Stage::user_namespace), "echo 15000 >/proc/sys/user/max_user_namespaces    # as root of that namespace");
  findings.around.max_user_namespaces = 500;
  EXPECT_EQ(fix(findings, Stage::user_namespace), "sudo sysctl user.max_user_namespaces=1000");
  findings.around.max_user_namespaces = 0;
  findings.around.container = "sbx", findings.around.evidence = "container=sbx";
  EXPECT_EQ(fix(findings, Stage::user_namespace), "sbx --nested-userns ... for the outer sandbox");
}

TEST(CliCauses, EachContainerHasItsOwnOptions) {
  Findings findings = refused(Stage::user_namespace, EPERM);
  findings.around.container = "Docker", findings.around.evidence = "/.dockerenv", findings.around.filtered = true;
  EXPECT_TRUE(fix(findings, Stage::user_namespace).starts_with("docker run --security-opt seccomp=unconfined"));
  EXPECT_EQ(why(findings, Stage::user_namespace), "this is refused inside Docker (/.dockerenv)");
  findings.around.container = "Podman";
  EXPECT_TRUE(fix(findings, Stage::user_namespace).starts_with("podman run --security-opt seccomp=unconfined"));
  findings.around.container = "lxc";
  EXPECT_EQ(fix(findings, Stage::user_namespace), "run sbx outside of lxc");
}

TEST(CliCauses, AFilterWithoutAContainer) {
  Findings findings = refused(Stage::processes, ENOSYS);
  EXPECT_EQ(why(findings, Stage::processes), "a seccomp filter on sbx itself refuses it");
  findings.around.container = "Docker", findings.around.evidence = "/.dockerenv";
  EXPECT_EQ(why(findings, Stage::processes), "clone3 is filtered inside Docker (/.dockerenv)");
  Findings inside = refused(Stage::user_namespace, EPERM);
  inside.around.filtered = true;
  EXPECT_EQ(why(inside, Stage::user_namespace), "a seccomp filter on sbx itself refuses it");
  inside.around.chrooted = true;
  EXPECT_EQ(fix(inside, Stage::user_namespace), "run sbx outside of the chroot");
}

TEST(CliCauses, CoveredProc) {
  Findings findings = refused(Stage::proc, EPERM);
  findings.around.covered_proc = {"/proc/kcore", "/proc/keys", "/proc/acpi", "/proc/scsi"};
  EXPECT_EQ(why(findings, Stage::proc),
            "parts of the one here are covered (/proc/kcore /proc/keys /proc/acpi ...), and a new one would show them");
  EXPECT_EQ(fix(findings, Stage::proc), "as root, uncover it: umount /proc/kcore /proc/keys /proc/acpi /proc/scsi");
  findings.around.container = "Docker", findings.around.evidence = "/.dockerenv";
  EXPECT_NE(fix(findings, Stage::proc).find("systempaths=unconfined"), std::string::npos);
  findings[Stage::sysfs] = findings[Stage::proc];
  EXPECT_EQ(why(findings, Stage::sysfs), "this is refused inside Docker (/.dockerenv)");
}

TEST(CliCauses, NoSubordinateIds) {
  Findings findings = refused(Stage::id_range, 0, "no subordinate ids for ann in /etc/subuid");
  findings.around.free_ids = 165536;
  EXPECT_EQ(fix(findings, Stage::id_range), "sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ann");
}

TEST(CliCauses, TheHelpersOfTheRange) {
  Findings findings = refused(Stage::id_range, EPERM, "newuidmap: write to uid_map failed");
  EXPECT_EQ(fix(findings, Stage::id_range), "");
  findings.around.in_user_namespace = true;
  EXPECT_EQ(why(findings, Stage::id_range), "the user namespace around sbx does not map the range");
  findings.around.no_new_privileges = true;
  EXPECT_EQ(why(findings, Stage::id_range), "no_new_privs is set, so newuidmap gains no privilege");
  findings.around.newgidmap.privileged = false;
  EXPECT_EQ(fix(findings, Stage::id_range), "sudo chmod u+s /usr/bin/newgidmap");
  findings.around.newuidmap.path.clear();
  EXPECT_EQ(fix(findings, Stage::id_range), "sudo apt install uidmap");
}

TEST(CliCauses, FakeRoot) {
  Findings findings = refused(Stage::id_map, EPERM);
  findings.around.uid = 0, findings.around.in_user_namespace = true;
  EXPECT_EQ(fix(findings, Stage::id_map), "sbx --user host-root ..., or run sbx as an ordinary account");
  findings.around.uid = 1000;
  EXPECT_EQ(fix(findings, Stage::id_map), "sudo dmesg | tail    # a security module may say why");
}

TEST(CliCauses, TheTapDevice) {
  EXPECT_EQ(fix(refused(Stage::tap, ENOENT), Stage::tap), "sudo modprobe tun");
  EXPECT_EQ(fix(refused(Stage::tap, EACCES), Stage::tap), "sudo chmod 666 /dev/net/tun");
  EXPECT_EQ(fix(refused(Stage::tap, ENODEV), Stage::tap), "sudo modprobe tun");
}

}  // namespace
