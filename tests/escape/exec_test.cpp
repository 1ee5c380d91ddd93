// sbx exec into a sandbox whose payload waits for it (CVE-2019-5736, CVE-2016-9962).
#include "escape.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace escape;

namespace {

constexpr const char* ways[] = {"exe", "exe-path", "exe-write", "mem", "environ", "maps", "fd", "fd/0", "root/", "cwd/", "ns/mnt",
                                "process_vm_readv", "pidfd_getfd", "ptrace"};

std::string inode_of(const std::string& file) {
  struct stat found {};
  EXPECT_EQ(::stat(file.c_str(), &found), 0) << file;
  return std::to_string(found.st_ino);
}

class HostileTest : public EscapeTest {
 protected:
  Command in_state(Command command) const {
    command.cwd = dir.path(), command.environment = {"XDG_STATE_HOME=" + (dir / "state")};
    return command;
  }
  void start(const std::string& profile, const Words& words, const Words& options = {}) {
    box_ = std::make_unique<Process>(in_state(sbx(sandbox(profile, Words{"--name", "web"} + options) + words)));
    ASSERT_TRUE(box_->wait_for("ready now\n")) << box_->finish().err;
  }
  Command exec(const Words& words) const { return in_state(sbx(Words{"exec", "web", "--"} + words)); }
  void TearDown() override {
    if (box_) {
      box_->kill(SIGKILL);
      box_->finish();
    }
    EscapeTest::TearDown();
  }
  std::unique_ptr<Process> box_;
};

struct Kind { std::string name, profile; Words options; };
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
class AmbushTest : public HostileTest, public testing::WithParamInterface<Kind> {
 protected:
  void expect_nothing_reached(const Command& newcomer) {
    bool done = false;
    for (int i = 0; i < 60 && !done; ++i) {
      const Outcome outcome = run(newcomer);
      ASSERT_EQ(outcome.status, 0) << all(outcome);
      done = box_->wait_for("done now\n", 1ms);
    }
    ASSERT_TRUE(done || box_->wait_for("done now\n")) << box_->out();
    Outcome said;
    said.out = box_->out();
    EXPECT_NE(value_of(said, "early").value_or("0"), "0") << "none was caught before its exec\n" << said.out;
    EXPECT_EQ(value_of(said, "inode"), "0") << said.out;
    for (const char* way : ways) EXPECT_EQ(value_of(said, way), "0") << way << "\n" << said.out;
  }
};

}  // namespace

TEST_P(AmbushTest, ReachesNothingThroughTheNewcomer) {
  if (GetParam().profile == "container") SKIP_IF(no_id_range());
  start(GetParam().profile, {"ambush", "4", inode_of(sbx_binary())}, GetParam().options);
  expect_nothing_reached(exec({"/attack", "arguments"}));
}

// A sandbox that shares its processes: also while it is still made.
TEST_P(AmbushTest, ReachesNothingThroughOneThatSharesProcesses) {
  if (GetParam().profile == "container") SKIP_IF(no_id_range());
  start(GetParam().profile, {"ambush", "4", inode_of(sbx_binary())}, GetParam().options);
  const Words same = GetParam().profile == "container" ? Words{"--user", "root"} : Words{};
  const Command join = in_state(sbx(Words{"--ro", payload("attack") + ":/attack", "--join", "web:pid"} + same + Words{"--", "/attack", "arguments"}));
  const Outcome first = run(join);
  if (contains(first.err, "control group")) GTEST_SKIP() << first.err;
  expect_nothing_reached(join);
}

INSTANTIATE_TEST_SUITE_P(, AmbushTest,
                         testing::Values(Kind{"Base", "base", {}}, Kind{"NoFilter", "base", {"--set", "seccomp.default=off"}},
                                         Kind{"Tracer", "container", {"--set", "seccomp.default=off", "--cap-add", "SYS_PTRACE"}}),
                         [](const auto& each) { return each.param.name; });

