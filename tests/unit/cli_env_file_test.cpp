// Lines of an environment file, as docker reads them.
#include "cli/env_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace cli {
namespace {

std::string value_of(const profile::Profile& layer, const std::string& name) {
  std::string found = "unset";  // a later entry of the same name wins
  for (const auto& [key, item] : layer.env_set)
    if (key == name) found = item.value;
  return found;
}

profile::Profile parsed(std::string_view text) {
  profile::Profile layer;
  const auto done = parse_env_file(layer, text, "f");
  EXPECT_TRUE(done) << done.error().message;
  return layer;
}

TEST(CliEnvFile, ValuesAreTakenAsTheyAre) {
  const profile::Profile layer = parsed("A=1\nB=\"quoted\" $A\nC=x=y\nD=\n# E=1\n\n  F=2\nG=#no comment\n");
  EXPECT_EQ(value_of(layer, "A"), "1");
  EXPECT_EQ(value_of(layer, "B"), "\"quoted\" $A");
  EXPECT_EQ(value_of(layer, "C"), "x=y");
  EXPECT_EQ(value_of(layer, "D"), "");
  EXPECT_EQ(value_of(layer, "E"), "unset");
  EXPECT_EQ(value_of(layer, "F"), "2");
  EXPECT_EQ(value_of(layer, "G"), "#no comment");
}

TEST(CliEnvFile, ANameAlonePassesItOn) {
  const profile::Profile layer = parsed("TERM\nA=1");
  ASSERT_EQ(layer.env_pass.size(), 1U);
  EXPECT_EQ(layer.env_pass[0].value, "TERM");
  EXPECT_EQ(layer.env_pass[0].origin, (profile::Origin{"f", 1, 1}));
  EXPECT_EQ(value_of(layer, "A"), "1");
}

TEST(CliEnvFile, TheOriginIsTheLine) {
  const profile::Profile layer = parsed("\n\nA=1\n");
  ASSERT_EQ(layer.env_set.size(), 1U);
  EXPECT_EQ(layer.env_set[0].second.origin, (profile::Origin{"f", 3, 1}));
}

TEST(CliEnvFile, TheLastLineOfANameWins) { EXPECT_EQ(value_of(parsed("A=1\nA=2\n"), "A"), "2"); }

TEST(CliEnvFile, BadLinesNameFileAndLine) {
  profile::Profile layer;
  EXPECT_EQ(parse_env_file(layer, "A=1\n=2\n", "the\nfile").error().message, "the\\nfile:2: not a variable");
  EXPECT_EQ(parse_env_file(layer, std::string_view("A=1\0\n", 5), "f").error().message, "f:1: not a variable");
}

TEST(CliEnvFile, TheCommandLineAndTheLastFileWin) {
  std::string place = std::filesystem::temp_directory_path() / "sbx-env.XXXXXX";
  ASSERT_NE(::mkdtemp(place.data()), nullptr);
  std::ofstream(place + "/one") << "A=one\nB=one\nC=one\n";
  std::ofstream(place + "/two") << "A=two\nB=two\n";
  profile::Profile layer;
  layer.env_set = {{"A", {"line", {"command line"}}}};
  ASSERT_TRUE(add_env_files(layer, {place + "/one", place + "/two"}));
  EXPECT_EQ(value_of(layer, "A"), "line");
  EXPECT_EQ(value_of(layer, "B"), "two");
  EXPECT_EQ(value_of(layer, "C"), "one");
  EXPECT_EQ(add_env_files(layer, {place + "/missing"}).error().message, "open " + place + "/missing: No such file or directory");
  std::filesystem::remove_all(place);
}

}  // namespace
}  // namespace cli
