// sbx(1) and sbx-profile(5) say what the tables say: every option, verb and key with the same argument, in the
// same group, and nothing else.
#include "cli/options.h"
#include "profile/keys.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

namespace {

// The list items of a page that begin with `prefix`, below ".Ss" or ".Sh" titles: "title: item".
std::multiset<std::string> items_of(const std::string& page, const std::string& prefix) {
  std::ifstream file(text(SBX_SOURCE_DIR "/man/", page));
  EXPECT_TRUE(file.is_open()) << page;
  std::multiset<std::string> items;
  std::string line, title;
  while (std::getline(file, line)) {
    if (line.starts_with(".Ss ") || line.starts_with(".Sh ")) title = line.substr(4);
    if (line.starts_with(".It " + prefix)) items.insert(text(title, ": ", line.substr(4)));
  }
  return items;
}

std::string argument_of(std::string_view argument) { return argument.empty() ? "" : text(" Ar ", argument); }

void expect_same(const std::multiset<std::string>& table, const std::multiset<std::string>& page) {
  for (const std::string& item : table) EXPECT_EQ(page.count(item), 1u) << "not in the page: " << item;
  for (const std::string& item : page) EXPECT_EQ(table.count(item), 1u) << "not in the table: " << item;
}

TEST(CliMan, OptionsAreThoseOfTheTable) {
  std::multiset<std::string> table;
  for (const cli::Option& option : cli::option_table()) {
    const std::string letter = option.letter == 0 ? "" : text("Fl ", option.letter, " , ");
    table.insert(text(cli::group_names[option.group], ": ", letter, "Fl -", option.name, argument_of(option.argument)));
  }
  expect_same(table, items_of("sbx.1", "Fl"));
}

TEST(CliMan, VerbsAreThoseOfTheTable) {
  std::multiset<std::string> table;
  for (const cli::VerbRow& row : cli::verb_table()) table.insert(text("VERBS: Cm ", row.name, argument_of(row.operands)));
  expect_same(table, items_of("sbx.1", "Cm"));
}

TEST(CliMan, KeysAreThoseOfTheTable) {
  std::multiset<std::string> table;
  for (const profile::Key& key : profile::keys()) {
    const std::size_t dot = key.name.find('.');
    const bool top = dot == std::string_view::npos;
    const std::string title = top ? "top level" : text("[", key.name.substr(0, dot), "]");
    table.insert(text(title, ": Ic ", top ? key.name : key.name.substr(dot + 1), argument_of(key.form)));
  }
  expect_same(table, items_of("sbx-profile.5", "Ic"));
}

TEST(CliMan, PagesFormatWithoutWarnings) {
  for (const char* page : {"sbx.1", "sbx-profile.5"}) {
    const std::string command = text("groff -ww -mdoc -Tutf8 -z ", SBX_SOURCE_DIR, "/man/", page, " 2>&1");
    if (std::system("command -v groff >/dev/null") != 0) GTEST_SKIP() << "groff is not installed";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string complaints;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) complaints += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0);
    EXPECT_EQ(complaints, "");
  }
}

}  // namespace