TEST_F(HostileTest, AnUnprotectedNewcomerIsTakenOver) {
  const std::string own = dir / "attack";  // its user may write to it, as to an sbx in ~/bin
  std::filesystem::copy(payload("attack"), own);
  const std::string script = "\"$0\" ambush 2 " + inode_of(own) + " & sleep 0.1; \"$0\" pose 2; sleep 0.5; kill $!";
  const Outcome outcome = run({.argv = {"unshare", "-Urpf", "--mount-proc", "--kill-child", "sh", "-c", script, own}});
  EXPECT_NE(value_of(outcome, "early").value_or("0"), "0") << all(outcome);
  EXPECT_NE(value_of(outcome, "inode").value_or("0"), "0") << all(outcome);
  const bool yama = read_file("/proc/sys/kernel/yama/ptrace_scope") == "1\n";
  for (const std::string way : ways) {
    if (yama && (way == "ptrace" || way == "process_vm_readv" || way == "pidfd_getfd" || way == "mem")) continue;
    EXPECT_NE(value_of(outcome, way).value_or("0"), "0") << way << "\n" << all(outcome);
  }
}

// A command that leads back to the program that starts it.
TEST_F(HostileTest, SbxItselfNeverRunsInside) {
  dir.write("bin/script", "#!/proc/self/exe\n"), dir.write("bin/shell", "#!/tmp/bin/link --\n");
  std::filesystem::create_symlink("/proc/self/exe", dir / "bin/link");
  for (const char* name : {"bin/script", "bin/shell"}) std::filesystem::permissions(dir / name, std::filesystem::perms::owner_all);
  const Words options{"--rw", (dir / "bin") + ":/tmp/bin", "--set", "seccomp.default=off"};
  start("base", {"cover-terminals"}, options);
  for (const char* name : {"/tmp/bin/script", "/tmp/bin/shell", "/tmp/bin/link", "/proc/self/exe"}) {
    const Outcome outcome = run(exec({name, "--version"}));
    EXPECT_EQ(outcome.status, 126) << name << all(outcome);
    EXPECT_EQ(outcome.out, "") << name << all(outcome);
  }
  // At the start of a sandbox nobody hostile is inside yet; there sbx is what these names lead to.
  const Outcome control = run_sbx({"--rw", (dir / "bin") + ":/tmp/bin", "--", "/tmp/bin/link", "--version"});
  EXPECT_PRED2(contains, control.out, "sbx ") << all(control);
}

TEST_F(HostileTest, ANewcomerThatIsHeldIsLetGoByItsClientsEnd) {
  start("base", {"hold"});
  std::unique_ptr<Process> client;
  bool held = false;
  for (int tries = 0; tries < 50 && !held; ++tries) {  // one that was too fast has ended
    client = std::make_unique<Process>(exec({"/attack", "arguments"}));
    held = box_->wait_for("held ", 300ms);
    ::usleep(50'000);
    held = held && children_of(box_->pid()).size() == 2;
  }
  ASSERT_TRUE(held) << box_->out();
  client->kill(SIGKILL);
  client->finish();
  EXPECT_TRUE(eventually([&] { return children_of(box_->pid()).size() == 1; })) << "the attendant hangs";
}

TEST_F(HostileTest, AFalseDevptsIsNotUsed) {
  SKIP_IF(no_id_range());
  start("container", {"cover-terminals"}, {"--cap-add", "SYS_ADMIN", "--set", "seccomp.default=off"});
  Outcome said;
  said.out = box_->out();
  ASSERT_EQ(value_of(said, "mount"), "0") << said.out;
  EXPECT_EQ(value_of(said, "ptmx"), "0") << said.out;
  Command command = exec({"/attack", "input"});
  command.argv.insert(command.argv.begin() + 2, "-t");
  const Outcome outcome = run(command);
  EXPECT_PRED2(contains, outcome.out, "input 136\r\nisatty 1") << all(outcome);
}
