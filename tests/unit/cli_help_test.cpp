// --help: complete, in 80 columns, and in step with the build.
#include "cli/help.h"

#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace {

TEST(CliHelp, NamesEveryOptionAndVerbOfItsVerb) {
  for (const cli::VerbRow& row : cli::verb_table()) {
    const std::string page = cli::help_of(row.verb);
    EXPECT_NE(page.find(text("sbx ", row.verb == cli::Verb::run ? "[OPTIONS]" : row.name)), std::string::npos) << page;
    for (const cli::Option& option : cli::option_table()) {
      const bool shown = page.find(text(option.long_form(), option.takes_argument() ? " " : "", option.argument)) !=
                         std::string::npos;
      if (option.belongs_to(row.verb)) { EXPECT_TRUE(shown) << row.name << " " << option.name; }
    }
  }
  for (const cli::VerbRow& row : cli::verb_table())
    EXPECT_NE(cli::help_of(cli::Verb::run).find(text("\n  ", row.name)), std::string::npos) << row.name;
}

TEST(CliHelp, FitsIn80Columns) {
  for (const cli::VerbRow& row : cli::verb_table())
    for (const std::string& line : split(cli::help_of(row.verb), '\n')) EXPECT_LE(line.size(), 80u) << line;
}

TEST(CliHelp, ExplainsOneVerbOrAllOfAWord) {
  EXPECT_EQ(*cli::help_for({}), cli::help_of(cli::Verb::run));
  EXPECT_EQ(*cli::help_for({"doctor"}), cli::help_of(cli::Verb::doctor));
  const std::string all = *cli::help_for({"profile"});
  EXPECT_NE(all.find("sbx profile list"), std::string::npos);
  EXPECT_NE(all.find("sbx profile diff"), std::string::npos);
  EXPECT_EQ(*cli::help_for({"profile", "list"}), cli::help_of(cli::Verb::profile_list));
  const auto typo = cli::help_for({"docto"});
  ASSERT_FALSE(typo.has_value());
  EXPECT_EQ(typo.error().hint, "did you mean 'doctor'?");
}

TEST(CliHelp, TableIsConsistent) {
  std::set<std::string> names;
  std::set<std::pair<char, cli::Verb>> letters;  // two verbs may mean two things by one
  for (const cli::Option& option : cli::option_table()) {
    EXPECT_TRUE(names.insert(std::string(option.name)).second) << option.name << " twice";
    for (const cli::VerbRow& row : cli::verb_table())
      if (option.letter != 0 && option.belongs_to(row.verb)) { EXPECT_TRUE(letters.insert({option.letter, row.verb}).second) << option.letter << " twice"; }
    EXPECT_NE(option.apply, nullptr) << option.name;
    EXPECT_FALSE(option.help.empty() || option.help.ends_with('.')) << option.name;
    if (option.closed) { EXPECT_FALSE(cli::argument_words(option.argument).empty()) << option.name; }
  }
}

TEST(CliHelp, VersionIsThatOfTheBuild) {
  std::ifstream file(SBX_SOURCE_DIR "/CMakeLists.txt");
  std::stringstream build;
  build << file.rdbuf();
  EXPECT_NE(build.str().find(text("project(sbx VERSION ", cli::version, " ")), std::string::npos);
  EXPECT_EQ(cli::describe_version(), text("sbx ", cli::version, "\n"));
}

TEST(CliHelp, WordsOfAnArgument) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(cli::argument_words("private|keep[:NAME]|ro"), (Words{"private", "keep", "ro"}));
  EXPECT_EQ(cli::argument_words("self|root|UID[:GID]"), (Words{"self", "root"}));
  EXPECT_EQ(cli::argument_words("[=json]"), Words{"json"});
  EXPECT_TRUE(cli::argument_words("FILE|fd:N").empty());
  EXPECT_TRUE(cli::argument_words("").empty());
}

}  // namespace
