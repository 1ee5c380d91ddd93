// Reading of TOML: values with their places, and errors with exact positions.
#include "profile/parse.h"

#include <gtest/gtest.h>

namespace profile {
namespace {

// "message | hint" of the first error.
std::string error_of(std::string_view toml) {
  const auto parsed = parse_profile(toml, "t.toml");
  return parsed ? "no error" : text(parsed.error().message, " | ", parsed.error().hint);
}

TEST(ProfileParse, ReadsEveryKindOfKeyWithItsPlace) {
  const auto layer = parse_profile(
      "description = \"d\"\n"
      "extends = [\"base\"]\n"
      "[sandbox]\n"
      "timeout = 30\n"
      "kill_after = \"5s\"\n"
      "[filesystem]\n"
      "read_only = [\"/a\", \"!/b\",\n  \"/c:/d?\"]\n"
      "[security]\n"
      "nested_userns = false\n"
      "[resources.ulimit]\n"
      "nofile = 1024\n"
      "core = \"0:unlimited\"\n"
      "[environment]\n"
      "set = { A = \"1\", B = \"\" }\n",
      "t");
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(layer->chain, std::vector<std::string>{"t"});
  EXPECT_EQ(layer->description, (Item{"d", {"t", 1, 15}}));
  EXPECT_EQ(layer->extends, (List{{"base", {"t", 2, 12}}}));
  EXPECT_EQ(layer->timeout, (Item{"30", {"t", 4, 11}}));
  EXPECT_EQ(layer->kill_after, (Item{"5s", {"t", 5, 14}}));
  EXPECT_EQ(layer->read_only, (List{{"/a", {"t", 7, 14}}, {"!/b", {"t", 7, 20}}, {"/c:/d?", {"t", 8, 3}}}));
  EXPECT_EQ(layer->nested_userns, (Item{"false", {"t", 10, 17}}));
  EXPECT_EQ(layer->ulimit, (Map{{"core", {"0:unlimited", {"t", 13, 8}}}, {"nofile", {"1024", {"t", 12, 10}}}}));
  EXPECT_EQ(layer->env_set, (Map{{"A", {"1", {"t", 15, 13}}}, {"B", {"", {"t", 15, 22}}}}));
  EXPECT_FALSE(layer->root);
}

TEST(ProfileParse, UnknownKeysNameTheNearest) {
  EXPECT_EQ(error_of("[filesystem]\n  read_onyl = []\n"),
            "t.toml:2:3: unknown key 'filesystem.read_onyl' | did you mean 'filesystem.read_only'?");
  EXPECT_EQ(error_of("read_only = []\n"), "t.toml:1:1: unknown key 'read_only' | did you mean 'filesystem.read_only'?");
  EXPECT_EQ(error_of("[sandbox]\nuser = \"self\"\n[sandbox.limits]\nx = 1\n"),
            "t.toml:3:10: unknown key 'sandbox.limits' | ");
  EXPECT_EQ(error_of("[filesytem]\nhome = \"ro\"\n"),
            "t.toml:1:2: unknown key 'filesytem' | did you mean 'filesystem'?");
  EXPECT_EQ(error_of("desciption = 1\n"), "t.toml:1:1: unknown key 'desciption' | did you mean 'description'?");
  EXPECT_EQ(error_of("zzzzzzzzz = 1\n"), "t.toml:1:1: unknown key 'zzzzzzzzz' | ");
  EXPECT_EQ(error_of("\"a\\u001bb\" = 1\n"), "t.toml:1:1: unknown key 'a\\x1bb' | ");
}

TEST(ProfileParse, KeysThatDoNotWorkYetAreUnknown) {
  for (const std::string key : {"network.forward", "filesystem.image",
                                "resources.hugetlb", "desktop.wayland", "seccomp.file"}) {
    const auto parsed = parse_profile(text(key, " = 1\n"), "t");
    ASSERT_FALSE(parsed) << key;
    EXPECT_NE(parsed.error().message.find("unknown key"), std::string::npos) << parsed.error().message;
  }
}

TEST(ProfileParse, WrongTypesSayWhatIsWanted) {
  EXPECT_EQ(error_of("[sandbox]\nuser = 1000\n"), "t.toml:2:8: sandbox.user is a text, not a whole number | ");
  EXPECT_EQ(error_of("[sandbox]\ntimeout = 1.5\n"), "t.toml:2:11: sandbox.timeout is a time, not a fraction | ");
  EXPECT_EQ(error_of("[security]\nnested_userns = \"yes\"\n"),
            "t.toml:2:17: security.nested_userns is true or false, not a text | ");
  EXPECT_EQ(error_of("[filesystem]\nread_only = \"/a\"\n"),
            "t.toml:2:13: filesystem.read_only is a list of texts, not a text | ");
  EXPECT_EQ(error_of("[filesystem]\nread_only = [\"/a\", 7]\n"),
            "t.toml:2:20: filesystem.read_only is a list of texts, not a whole number | ");
  EXPECT_EQ(error_of("[environment]\nset = [\"A=1\"]\n"), "t.toml:2:7: environment.set is a table, not a list | ");
  EXPECT_EQ(error_of("[environment.set]\nA = 2026-01-01\n"),
            "t.toml:2:5: environment.set.A is a text, not a date or time | ");
  EXPECT_EQ(error_of("sandbox = 1\n"), "t.toml:1:11: sandbox is a table, not a whole number | begin it with [sandbox]");
}

TEST(ProfileParse, BadValuesSayWhere) {
  EXPECT_EQ(error_of("[network]\nmode = \"non\"\n"),
            "t.toml:2:8: network.mode: 'non' is not one of none, user, host | did you mean 'none'?");
  EXPECT_EQ(error_of("[security]\nno_new_privileges = false\n"),
            "t.toml:2:21: security.no_new_privileges: it is always true and cannot be turned off | leave it out");
  EXPECT_EQ(error_of("[filesystem]\nread_only = [\"usr\"]\n"),
            "t.toml:2:14: filesystem.read_only: 'usr' is not an absolute path | begin it with /, ~/ or $PWD/");
  EXPECT_EQ(error_of("[filesystem]\nread_only = [\"/a\", \"!usr\"]\n"),
            "t.toml:2:20: filesystem.read_only: 'usr' is not an absolute path | begin it with /, ~/ or $PWD/");
  EXPECT_EQ(error_of("[resources]\nulimit.nofil = 1\n"),
            "t.toml:2:16: resources.ulimit: 'nofil' is not a resource limit | did you mean 'nofile'?");
  EXPECT_EQ(
      error_of("extends = [\"!base\"]\n"),
      "t.toml:1:12: extends: '!base' is not a name | use at most 63 letters, digits, '.', '_' and '-', beginning with "
      "a letter or digit");
  EXPECT_EQ(error_of("extends = [\"../x\"]\n").substr(0, 41), "t.toml:1:12: extends: '../x' is not a nam");
  EXPECT_EQ(error_of("[environment]\nset = { A = \"x\\u0000\" }\n"),
            "t.toml:2:13: environment.set: 'x\\x00' holds a NUL byte | ");
  EXPECT_EQ(error_of("[sandbox]\nhostname = \"\"\n"), "t.toml:2:12: sandbox.hostname: an empty text is no value | ");
}

TEST(ProfileParse, BytesThatAreNoText) {
  EXPECT_EQ(error_of(std::string_view("a\n\u00e9 \0", 6)), "t.toml:2:3: a NUL byte: this is not a text file | ");
  const std::string invalid = error_of("description = \"\xff\"\n");
  EXPECT_EQ(invalid.substr(0, 12), "t.toml:1:15:") << invalid;  // of the last good character
  EXPECT_NE(invalid.find("utf-8"), std::string::npos) << invalid;
}

TEST(ProfileParse, SyntaxErrorsHaveAPlace) {
  EXPECT_EQ(error_of("[sandbox]\nuser = \n").substr(0, 11), "t.toml:2:8:");
  EXPECT_EQ(error_of("[sandbox]\nuser = \"a\"\nuser = \"b\"\n").substr(0, 9), "t.toml:3:");
  EXPECT_EQ(error_of("[[[a]]]\n").substr(0, 11), "t.toml:1:3:");
  EXPECT_EQ(error_of("user = \u00e9\n").substr(0, 11), "t.toml:1:8:");
  EXPECT_EQ(error_of("\u00e9 = 1\n").substr(0, 11), "t.toml:1:1:");
  EXPECT_NE(error_of("a = " + std::string(100'000, '[')), "no error");
}

TEST(ProfileParse, AllErrorsInTheOrderOfTheText) {
  const Reading reading = parse_all("[sandbox]\nzzzzzzzz = 1\nuser = 2\n[filesystem]\nhome = \"x\"\n", "t");
  ASSERT_EQ(reading.errors.size(), 3u);
  EXPECT_EQ(reading.errors[0].message.substr(0, 6), "t:2:1:");
  EXPECT_EQ(reading.errors[1].message.substr(0, 6), "t:3:8:");
  EXPECT_EQ(reading.errors[2].message.substr(0, 6), "t:5:8:");
}

TEST(ProfileParse, EmptyAndCommentOnlyTextsAreProfiles) {
  EXPECT_TRUE(parse_profile("", "t"));
  EXPECT_TRUE(parse_profile("\xef\xbb\xbf# only this\r\n", "t"));
}

}  // namespace
}  // namespace profile
