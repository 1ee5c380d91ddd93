// What hostile text, a hostile project and a killed launcher leave or reach outside.
#include "escape.h"

#include <random>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace escape;

namespace { class TextTest : public EveryProfile {}; }

TEST_P(TextTest, WordsOfTheCommandStayWords) {
  const std::string made = dir / "made";
  const Words hostile{"--rw", "/", "-P", "trusted", "--", "--set", "seccomp.default=off", "$(touch " + made + ")", "; touch " + made,
                      "`touch " + made + "`", "-", "", "\n", "%n%s", "\x1b]0;x\x07"};
  const Outcome outcome = attack_here(Words{"arguments"} + hostile);
  std::string wanted = "argument arguments\n";
  for (const std::string& word : hostile) wanted += "argument " + word + "\n";
  EXPECT_EQ(outcome.out, wanted);
  EXPECT_FALSE(std::filesystem::exists(made));
  std::string joined = payload("attack") + " arguments";
  for (const std::string& word : hostile) joined += " " + word;
  run({.argv = {"sh", "-c", joined}});
  EXPECT_TRUE(std::filesystem::exists(made)) << "control: a shell would have acted on them";
}

TEST_P(TextTest, NamesStayNames) {
  const std::string made = dir / "made";
  dir.make("-P"), dir.make("--rw"), dir.make("$(touch made)");
  for (const char* name : {"-P", "--rw", "$(touch made)"})
    for (const Words& options : {Words{"--ro", dir / name}, Words{"-w", dir / name, "--ro", dir / name}, Words{"-e", std::string("X=") + name}}) {
      const Outcome outcome = attack_here({"arguments"}, options);
      EXPECT_EQ(outcome.status, 0) << name << all(outcome);
    }
  for (const Words& options : {Words{"--name", "--rw"}, Words{"--hostname", "x\ny"}, Words{"--name", "../x"}, Words{"--hostname", "$(id)"},
                               Words{"--secret", "../x=/etc/hostname"}, Words{"--home", "keep:../../x"}, Words{"--ulimit", "nofile=1;id"}}) {
    const Outcome outcome = attack_here({"arguments"}, options);
    EXPECT_EQ(outcome.status, 125) << options[1] << all(outcome);
  }
  EXPECT_FALSE(std::filesystem::exists(made));
}
IN_EVERY_PROFILE(TextTest);

// Init's own arguments are the user's: paths, names, what is hidden. (The environment is closed by its mode.)
TEST_F(EscapeTest, InitDoesNotShowHowItWasStarted) {
  dir.write("hidden", "x");
  const Outcome outcome = attack("base", {"cat", "/proc/1/cmdline"}, {"-e", "KNOWN=1", "--ro", dir / "hidden"});
  const std::string seen = value_of(outcome, "content").value_or("missing");
  EXPECT_EQ(outcome.out.find("KNOWN"), std::string::npos) << all(outcome);
  EXPECT_EQ(outcome.out.find("hidden"), std::string::npos) << all(outcome);
  EXPECT_NE(seen, "missing");
}

namespace {

class ProjectTest : public EscapeTest {
 protected:
  Outcome in_project(const Words& words, const Words& options = {}) {
    return run({.argv = Words{sbx_binary()} + sandbox("dev", options) + words, .cwd = dir / "p"});
  }
};

}  // namespace

// A .git file and a directory beside it that claims to be a worktree of whatever it likes.
TEST_F(ProjectTest, AForgedWorktreeBindsNothing) {
  dir.write("secret/key", "SECRET");
  for (const std::string own : {"fake", "fake/worktrees/x"}) {
    const std::string up = own == "fake" ? ".." : "../../..";
    dir.write("p/.git", "gitdir: " + own + "\n");
    dir.write("p/" + own + "/gitdir", up + "/.git\n");
    for (const std::string& common : {dir / "secret", up + "/../secret"}) {
      dir.write("p/" + own + "/commondir", common + "\n");
      const Outcome outcome = in_project({"cat", dir / "secret/key"});
      EXPECT_EQ(outcome.status, 0) << all(outcome);
      EXPECT_EQ(outcome.out.find("SECRET"), std::string::npos) << own << " " << common << all(outcome);
    }
  }
}

TEST_F(ProjectTest, ARealWorktreeBindsItsRepository) {
  if (!has_program("git")) GTEST_SKIP() << "git is not installed";
  const Outcome made = run({.argv = {"sh", "-ec", "git init -q r && cd r && git -c user.name=a -c user.email=b commit -q --allow-empty -m x && git worktree add -q ../p"},
                            .cwd = dir.path()});
  ASSERT_EQ(made.status, 0) << all(made);
  const Outcome outcome = in_project({"cat", dir / "r/.git/HEAD"});
  EXPECT_NE(outcome.out.find("ref:"), std::string::npos) << "control: " << all(outcome);
  const Outcome writing = in_project({"write", dir / "r/.git/HEAD", dir / "p/.git"});
  EXPECT_EQ(values_of(writing, "write"), (Words{dir / "r/.git/HEAD EROFS", dir / "p/.git EROFS"})) << all(writing);
}

TEST_F(ProjectTest, APipeHoldsNothingUp) {
  dir.write("p/.git", "gitdir: fake\n"), dir.make("p/fake");
  ASSERT_EQ(::mkfifo((dir / "p/fake/gitdir").c_str(), 0600), 0);
  const Outcome outcome = run({.argv = Words{sbx_binary()} + sandbox("dev") + Words{"arguments"}, .cwd = dir / "p", .timeout = 20s});
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_EQ(outcome.status, 0) << all(outcome);
}

