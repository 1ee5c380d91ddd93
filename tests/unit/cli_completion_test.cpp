// The completions, run by the shells themselves: bash through its completion variables, fish through
// `complete -C`; zsh reads its script (to drive zsh's editor takes a terminal).
#include "cli/completion.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using Words = std::vector<std::string>;

// A directory with the script, files to complete, and an `sbx` that lists two profiles.
class CliCompletion : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sbx-completion-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    for (const cli::Shell shell : {cli::Shell::bash, cli::Shell::zsh, cli::Shell::fish})
      write(text("script.", cli::shell_names[shell]), cli::completion_for(shell));
    write("notes.txt", "");
    ASSERT_EQ(::mkdir((directory_ + "/notes.d").c_str(), 0755), 0);
    write("sbx", "#!/bin/sh\nprintf 'base  nothing\\ndev   a project\\n'\n");
    ASSERT_EQ(::chmod((directory_ + "/sbx").c_str(), 0755), 0);
  }
  void TearDown() override { run(text("rm -r ", directory_)); }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name) << content;
  }

  // The lines that `command` prints.
  Words run(const std::string& command) {
    const std::string line = text("cd ", directory_, " && PATH=", directory_, ":$PATH; export PATH; ", command, " 2>&1");
    std::FILE* pipe = ::popen(line.c_str(), "r");
    std::string out;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << out;
    Words lines = split(out, '\n');
    lines.pop_back();
    return lines;
  }

  // What bash offers for the last of the words.
  Words bash(const Words& words) {
    std::string script = "source ./script.bash; COMP_WORDS=(sbx";
    for (const std::string& word : words) script += " " + cli::shell_quoted(word);
    script += text("); COMP_CWORD=", words.size(), "; _sbx; printf \"%s\\n\" \"${COMPREPLY[@]}\" | grep . | sort -u; true");
    return run(text("bash --norc -c ", cli::shell_quoted(script)));
  }

  bool installed(const std::string& shell) { return !run(text("command -v ", shell, " || true")).empty(); }

  std::string directory_;
};

TEST_F(CliCompletion, BashOptionsAndVerbs) {
  EXPECT_EQ(bash({"--use"}), (Words{"--user", "--userns"}));
  EXPECT_EQ(bash({"doc"}), Words{"doctor"});
  EXPECT_EQ(bash({"profile", ""}), (Words{"check", "diff", "list", "show"}));
  EXPECT_EQ(bash({"doctor", "--"}), (Words{"--help", "--json"}));
  EXPECT_EQ(bash({"-q", ""}), Words{"--"});
  EXPECT_EQ(bash({"completion", ""}), (Words{"bash", "fish", "zsh"}));
  for (const cli::Option& option : cli::option_table()) {
    if (!option.belongs_to(cli::Verb::run)) continue;
    const Words offered = bash({option.long_form()});
    EXPECT_FALSE(offered.empty()) << option.name;
    if (!offered.empty()) { EXPECT_EQ(offered.front(), option.long_form()); }
  }
}

TEST_F(CliCompletion, BashArguments) {
  EXPECT_EQ(bash({"--userns", ""}), (Words{"auto", "range", "single"}));
  EXPECT_EQ(bash({"--userns", "=", "r"}), Words{"range"});
  EXPECT_EQ(bash({"--userns", "="}), (Words{"auto", "range", "single"}));
  EXPECT_EQ(bash({"--dry-run", "="}), Words{"json"});
  EXPECT_EQ(bash({"--dry-run", ""}), Words{"--"});
  EXPECT_EQ(bash({"-P", "d"}), Words{"dev"});
  EXPECT_EQ(bash({"-P", "n"}), (Words{"notes.d", "notes.txt"}));
  EXPECT_EQ(bash({"profile", "show", "b"}), Words{"base"});
  EXPECT_EQ(bash({"--ro", "not"}), (Words{"notes.d", "notes.txt"}));
  EXPECT_EQ(bash({"-v", "/a", ":", "not"}), (Words{"notes.d", "notes.txt"}));
  EXPECT_EQ(bash({"--secret", "K", "=", "notes.t"}), Words{"notes.txt"});
  EXPECT_EQ(bash({"--rootfs", "not"}), Words{"notes.d"});
  EXPECT_TRUE(bash({"--name", "-"}).empty());
}

TEST_F(CliCompletion, BashCommandAfterTheSeparator) {
  EXPECT_EQ(bash({"--", "basenam"}), Words{"basename"});
  EXPECT_EQ(bash({"-P", "dev", "--", "cat", "notes.t"}), Words{"notes.txt"});
  EXPECT_TRUE(bash({"--", "cat", "--use"}).empty());
}

TEST_F(CliCompletion, ZshReadsIt) {
  if (!installed("zsh")) GTEST_SKIP() << "zsh is not installed";
  EXPECT_EQ(run("zsh -f -n script.zsh"), Words{});
  EXPECT_EQ(run("zsh -f -c 'autoload -Uz compinit; compinit -D -u; source ./script.zsh; print $_comps[sbx]'"), Words{"_sbx"});
}

TEST_F(CliCompletion, FishOffersTheSame) {
  if (!installed("fish")) GTEST_SKIP() << "fish is not installed";
  const auto offers = [&](const std::string& line) {
    return run(text("HOME=", directory_, " fish --no-config -c 'source script.fish; complete -C \"", line, "\"' | cut -f1 | sort"));
  };
  EXPECT_EQ(offers("sbx --use"), (Words{"--user", "--userns"}));
  EXPECT_EQ(offers("sbx doc"), Words{"doctor"});
  EXPECT_EQ(offers("sbx profile "), (Words{"check", "diff", "list", "show"}));
  EXPECT_EQ(offers("sbx doctor --j"), Words{"--json"});
  EXPECT_EQ(offers("sbx --userns r"), Words{"range"});
  EXPECT_EQ(offers("sbx -P d"), Words{"dev"});
  EXPECT_EQ(offers("sbx profile show b"), Words{"base"});
  EXPECT_EQ(offers("sbx --ro notes.t"), Words{"notes.txt"});
  EXPECT_EQ(offers("sbx -q -- basenam"), Words{"basename"});
  EXPECT_EQ(offers("sbx -q -- cat notes.t"), Words{"notes.txt"});
}

TEST(CliCompletionText, QuotesForTheShell) {
  EXPECT_EQ(cli::shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(cli::second_words("profile"), (Words{"list", "show", "check", "diff"}));
  EXPECT_TRUE(cli::second_words("doctor").empty());
}

}  // namespace
