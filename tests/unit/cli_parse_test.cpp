// The command line: every form of an option, the order of settings, and what is refused with which words.
#include "cli/parse.h"

#include <gtest/gtest.h>

namespace {

using cli::Change;
using cli::Options;
using cli::Setting;
using cli::Verb;
using Words = std::vector<std::string>;

Options parsed(const Words& words) {
  auto options = cli::parse(words);
  EXPECT_TRUE(options.has_value()) << options.error().message;
  return options ? *std::move(options) : Options{};
}

Error refused(const Words& words) {
  auto options = cli::parse(words);
  EXPECT_FALSE(options.has_value()) << join(words, " ");
  return options ? Error{} : options.error();
}

Setting only_setting(const Words& words) {
  const Options options = parsed(words);
  EXPECT_EQ(options.settings.size(), 1u) << join(words, " ");
  return options.settings.empty() ? Setting{} : options.settings.front();
}

TEST(CliParse, WithoutAVerbItIsRun) {
  const Options options = parsed({"--", "ls", "-l"});
  EXPECT_EQ(options.verb, Verb::run);
  EXPECT_EQ(options.command, (Words{"ls", "-l"}));
  EXPECT_TRUE(options.profiles.empty());
  EXPECT_EQ(parsed({"run", "--", "ls"}).command, Words{"ls"});
}

TEST(CliParse, AfterTheSeparatorEverythingIsTheCommand) {
  EXPECT_EQ(parsed({"-q", "--", "a", "--", "--help", "-u"}).command, (Words{"a", "--", "--help", "-u"}));
  EXPECT_EQ(parsed({"--", "doctor"}).command, Words{"doctor"});
  EXPECT_FALSE(parsed({"--", "a", "--stats"}).stats);
  EXPECT_EQ(parsed({"--", "a", ""}).command, (Words{"a", ""}));
}

TEST(CliParse, EveryFormOfAnArgument) {
  const Setting root{Change::assign, "sandbox.user", "root", "--user"};
  EXPECT_EQ(only_setting({"--user", "root", "--", "x"}), root);
  EXPECT_EQ(only_setting({"--user=root", "--", "x"}), root);
  EXPECT_EQ(only_setting({"-u", "root", "--", "x"}), root);
  EXPECT_EQ(only_setting({"-uroot", "--", "x"}), root);
  EXPECT_EQ(only_setting({"-iuroot", "--", "x"}), root);
  EXPECT_EQ(only_setting({"-iu", "root", "--", "x"}), root);
  EXPECT_EQ(only_setting({"--env=A=b=c", "--", "x"}).value, "A=b=c");
  EXPECT_EQ(only_setting({"--hostname=--", "--", "x"}).value, "--");
}

TEST(CliParse, SettingsKeepTheirOrder) {
  const Options options = parsed({"-u", "root", "--ro", "/a", "--set", "sandbox.user=1", "-u", "self", "--", "x"});
  const std::vector<Setting> expected = {{Change::assign, "sandbox.user", "root", "--user"},
                                         {Change::append, "filesystem.read_only", "/a", "--ro"},
                                         {Change::set, "", "sandbox.user=1", "--set"},
                                         {Change::assign, "sandbox.user", "self", "--user"}};
  EXPECT_EQ(options.settings, expected);
}

TEST(CliParse, Files) {
  EXPECT_EQ(only_setting({"-v", "/a:/b", "--", "x"}), (Setting{Change::append, "filesystem.read_write", "/a:/b", "--volume"}));
  EXPECT_EQ(only_setting({"-v/a:/b:ro", "--", "x"}), (Setting{Change::append, "filesystem.read_only", "/a:/b", "--volume"}));
  EXPECT_EQ(only_setting({"-v/a:/b:rw", "--", "x"}), (Setting{Change::append, "filesystem.read_write", "/a:/b", "--volume"}));
  EXPECT_EQ(only_setting({"-v/a:/b:O", "--", "x"}), (Setting{Change::append, "filesystem.tmp_overlay", "/a:/b", "--volume"}));
  EXPECT_EQ(only_setting({"-v", "/a\\:x:/b:ro", "--", "x"}).value, "/a\\:x:/b");
  EXPECT_EQ(only_setting({"--tmpfs", "/t:size=1M", "--", "x"}), (Setting{Change::append, "filesystem.tmpfs", "/t:size=1M", "--tmpfs"}));
  EXPECT_EQ(only_setting({"--hide", "/h", "--", "x"}), (Setting{Change::append, "filesystem.hide", "/h", "--hide"}));
  EXPECT_EQ(only_setting({"--home=keep:a", "--", "x"}), (Setting{Change::assign, "filesystem.home", "keep:a", "--home"}));
  EXPECT_EQ(only_setting({"--rootfs", "host", "--", "x"}), (Setting{Change::assign, "filesystem.root", "./host", "--rootfs"}));
  EXPECT_EQ(only_setting({"--rootfs", "/r", "--", "x"}).value, "/r");
  EXPECT_EQ(only_setting({"--rootfs", "../r", "--", "x"}).value, "../r");
  EXPECT_EQ(only_setting({"--rootfs", "~/r", "--", "x"}).value, "~/r");
  EXPECT_EQ(refused({"-v", "/a", "--", "x"}).message, "--volume: '/a' is not of the form A:B[:ro|rw|O]");
  EXPECT_EQ(refused({"-v", "/a:/b:o", "--", "x"}).message, "--volume: mode 'o' is not one of ro, rw, O");
  EXPECT_EQ(refused({"-v", "/a:/b:ro:", "--", "x"}).message, "'/a:/b:ro:' has an empty part");
}

TEST(CliParse, BytesThatAreNotUtf8PassThrough) {
  const std::string path = "/a\xff\n b";
  EXPECT_EQ(only_setting({"--ro", path, "--", "x"}).value, path);
  EXPECT_EQ(parsed({"--", path}).command, Words{path});
  EXPECT_EQ(refused({"\xff\x1b"}).message, "the command needs -- before it: '\\xff\\x1b'");
}

TEST(CliParse, Environment) {
  EXPECT_EQ(only_setting({"-e", "A=b", "--", "x"}), (Setting{Change::append, "environment.set", "A=b", "--env"}));
  EXPECT_EQ(only_setting({"-e", "A=", "--", "x"}), (Setting{Change::append, "environment.set", "A=", "--env"}));
  EXPECT_EQ(only_setting({"-eA", "--", "x"}), (Setting{Change::append, "environment.pass", "A", "--env"}));
  EXPECT_EQ(only_setting({"--secret", "k=/f", "--", "x"}), (Setting{Change::append, "environment.secret", "k=/f", "--secret"}));
  EXPECT_EQ(refused({"-e", "=b", "--", "x"}).message, "--env: '=b' has no name");
  EXPECT_EQ(refused({"--secret", "k", "--", "x"}).message, "--secret: 'k' is not of the form NAME=FILE");
  const Options options = parsed({"--env-file", "a", "--env-file=b", "--clear-env", "--", "x"});
  EXPECT_EQ(options.env_files, (Words{"a", "b"}));
  EXPECT_TRUE(options.clear_env);
}

TEST(CliParse, LimitsAndConfinement) {
  EXPECT_EQ(only_setting({"--ulimit", "nofile=9", "--", "x"}), (Setting{Change::append, "resources.ulimit", "nofile=9", "--ulimit"}));
  EXPECT_EQ(only_setting({"--cap-add", "KILL", "--", "x"}), (Setting{Change::append, "security.capabilities", "KILL", "--cap-add"}));
  EXPECT_EQ(only_setting({"--cap-drop", "KILL", "--", "x"}).value, "!KILL");
  EXPECT_EQ(only_setting({"--cap-drop", "ALL", "--", "x"}).value, "!*");
  EXPECT_EQ(only_setting({"--nested-userns", "--", "x"}), (Setting{Change::assign, "security.nested_userns", "true", "--nested-userns"}));
  const Options options = parsed({"--allow-degraded", "a,b", "--", "x"});
  ASSERT_EQ(options.settings.size(), 2u);
  EXPECT_EQ(options.settings[1], (Setting{Change::append, "security.allow_degraded", "b", "--allow-degraded"}));
  EXPECT_EQ(refused({"--allow-degraded", "a,,b", "--", "x"}).message, "--allow-degraded: 'a,,b' has an empty part");
}

TEST(CliParse, TheTerminal) {
  EXPECT_EQ(only_setting({"-t", "--", "x"}), (Setting{Change::assign, "sandbox.terminal", "on", "--tty"}));
  EXPECT_EQ(only_setting({"-T", "--", "x"}), (Setting{Change::assign, "sandbox.terminal", "off", "--no-tty"}));
  EXPECT_TRUE(parsed({"-i", "--", "x"}).settings.empty());
  EXPECT_EQ(parsed({"-it", "--", "x"}).settings.size(), 1u);
}

TEST(CliParse, SetIsPassedOnWhole) {
  EXPECT_EQ(only_setting({"--set", "a.b=+c=d", "--", "x"}), (Setting{Change::set, "", "a.b=+c=d", "--set"}));
}

TEST(CliParse, ReportAndDryRun) {
  EXPECT_EQ(parsed({"--dry-run", "--", "x"}).dry_run, cli::DryRun::text);
  EXPECT_EQ(parsed({"--dry-run=json", "--", "x"}).dry_run, cli::DryRun::json);
  EXPECT_EQ(refused({"--dry-run=yaml", "--", "x"}).message, "--dry-run: 'yaml' is not one of json");
  EXPECT_EQ(parsed({"--report", "r.json", "--", "x"}).report->file, "r.json");
  EXPECT_EQ(parsed({"--report=fd:3", "--", "x"}).report->descriptor, 3);
  EXPECT_EQ(refused({"--report=fd:x", "--", "x"}).message, "--report: 'x' is not a whole number");
  EXPECT_EQ(refused({"--report=fd:2147483648", "--", "x"}).message, "--report: '2147483648' is more than 2147483647");
}

TEST(CliParse, ClosedWords) {
  EXPECT_EQ(refused({"--landlock", "of", "--", "x"}).hint, "did you mean 'off'?");
  EXPECT_EQ(refused({"--userns", "x", "--", "x"}).message, "--userns: 'x' is not one of auto, single, range");
  EXPECT_EQ(refused({"--net", "bridge", "--", "x"}).message, "--net: 'bridge' is not one of none, user, host");
}

TEST(CliParse, UnknownOptionsNameTheNearest) {
  const Error typo = refused({"--usr", "root", "--", "x"});
  EXPECT_EQ(typo.message, "unknown option --usr");
  EXPECT_EQ(typo.hint, "did you mean '--user'?");
  EXPECT_EQ(typo.status, exit_status::setup_failed);
  EXPECT_EQ(refused({"--overlay-everything-please", "--", "x"}).hint, "'sbx --help' lists the options");
  EXPECT_EQ(refused({"-Z"}).message, "unknown option -Z");
  EXPECT_EQ(refused({"-iZ"}).message, "unknown option -Z");
  EXPECT_EQ(refused({"-\xc3\xa9"}).message, "unknown option -\xc3\xa9");
  EXPECT_EQ(refused({"---", "x"}).message, "unknown option ---");
}

TEST(CliParse, MissingArguments) {
  EXPECT_EQ(refused({"--user"}).message, "option --user needs an argument");
  EXPECT_EQ(refused({"-u", "--", "x"}).message, "option --user needs an argument");
  EXPECT_EQ(refused({"--user", "--stats", "--", "x"}).hint, "if '--stats' is the argument, write --user=--stats");
  EXPECT_EQ(refused({"--user=", "--", "x"}).message, "option --user needs an argument that is not empty");
  EXPECT_EQ(refused({"--ro", "", "--", "x"}).message, "option --ro needs an argument that is not empty");
  EXPECT_EQ(refused({"--stats=1", "--", "x"}).message, "option --stats takes no argument");
}

TEST(CliParse, TheCommandNeedsTheSeparator) {
  const Error word = refused({"-q", "ls", "-l"});
  EXPECT_EQ(word.message, "the command needs -- before it: 'ls'");
  EXPECT_EQ(word.hint, "write sbx ... -- ls");
  EXPECT_EQ(refused({"dcotor"}).hint, "write sbx ... -- dcotor; did you mean the verb 'doctor'?");
  EXPECT_EQ(refused({"-q", "doctor"}).message, "the verb 'doctor' follows an option");
  EXPECT_EQ(refused({"-"}).message, "the command needs -- before it: '-'");
  EXPECT_EQ(refused({}).message, "no command given");
  EXPECT_EQ(refused({"-q", "--"}).message, "no command given");
  EXPECT_EQ(refused({"--", "", "x"}).message, "the command is an empty word");
}

TEST(CliParse, VerbsAndTheirOperands) {
  EXPECT_EQ(parsed({"profile", "list"}).verb, Verb::profile_list);
  EXPECT_EQ(parsed({"profile", "show", "--origin", "dev"}).operands, Words{"dev"});
  EXPECT_EQ(parsed({"profile", "check", "--", "-x.toml"}).operands, Words{"-x.toml"});
  EXPECT_TRUE(parsed({"profile", "show", "dev", "--origin"}).origin);
  EXPECT_TRUE(parsed({"doctor", "--json"}).json);
  EXPECT_EQ(parsed({"help", "profile", "list"}).operands, (Words{"profile", "list"}));
  EXPECT_EQ(parsed({"profile", "--help"}).operands, Words{"profile"});
  EXPECT_EQ(parsed({"--version"}).verb, Verb::version);
  EXPECT_TRUE(parsed({"--help"}).help);
  EXPECT_TRUE(parsed({"doctor", "-h"}).help);
  EXPECT_EQ(refused({"profile"}).message, "'sbx profile' needs one of list, show, check, diff");
  EXPECT_EQ(refused({"profile", "shwo"}).hint, "did you mean 'show'?");
  EXPECT_EQ(refused({"profile", "show"}).message, "'sbx profile show' needs NAME|FILE...");
  EXPECT_EQ(refused({"profile", "diff", "a", "b", "c"}).message, "'sbx profile diff' does not take 'c'");
  EXPECT_EQ(refused({"doctor", "x"}).message, "'sbx doctor' does not take 'x'");
  EXPECT_EQ(refused({"chown-back", ""}).message, "an argument of 'sbx chown-back' is an empty word");
  EXPECT_EQ(refused({"completion", "zs"}).hint, "did you mean 'zsh'?");
  EXPECT_EQ(refused({"--json", "--", "x"}).message, "--json is an option of 'sbx ps', not of 'sbx run'");
  EXPECT_EQ(refused({"doctor", "--stats"}).message, "--stats is an option of 'sbx run', not of 'sbx doctor'");
}

}  // namespace
