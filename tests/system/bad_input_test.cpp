// Every mistake on the command line or in what it names: exit 125, one sentence that names the object, a hint, and
// nothing left behind.
#include "harness/surroundings.h"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace harness;

namespace {

class BadInputTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    before_ = read_tree(dir.path());
  }
  // Each of `parts` in the message; one line of error, at least one of hint, nothing printed, nothing changed.
  void expect_error(Outcome outcome, const Words& parts, bool with_hint = true) {
#ifdef SBX_SANITIZE  // AddressSanitizer notes the payload's borrowed stack on standard error
    outcome.err.erase(0, outcome.err.find("sbx: "));
#endif
    EXPECT_EQ(outcome.status, 125) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(outcome.err.starts_with("sbx: ")) << outcome.err;
    const std::string first = outcome.err.substr(0, outcome.err.find('\n'));
    for (const std::string& part : parts) EXPECT_PRED2(contains, outcome.err, part);
    EXPECT_FALSE(first.ends_with('.')) << first;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n') > 1, with_hint) << outcome.err;
    EXPECT_EQ(changes(before_, read_tree(dir.path())), "");
  }
  void expect_error(Words arguments, const Words& parts, bool with_hint = true) {
    expect_error(run_sbx(std::move(arguments)), parts, with_hint);
  }
  // A profile file, made before the tree is remembered.
  std::string profile(const std::string& name, const std::string& toml) {
    const std::string file = dir.write(name, toml);
    before_ = read_tree(dir.path());
    return file;
  }
  Tree before_;
};

TEST_F(BadInputTest, Options) {
  expect_error({"--tmout", "3s", "--", "true"}, {"unknown option --tmout", "hint: did you mean '--timeout'?"});
  expect_error({"--Z", "--", "true"}, {"unknown option --Z"});
  expect_error({"-Z", "--", "true"}, {"unknown option -Z"});
  expect_error({"--timeout"}, {"option --timeout needs an argument"});
  expect_error({"--timeout", "--", "true"}, {"option --timeout needs an argument"});
  expect_error({"--stats=1", "--", "true"}, {"option --stats takes no argument"});
  expect_error({"--net", "bridge", "--", "true"}, {"--net", "bridge"});
  expect_error({"--json", "--", "true"}, {"--json", "sbx ps"});
}

TEST_F(BadInputTest, Command) {
  expect_error({"true"}, {"the command needs -- before it: 'true'", "write sbx ... -- true"});
  expect_error({"--profile", "base", "true"}, {"'true'"});
  expect_error(Words{}, {"no command given"});
  expect_error({"--"}, {"no command given"});
  expect_error({"--", ""}, {"the command is an empty word"});
}

TEST_F(BadInputTest, Values) {
  expect_error({"--timeout", "soon", "--", "true"}, {"soon"});
  expect_error({"--timeout", "-1s", "--", "true"}, {"-1s"});
  expect_error({"--tmpfs", "/x:size=12Q", "--", "true"}, {"12Q"});
  expect_error({"--tmpfs", "/x:size=99999999999T", "--", "true"}, {"99999999999T"});
  expect_error({"--ulimit", "nofiles=3", "--", "true"}, {"nofiles", "nofile"});
  expect_error({"--ulimit", "nofile=3:2", "--", "true"}, {"3:2"});
  expect_error({"--ulimit", "nofile", "--", "true"}, {"nofile"});
  expect_error({"--name", "a b", "--", "true"}, {"a b"});
  expect_error({"--cap-add", "NONSENSE", "--", "true"}, {"NONSENSE"}, false);
  expect_error({"-e", "=x", "--", "true"}, {"=x"});
  expect_error({"--user", "somebody", "--", "true"}, {"somebody"});
  expect_error({"--set", "sandbox.colour=red", "--", "true"}, {"sandbox.colour"}, false);
  expect_error({"--set", "sandbox", "--", "true"}, {"sandbox"});
  expect_error({"--set", "security.no_new_privileges=false", "--", "true"}, {"no_new_privileges"});
}

TEST_F(BadInputTest, Profiles) {
  expect_error({"--profile", "bas", "--", "true"}, {"no profile is named 'bas'", "'base'"});
  expect_error({"--profile", "./none.toml", "--", "true"}, {"./none.toml"}, false);
  expect_error({"--profile", "../base", "--", "true"}, {"../base"}, false);
  expect_error({"--profile", "none.toml", "--", "true"}, {"none.toml", "./none.toml"});
  expect_error({"--profile", "./", "--", "true"}, {"./"});
}

TEST_F(BadInputTest, ProfileFiles) {
  expect_error({"-P", profile("a.toml", "[sandbox]\nhostnam = \"x\"\n"), "--", "true"}, {"a.toml:2:1", "hostnam", "hostname"});
  expect_error({"-P", profile("b.toml", "[sandbox\n"), "--", "true"}, {"b.toml:1:"});
  expect_error({"-P", profile("c.toml", "extends = [\"nowhere\"]\n"), "--", "true"}, {"nowhere"});
  expect_error({"-P", profile("d.toml", "extends = [\"" + (dir / "d.toml") + "\"]\n"), "--", "true"}, {"d.toml"});
  expect_error({"-P", profile("e.toml", "[filesystem]\nread_only = [\"relative\"]\n"), "--", "true"}, {"e.toml:2", "relative"});
  expect_error({"-P", profile("f.toml", "[sandbox]\ntimeout = \"never\"\n"), "--", "true"}, {"f.toml:2", "never"});
  expect_error({"-P", profile("g.toml", std::string("x = \"\0\"\n", 9)), "--", "true"}, {"g.toml"}, false);
  expect_error({"-P", profile("h.toml", "description = \"\xff\"\n"), "--", "true"}, {"h.toml"});
  expect_error({"-P", profile("i.toml", std::string(2 << 20, '#')), "--", "true"}, {"i.toml is larger than 1 MiB"}, false);
}

