// Ids, capabilities, setuid programs, namespaces, ABIs and calls.
#include "escape.h"

#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace escape;

namespace {

const Words unfiltered{"--set", "seccomp.default=off"};

bool is_refused(const std::string& result) { return result == "EPERM" || result == "ENOSYS" || result == "EACCES"; }

class PrivilegeTest : public EveryProfile {};

// A static i386 program of 84 + 12 bytes: exit(42).
std::string i386_program() {
  const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80};
  std::string file("\x7f" "ELF\x01\x01\x01", 7);
  const auto put = [&](unsigned long value, int bytes) {
    for (int i = 0; i < bytes; ++i) file += static_cast<char>(value >> (8 * i));
  };
  file.resize(16, '\0');
  put(2, 2), put(3, 2), put(1, 4), put(0x08048054, 4), put(52, 4), put(0, 4), put(0, 4), put(52, 2), put(32, 2), put(1, 2), put(0, 6);
  put(1, 4), put(0, 4), put(0x08048000, 4), put(0x08048000, 4), put(84 + sizeof code, 4), put(84 + sizeof code, 4), put(5, 4), put(0x1000, 4);
  file.append(reinterpret_cast<const char*>(code), sizeof code);
  return file;
}

std::string write_i386_program(const TempDir& dir) {
  const std::string path = dir.write("i386", i386_program());
  ::chmod(path.c_str(), 0755);
  return path;
}

}  // namespace

TEST_P(PrivilegeTest, NoCapabilityCanBeGained) {
  const Outcome outcome = attack_here({"capabilities"});
  for (const char* way : {"permitted", "ambient", "securebits"}) EXPECT_EQ(value_of(outcome, way), "EPERM") << way << all(outcome);
  // Where none is kept, the bit for keeping them is free: ping(8) sets it.
  EXPECT_EQ(value_of(outcome, "keep-caps"), GetParam() == "container" ? "EPERM" : "0") << all(outcome);
  EXPECT_EQ(value_of(outcome, "no-new-privs-off"), "EINVAL");
  EXPECT_EQ(value_of(outcome, "bounding"), "0");
  if (GetParam() != "container") {
    EXPECT_EQ(value_of(outcome, "inheritable"), "EPERM") << all(outcome);
  }
  const Outcome control = run({.argv = unshared({"-Ur"}, {"capabilities"})});
  EXPECT_EQ(value_of(control, "inheritable"), "0") << "control: " << all(control);
  for (const char* way : {"permitted", "keep-caps", "securebits"}) EXPECT_EQ(value_of(control, way), "0") << way << " control: " << all(control);
  EXPECT_EQ(value_of(control, "bounding"), "1") << "control: " << all(control);
}

TEST_P(PrivilegeTest, TheSetsAreWhatTheProfileKeeps) {
  const Words bound{"--ro", payload("probe") + ":/tmp/probe"};
  const Outcome outcome = attack_here({"exec", "/tmp/probe", "caps"}, bound);
  const bool container = GetParam() == "container";
  // CHOWN DAC_OVERRIDE FOWNER FSETID SETUID SETGID SETPCAP SETFCAP KILL NET_BIND_SERVICE SYS_CHROOT
  const std::string kept = container ? "00000000800405fb" : "0000000000000000", none = "0000000000000000";
  EXPECT_EQ(value_of(outcome, "CapInh"), none) << all(outcome);
  EXPECT_EQ(value_of(outcome, "CapAmb"), none);
  for (const char* set : {"CapPrm", "CapEff", "CapBnd"}) EXPECT_EQ(value_of(outcome, set), kept) << set;
  EXPECT_EQ(value_of(outcome, "NoNewPrivs"), "1");
  EXPECT_EQ(value_of(outcome, "Seccomp"), "2");
  const Outcome control = run({.argv = {"unshare", "-Ur", payload("probe"), "caps"}});
  EXPECT_NE(value_of(control, "CapEff"), none) << "control: " << all(control);
}

TEST_P(PrivilegeTest, NoOtherIdCanBeTaken) {
  const Outcome outcome = attack_here({"ids"});
  if (GetParam() == "container") {
    // The range's own ids may be taken: this is the control of the others.
    EXPECT_EQ(value_of(outcome, "setgroups-other"), "0") << all(outcome);
    EXPECT_EQ(value_of(outcome, "setgid-other"), "0") << all(outcome);
    return;
  }
  EXPECT_EQ(value_of(outcome, "setgroups"), "EPERM") << all(outcome);
  EXPECT_EQ(value_of(outcome, "setfsuid"), "refused") << all(outcome);
  for (const char* way : {"setgroups-other", "setgid-other", "setuid-root", "setuid-other"}) {
    const auto result = value_of(outcome, way);
    EXPECT_TRUE(result == "EPERM" || result == "EINVAL") << way << all(outcome);
  }
}
IN_EVERY_PROFILE(PrivilegeTest);

