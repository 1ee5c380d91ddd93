// sbx profile … and profiles from files, end to end.
#include "harness/surroundings.h"

#include <filesystem>

using namespace harness;

namespace {

class ProfileTest : public SystemTest {
 protected:
  Outcome run_with_config(Words arguments) {
    Command command = sbx(std::move(arguments));
    command.cwd = dir.path();
    command.environment = {"XDG_CONFIG_HOME=" + (dir / "config"), "HOME=" + (dir / "home")};
    return run(command);
  }
};

TEST_F(ProfileTest, ListNamesAllWithTheirPurpose) {
  dir.write("config/sbx/profiles/mine.toml", "description = \"My own\"\nextends = [\"dev\"]\n");
  const Outcome outcome = run_with_config({"profile", "list"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* name : {"base", "build", "container", "dev", "mine", "strict", "trusted", "My own"}) EXPECT_PRED2(contains, outcome.out, name);
}

TEST_F(ProfileTest, ShowIsAProfileAgain) {
  for (const char* name : {"base", "build", "container", "dev", "strict", "trusted"}) {
    const Outcome shown = run_with_config({"profile", "show", name});
    EXPECT_EQ(shown.status, 0) << shown.err;
    const std::string file = dir.write("shown.toml", shown.out);
    EXPECT_EQ(run_with_config({"profile", "diff", name, file}).out, "") << name;
    EXPECT_EQ(run_with_config({"profile", "check", file}).status, 0) << name;
  }
}

TEST_F(ProfileTest, ShowSaysWhereAValueIsFrom) {
  const std::string file = dir.write("mine.toml", "extends = [\"dev\"]\n[sandbox]\ntimeout = \"5m\"\n");
  const Outcome outcome = run_with_config({"profile", "show", "--origin", file});
  EXPECT_PRED2(contains, outcome.out, file + ":3");
  EXPECT_PRED2(contains, outcome.out, "base:");
}

TEST_F(ProfileTest, CheckFindsMistakes) {
  const Outcome outcome = run_with_config({"profile", "check", "dev", dir.write("bad.toml", "[sandbox]\nusr = \"x\"\n")});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "bad.toml:2:1");
  EXPECT_EQ(run_with_config({"profile", "check", "base", "dev", "build", "strict", "trusted", "container"}).status, 0);
}

TEST_F(ProfileTest, DiffShowsWhatDiffers) {
  const Outcome outcome = run_with_config({"profile", "diff", "base", "dev"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_PRED2(contains, outcome.out, "$PROJECT");
  EXPECT_EQ(run_with_config({"profile", "diff", "base", "base"}).out, "");
}

TEST_F(ProfileTest, AFileIsUsed) {
  dir.write("data/f", "content\n");
  dir.write("mine.toml", "extends = [\"base\"]\n[sandbox]\nhostname = \"mine\"\n[filesystem]\nread_only = [\"" + (dir / "data") + ":/data\"]\n[environment.set]\nX = \"1\"\n");
  const Outcome outcome = run_with_config({"-P", "./mine.toml", "--", "sh", "-c", "uname -n; cat /data/f; echo $X"});
  EXPECT_EQ(outcome.out, "mine\ncontent\n1\n") << outcome.err;
}

TEST_F(ProfileTest, ABareNameIsNotLookedUpHere) {
  dir.write("dev.toml", "[filesystem]\nhome = \"host\"\n");
  dir.write("own.toml", "");
  EXPECT_EQ(run_with_config({"-P", "own", "--", "true"}).status, 125);
  EXPECT_EQ(run_with_config({"-P", "own.toml", "--", "true"}).status, 125);
  EXPECT_FALSE(contains(run_with_config({"profile", "show", "dev"}).out, "\"host\""));
}

TEST_F(ProfileTest, TheUsersComesBeforeTheShipped) {
  dir.write("config/sbx/profiles/build.toml", "extends = [\"base\"]\n[sandbox]\nhostname = \"own\"\n");
  EXPECT_EQ(run_with_config({"-P", "build", "--", "uname", "-n"}).out, "own\n");
}

TEST_F(ProfileTest, LaterProfilesAndSettingsWin) {
  const std::string one = dir.write("one.toml", "extends = [\"base\"]\n[sandbox]\nhostname = \"one\"\n"),
                    two = dir.write("two.toml", "[sandbox]\nhostname = \"two\"\n");
  EXPECT_EQ(run_with_config({"-P", one, "-P", two, "--", "uname", "-n"}).out, "two\n");
  EXPECT_EQ(run_with_config({"-P", two, "-P", one, "--", "uname", "-n"}).out, "one\n");
  EXPECT_EQ(run_with_config({"--set", "sandbox.hostname=three", "-P", one, "--", "uname", "-n"}).out, "three\n");
  EXPECT_EQ(run_with_config({"--set", "sandbox.hostname=three", "--hostname", "four", "-P", one, "--", "uname", "-n"}).out, "four\n");
}

TEST_F(ProfileTest, SettingsOfListsAndMaps) {
  EXPECT_EQ(run_with_config({"--set", "environment.set.A=1", "--set", "environment.set.B=two words", "--", "sh", "-c", "echo $A $B"}).out, "1 two words\n");
  EXPECT_EQ(run_with_config({"--set", "filesystem.read_only=!/usr", "--", "/usr/bin/true"}).status, 127);
  EXPECT_EQ(run_with_config({"--set", "filesystem.read_only=+/usr/share:/share", "--", "ls", "-d", "/share/doc"}).out, "/share/doc\n");
}

TEST_F(ProfileTest, TheStrictProfileRuns) {
  const Outcome outcome = run_with_config({"-P", "strict", "--", "sh", "-c", "echo fine; ls /opt 2>/dev/null; exit 2"});
  EXPECT_EQ(outcome.out, "fine\n") << outcome.err;
  EXPECT_EQ(outcome.status, 2);
}

TEST_F(ProfileTest, HelpVersionAndCompletionPrint) {
  for (const Words& words : {Words{"--help"}, Words{"help"}, Words{"--version"}, Words{"version"}, Words{"completion", "bash"}, Words{"help", "profile", "show"}}) {
    const Outcome outcome = run_with_config(words);
    EXPECT_EQ(outcome.status, 0) << words[0] << outcome.err;
    EXPECT_FALSE(outcome.out.empty()) << words[0];
  }
  EXPECT_EQ(run_shell("\"$sbx\" --help >/dev/full").status, 125);
}

}  // namespace