TEST_F(BadInputTest, ACycleOfProfiles) {
  profile("x.toml", "extends = [\"" + (dir / "y.toml") + "\"]\n");
  profile("y.toml", "extends = [\"" + (dir / "x.toml") + "\"]\n");
  expect_error({"-P", dir / "x.toml", "--", "true"}, {"x.toml", "y.toml"});
}

TEST_F(BadInputTest, AProfileThatIsNotReadable) {
  if (::getuid() == 0) GTEST_SKIP() << "root may read every file";
  const std::string file = profile("closed.toml", "");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const Outcome outcome = run_sbx({"-P", file, "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "closed.toml: Permission denied");
}

TEST_F(BadInputTest, AProfileThatEveryUserMayWrite) {
  const std::string file = profile("open.toml", "");
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  const Outcome outcome = run_sbx({"-P", file, "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "can be written by every user");
  EXPECT_PRED2(contains, outcome.err, "hint: chmod o-w");
}

TEST_F(BadInputTest, Paths) {
  expect_error({"--ro", "/none", "--", "true"}, {"/none"});
  expect_error({"--ro", "$SECRET/x", "--", "true"}, {"$SECRET"});
  expect_error({"--ro", "/usr:inside", "--", "true"}, {"inside"});
  expect_error({"--ro", "/usr:/x:/y", "--", "true"}, {"/usr:/x:/y"});
  expect_error({"--ro", "", "--", "true"}, {"--ro"});
  expect_error({"--ro", "/usr:", "--", "true"}, {"/usr:"});
  expect_error({"--rw", ".", "--hide", "absent", "--", "true"}, {"/absent"});
  expect_error({"--ro", "/" + std::string(5000, 'a'), "--", "true"}, {"aaaa"}, false);
  expect_error({"--ro", "/non\xff\xfe", "--", "true"}, {"/non"});
  expect_error({"--workdir", "/non\xff", "--", "true"}, {"/non"});
}

TEST_F(BadInputTest, ManyAndLongArgumentsArePassed) {
  Words arguments{"--", "sh", "-c", "echo $# ${#1}", "sh", std::string(100'000, 'x')};
  for (int i = 0; i < 5000; ++i) arguments.push_back("word");
  EXPECT_EQ(run_sbx(arguments).out, "5001 100000\n");
}

TEST_F(BadInputTest, NoUserNamespaces) {
  // Inside a sandbox they are closed: the launch fails there and says what to do.
  const Outcome outcome = run_sbx({"--ro", sbx_binary() + ":/sbx", "-e", "ASAN_OPTIONS=detect_leaks=0", "--", "/sbx", "--", "true"});
  EXPECT_EQ(outcome.status, 125) << outcome.out;
  EXPECT_PRED2(contains, outcome.err, "sbx: ");
  EXPECT_PRED2(contains, outcome.err, "sbx doctor");
}

// The kernel gives no second /proc to who sees only a part of the first.
TEST_F(BadInputTest, ASandboxInASandboxIsRefusedByTheKernel) {
  EXPECT_EQ(run_sbx({"--nested-userns", "--", "unshare", "-U", "true"}).status, 0);
  const Outcome outcome = run_sbx({"--nested-userns", "--ro", sbx_binary() + ":/sbx", "-e", "ASAN_OPTIONS=detect_leaks=0", "--", "/sbx", "--", "true"});
  EXPECT_EQ(outcome.status, 125) << outcome.err;
  EXPECT_PRED2(contains, outcome.err, "mount proc");
  EXPECT_PRED2(contains, outcome.err, "\nhint: ");
}

TEST_F(BadInputTest, NothingIsLeftInTheUsersPlaces) {
  const auto list = [](const char* directory) {
    Words names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      struct stat found {};
      const bool ours = ::lstat(entry.path().c_str(), &found) == 0 && found.st_uid == ::getuid();
      if (ours && entry.path().filename().string().find("sbx-test.") == std::string::npos) names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  const std::string home = dir.make("home"), runtime = dir.make("runtime");
  const auto run_here = [&](Words arguments) {
    Command command = sbx(std::move(arguments));
    command.cwd = dir.path();
    command.environment = {"HOME=" + home, "XDG_RUNTIME_DIR=" + runtime, "TMPDIR=" + runtime};
    return run(command).status;
  };
  const Words shm = list("/dev/shm");
  EXPECT_EQ(run_here({"--", "true"}), 0);
  EXPECT_EQ(run_here({"--secret", "A=/etc/passwd", "--hide", "/etc/fstab", "--tmpfs", "/x", "--", "true"}), 0);
  EXPECT_EQ(run_here({"--ro", "/none", "--", "true"}), 125);
  EXPECT_EQ(run_here({"-w", "/none", "--", "true"}), 125);
  EXPECT_EQ(run_here({"--", "no-such-command"}), 127);
  EXPECT_EQ(list(home.c_str()), Words{});
  EXPECT_EQ(list(runtime.c_str()), Words{});
  EXPECT_EQ(list("/dev/shm"), shm);
}

}  // namespace