namespace {

// A user namespace with the own range, where groups, owners and setuid bits can be arranged.
class RangeTest : public EscapeTest {
 protected:
  void SetUp() override {
    EscapeTest::SetUp();
    if (!IsSkipped()) SKIP_IF(no_id_range());
  }
  Outcome in_range(const std::string& script, const Words& arguments) {
    return run({.argv = Words{"unshare", "--map-current-user", "--map-auto", "--keep-caps", "sh", "-c", script, "sh"} + arguments, .cwd = dir.path()});
  }
};

}  // namespace

// A group can take rights away: who is in it must not be able to leave it.
TEST_F(RangeTest, ANegativeGroupPermissionHolds) {
  const std::string file = dir.write("file", "SECRET");
  const std::string script = "chmod 0707 \"$1\" && chown 7:5 \"$1\" && groups=$2 && shift 2 && "
                             "exec setpriv $groups --ambient-caps=-all --inh-caps=-all -- \"$@\"";
  const Words sbx_words = Words{sbx_binary()} + sandbox("base", {"--ro", file});
  const Words wanted{"cat", file};
  const Outcome denied = in_range(script, Words{file, "--groups=5"} + sbx_words + wanted);
  EXPECT_EQ(value_of(denied, "content"), "") << all(denied);
  const Outcome groups = in_range(script, Words{file, "--groups=5"} + sbx_words + Words{"ids"});
  EXPECT_EQ(value_of(groups, "setgroups"), "EPERM") << all(groups);
  const Outcome control = in_range(script, Words{file, "--clear-groups"} + sbx_words + wanted);
  EXPECT_EQ(value_of(control, "content"), "SECRET") << "control: " << all(control);
  ASSERT_EQ(in_range("chown \"$(id -u):$(id -g)\" \"$1\"", {file}).status, 0);
}

TEST_F(RangeTest, SetuidProgramsGiveNothing) {
  const std::string program = dir / "suid";
  std::filesystem::copy(payload("attack"), program);
  const Outcome made = in_range("chown 7:5 \"$1\" && chmod 6755 \"$1\"", {program});
  ASSERT_EQ(made.status, 0) << all(made);
  const std::string own = std::to_string(::geteuid());
  const Outcome control = run({.argv = {program, "effective"}});
  EXPECT_NE(value_of(control, "euid"), own) << "control: " << all(control);
  const Outcome base = attack("base", {"exec", "/tmp/suid", "effective"}, {"--ro", program + ":/tmp/suid"});
  EXPECT_EQ(value_of(base, "euid"), own) << all(base);
  const Outcome container = attack("container", {"exec", "/tmp/suid", "effective"}, {"--ro", program + ":/tmp/suid"});
  EXPECT_EQ(value_of(container, "euid"), "0") << all(container);
  // The container's root may make one: on the host it belongs to a subordinate id, and in the sandbox it does nothing.
  ASSERT_EQ(in_range("chown \"$(id -u):$(id -g)\" \"$1\"", {program}).status, 0);
}

// Anybody may put a .git into a directory that all may write to: it makes no project of it.
TEST_F(RangeTest, AnothersGitMakesNoProject) {
  dir.make("t/.git"), dir.make("t/sub"), dir.write("t/file", "outside the project");
  ASSERT_EQ(in_range("chown 7:5 t/.git", {}).status, 0);
  const auto here = [&] {
    return run({.argv = Words{sbx_binary()} + sandbox("dev") + Words{"cat", dir / "t/file"}, .cwd = dir / "t/sub"});
  };
  const Outcome outcome = here();
  EXPECT_EQ(outcome.status, 0) << all(outcome);
  EXPECT_EQ(value_of(outcome, "content"), "") << all(outcome);
  ASSERT_EQ(in_range("chown \"$(id -u):$(id -g)\" t/.git", {}).status, 0);
  EXPECT_EQ(value_of(here(), "content"), "outside the project") << "control: one's own does";
}

namespace { class NamespaceTest : public EveryProfile {}; }