TEST_F(ProjectTest, GuardsHold) {
  for (const char* file : {".git/config", ".git/hooks/pre-commit", ".envrc", ".vscode/tasks.json", ".mcp.json"}) dir.write(std::string("p/") + file, "x");
  const Outcome outcome = in_project({"write", dir / "p/.git/config", dir / "p/.git/hooks/pre-commit", dir / "p/.envrc", dir / "p/.vscode/tasks.json"});
  for (const std::string& line : values_of(outcome, "write")) EXPECT_TRUE(line.ends_with(" EROFS")) << line;
  EXPECT_EQ(values_of(outcome, "write").size(), 4U) << all(outcome);
  const Outcome moved = in_project({"unmask", dir / "p/.git", dir / "p/.git/hooks", dir / "p/.git/config", dir / "p/.vscode"});
  for (const char* way : {"rename", "unlink", "umount", "detach"})
    for (const std::string& line : values_of(moved, way)) EXPECT_FALSE(line.ends_with(" 0")) << way << " " << line;
  const Outcome control = run_sbx({"--rw", dir / "p", "--ro", payload("attack") + ":/attack", "--", "/attack", "write", dir / "p/.git/config"});
  EXPECT_EQ(values_of(control, "write"), Words{dir / "p/.git/config 0"}) << "control: " << all(control);
}

// What steers later launches is out of reach, also where it does not exist yet.
TEST_F(EscapeTest, OwnDirectoriesCannotBeMadeByThePayload) {
  dir.make("home/.cache"), dir.make("home/.config");
  const Words where{"--rw", dir / "home/.cache", "--rw", (dir / "home/.cache") + ":/tmp/again", "--rw", dir / "home"};
  const Words environment{"XDG_CACHE_HOME=" + dir.path() + "/home/.cache", "XDG_CONFIG_HOME=" + dir.path() + "/home/.config"};
  for (const std::string& place : {dir / "home/.cache/sbx", std::string("/tmp/again/sbx"), dir / "home/.config/sbx"}) {
    const Outcome outcome = run({.argv = Words{sbx_binary()} + sandbox("base", where) + Words{"remount", place},
                                 .cwd = dir.path(), .environment = environment});
    for (const std::string& result : values_of(outcome, "create")) EXPECT_NE(result, "0") << place << all(outcome);
    EXPECT_EQ(values_of(outcome, "create").size(), 2U) << all(outcome);
  }
  for (const char* own : {"home/.cache/sbx", "home/.config/sbx"}) {
    EXPECT_TRUE(std::filesystem::is_directory(dir / own)) << own;
    EXPECT_TRUE(std::filesystem::is_empty(dir / own)) << own;
  }
  const Outcome control = run({.argv = Words{sbx_binary()} + sandbox("base", where) + Words{"remount", dir / "home/.cache"},
                               .cwd = dir.path(), .environment = environment});
  EXPECT_EQ(values_of(control, "create").at(0), "0") << "control: " << all(control);
}

// strict refuses even what was handed over for reading; elsewhere it is the user's file by the user's right.
TEST_F(EscapeTest, AnInputIsNotWrittenToUnderLandlock) {
  const std::string input = dir.write("input", "original");
  const auto reopen = [&](const Words& words) {
    return run({.argv = Words{payload("attack"), "with-input", input} + words, .cwd = dir.path()});
  };
  const Outcome outcome = reopen(Words{sbx_binary()} + sandbox("strict") + Words{"reopen", "0"});
  if (outcome.err.find("landlock is required") != std::string::npos) GTEST_SKIP() << outcome.err;
  EXPECT_EQ(value_of(outcome, "reopen"), "EACCES") << all(outcome);
  EXPECT_EQ(read_file(input), "original");
  const Outcome control = reopen(Words{sbx_binary()} + sandbox("base") + Words{"reopen", "0"});
  EXPECT_EQ(value_of(control, "reopen"), "0") << "control: " << all(control);
}

// SIGKILL of sbx at any moment: nothing of it, of init or of the payload is left.
TEST_F(EscapeTest, AKilledLauncherLeavesNothing) {
  const int rounds = std::getenv("SBX_SOAK") != nullptr ? 1000 : 200;
  const std::string marker = "escape-marker-" + std::to_string(::getpid());
  dir.make("w");
  const Tree before = read_tree(dir.path());
  std::mt19937 random(1);
  int running = 0;
#ifdef SBX_SANITIZE
  constexpr unsigned longest_microseconds = 400'000;  // a launch takes that long
#else
  constexpr unsigned longest_microseconds = 15'000;
#endif
  for (int i = 0; i < rounds; ++i) {
    Command command = sbx({"--rw", dir / "w", "--ro", payload("attack") + ":/attack", "--", "/attack", "target", "60", marker});
    command.cwd = dir.path();
    command.environment = {"TMPDIR=" + dir.path()};  // what is made there shows in the tree
    Process launched(command);
    ::usleep(std::uniform_int_distribution<unsigned>(0, longest_microseconds)(random));
    running += processes_with(marker).size() > 1;
    launched.kill(SIGKILL);
    EXPECT_EQ(launched.finish().signal, SIGKILL);
    ASSERT_TRUE(eventually([&] { return processes_with(marker).empty() && children().empty(); }, 5s)) << "round " << i;
  }
  EXPECT_GT(running, 0) << "control: some were killed while the sandbox ran";
  EXPECT_EQ(changes(before, read_tree(dir.path())), "");
}