TEST_P(NamespaceTest, NoneCanBeMadeOrJoined) {
  const Outcome outcome = attack_here({"namespaces"});
  for (const char* way : {"unshare-user", "unshare-user-mount", "unshare-user-high", "clone-user", "clone-user-high", "clone3-user", "setns-own-user", "setns-init", "unshare-mount"}) {
    const auto result = value_of(outcome, way);
    EXPECT_TRUE(result && is_refused(*result)) << way << all(outcome);
  }
  EXPECT_EQ(value_of(outcome, "clone3-user"), "ENOSYS") << "so that libraries fall back";
}

// The second lock alone.
TEST_P(NamespaceTest, TheLimitHoldsWithoutTheFilter) {
  const Outcome outcome = attack_here({"namespaces"}, unfiltered);
  for (const char* way : {"unshare-user", "unshare-user-mount", "clone-user", "clone3-user"}) EXPECT_EQ(value_of(outcome, way), "ENOSPC") << way << all(outcome);
}

TEST_P(NamespaceTest, ControlTheyCanWhereTheProfileSaysSo) {
  const Outcome outcome = attack_here({"namespaces"}, {"--nested-userns"});
  for (const char* way : {"unshare-user", "unshare-user-mount", "clone-user"}) EXPECT_EQ(value_of(outcome, way), "0") << way << all(outcome);
  EXPECT_NE(value_of(outcome, "clone3-user"), "ENOSYS") << all(outcome);
}
IN_EVERY_PROFILE(NamespaceTest);

namespace { class CallTest : public EveryProfile {}; }

TEST_P(CallTest, ForeignAbisEndTheProgram) {
  const Outcome outside = attack_outside({"foreign"});
  const Outcome outcome = attack_here({"foreign"});
  for (const char* way : {"int80", "x32", "int80-mount"}) EXPECT_EQ(value_of(outcome, way), "killed 31") << way << all(outcome);
  if (value_of(outside, "int80") != "0") GTEST_SKIP() << "this kernel runs no 32-bit calls: the control cannot work";
  const Outcome control = attack_here({"foreign"}, unfiltered);
  EXPECT_EQ(value_of(control, "int80"), "0") << "control: " << all(control);
  const Outcome let_in = attack_here({"foreign"}, {"--set", "seccomp.abis=x86"});
  EXPECT_EQ(value_of(let_in, "int80"), "0") << "control: " << all(let_in);
  EXPECT_EQ(value_of(let_in, "int80-mount"), "EPERM") << "the same policy there: " << all(let_in);
}

TEST_P(CallTest, A32BitProgramEndsAtItsFirstCall) {
  const std::string program = write_i386_program(dir);
  if (run({.argv = {program}}).status != 42) GTEST_SKIP() << "this kernel runs no 32-bit programs";
  const Words bound{"--ro", program + ":/tmp/i386"};
  EXPECT_EQ(attack_here({"exec", "/tmp/i386"}, bound).status, 128 + 31);
  EXPECT_EQ(attack_here({"exec", "/tmp/i386"}, bound + Words{"--set", "seccomp.abis=x86"}).status, 42) << "control";
}

TEST_P(CallTest, IoUringIsOff) {
  const Outcome outcome = attack_here({"io-uring"});
  EXPECT_EQ(value_of(outcome, "io_uring_setup"), "EPERM") << all(outcome);
  if (value_of(attack_outside({"io-uring"}), "io_uring_setup") != "0") GTEST_SKIP() << "off outside as well";
  EXPECT_EQ(value_of(attack_here({"io-uring"}, {"--set", "seccomp.allow=@io-uring"}), "io_uring_setup"), "0") << "control";
}

TEST_P(CallTest, WhatNoProgramNeedsIsRefused) {
  const Outcome outcome = attack_here({"dangerous"}), open = attack_here({"dangerous"}, unfiltered);
  int reached = 0, calls = 0;
  std::istringstream in(outcome.out);
  for (std::string name, result; in >> name >> result; ++calls) {
    const bool chroot_or_family = name.starts_with("socket-");
    EXPECT_TRUE(is_refused(result) || (chroot_or_family && result == "EAFNOSUPPORT")) << name << " " << result;
    const auto without = value_of(open, name);
    reached += without && *without != result;
  }
  EXPECT_GT(calls, 40) << all(outcome);
  EXPECT_GT(reached, 15) << "control: without the filter the kernel itself answers\n" << all(open);
}

TEST_P(CallTest, TheCallersKeysAreNotReadable) {
  const auto with_secret = [&](const Words& options) {
    return run({.argv = Words{payload("attack"), "with-secret", sbx_binary()} + sandbox(GetParam(), options) + Words{"keys"}, .cwd = dir.path()});
  };
  const Outcome outcome = with_secret({});
  EXPECT_TRUE(has(outcome, "add 0")) << all(outcome);
  for (const char* way : {"add_key", "request_key", "search", "read"}) EXPECT_EQ(value_of(outcome, way), "EPERM") << way << all(outcome);
  EXPECT_EQ(outcome.out.find("KEYRING-SECRET"), std::string::npos);
  const Outcome outside = run({.argv = {payload("attack"), "with-secret", payload("attack"), "keys"}});
  EXPECT_EQ(value_of(outside, "read"), "KEYRING-SECRET") << "control: " << all(outside);
  EXPECT_EQ(value_of(with_secret(unfiltered), "read"), "KEYRING-SECRET") << "control: the filter alone keeps it away";
}
IN_EVERY_PROFILE(CallTest);

namespace {

class FileCapabilityTest : public EscapeTest {};
class RingTest : public EscapeTest {};

// Listens outside: on a port of 127.0.0.1 and on an abstract name.
struct Listeners {
  int inet = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), local = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string port, name = "sbx-ring-" + std::to_string(::getpid());
  Listeners() {
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(inet, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(inet, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = std::to_string(ntohs(address.sin_port));
    sockaddr_un abstract{};
    abstract.sun_family = AF_UNIX;
    name.copy(abstract.sun_path + 1, sizeof abstract.sun_path - 1);
    EXPECT_EQ(::bind(local, reinterpret_cast<sockaddr*>(&abstract), static_cast<socklen_t>(sizeof(sa_family_t) + 1 + name.size())), 0);
    for (const int fd : {inet, local}) EXPECT_EQ(::listen(fd, 16), 0);
  }
  ~Listeners() { ::close(inet), ::close(local); }
};

}  // namespace

// Those of a user namespace whose root is the sandbox's own root (capabilities(7), "Namespaced file capabilities").
TEST_F(FileCapabilityTest, AProgramWithCapabilitiesGivesNone) {
  std::filesystem::copy(payload("probe"), dir / "plain");
  std::filesystem::copy(payload("probe"), dir / "able");
  const Outcome set = run({.argv = {"unshare", "-Ur", "sh", "-c", "PATH=$PATH:/usr/sbin; setcap cap_net_raw,cap_chown+ep able"}, .cwd = dir.path()});
  if (set.status != 0) GTEST_SKIP() << "setcap does not work here: " << set.err;
  const auto control = [&](const char* name) {
    return run({.argv = {"unshare", "-Ur", "setpriv", "--securebits=+noroot,+no_setuid_fixup", "--", dir / name, "caps"}});
  };
  EXPECT_EQ(value_of(control("plain"), "CapPrm"), "0000000000000000");
  EXPECT_EQ(value_of(control("able"), "CapPrm"), "0000000000002001");
  std::vector<Words> kinds{{}, {"--set", "seccomp.default=off"}};
  if (no_id_range().empty()) kinds.push_back({"--user", "root"});
  for (const Words& options : kinds) {
    const Outcome outcome = run_sbx(options + Words{"--rw", dir.path() + ":/tmp/d", "--", "/tmp/d/able", "caps"});
    for (const char* kind : {"CapPrm", "CapEff", "CapInh", "CapAmb"}) EXPECT_EQ(value_of(outcome, kind), "0000000000000000") << kind << all(outcome);
  }
}

TEST_F(RingTest, IoUringReachesNoFurtherThanCalls) {
  const Listeners outside;
  const Words words{"ring", dir.write("secret", "SECRET"), outside.port, outside.name};
  const Outcome control = attack_outside(words);
  if (value_of(control, "ring") != "0") GTEST_SKIP() << "off outside as well";
  for (const char* way : {"open", "inet", "abstract"}) EXPECT_EQ(value_of(control, way), "0") << way << " control: " << all(control);
  const Outcome inside = attack("base", words, {"--set", "seccomp.allow=@io-uring"});
  EXPECT_EQ(value_of(inside, "ring"), "0") << all(inside);
  for (const char* way : {"open", "inet", "abstract"}) EXPECT_NE(value_of(inside, way).value_or("0"), "0") << way << all(inside);
  // In the host's network only Landlock stands before the abstract name.
  const Outcome beside = attack("base", words, {"--set", "seccomp.allow=@io-uring", "--net", "host"});
  if (value_of(beside, "ring") != "0") GTEST_SKIP() << beside.err;
  EXPECT_EQ(value_of(beside, "inet"), "0") << "the host's own network: " << all(beside);
  for (const char* way : {"open", "abstract"}) EXPECT_NE(value_of(beside, way).value_or("0"), "0") << way << all(beside);
}
