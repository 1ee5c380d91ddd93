// The profile commands.
#include "cli/profile.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace cli {
namespace {

namespace fs = std::filesystem;

class ProfileCommand : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "sbx-profile-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    places_ = {{root_}};
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string write(const std::string& name, const std::string& toml) const {
    std::ofstream(root_ / name) << toml;
    return root_ / name;
  }

  fs::path root_;
  ProfilePlaces places_;
};

TEST_F(ProfileCommand, ListSaysWhereEachIsFrom) {
  const std::string mine = write("mine.toml", "description = \"My own\"");
  write("broken.toml", "x = ");
  const auto list = profile_list(places_);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_NE(list->find(text("mine       ", mine, "  My own\n")), std::string::npos) << *list;
  EXPECT_NE(list->find("\nstrict     built in"), std::string::npos) << *list;
  EXPECT_NE(list->find(text("\nbroken     unusable")), std::string::npos) << *list;
}

TEST_F(ProfileCommand, ShowParsesBackToTheSame) {
  const auto shown = profile_show({"dev"}, true, places_);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->substr(0, 13), "# base + dev\n");
  EXPECT_NE(shown->find("  \"/usr\",  # base:"), std::string::npos) << *shown;
  EXPECT_NE(shown->find("home = \"private\"  # dev:"), std::string::npos) << *shown;
  const std::string copy = write("copy.toml", *shown);
  EXPECT_EQ(*profile_diff("dev", copy, places_), "");
}

TEST_F(ProfileCommand, ShowMergesWhatIsNamed) {
  write("a.toml", "[sandbox]\nhostname = \"a\"");
  write("b.toml", "[sandbox]\nhostname = \"b\"");
  EXPECT_EQ(*profile_show({"a", "b"}, false, places_), "# a + b\n[sandbox]\nhostname = \"b\"\n");
}

TEST_F(ProfileCommand, CheckReportsEveryErrorOfEveryFile) {
  const std::string bad = write("bad.toml", "[sandbox]\nuesr = 1\nuser = 2\n");
  write("orphan.toml", "extends = [\"gone-away\"]");
  write("loop.toml", "extends = [\"loop\"]");
  const ProfileCheck checked = profile_check({"base", bad, "orphan", "loop", "strict"}, places_);
  EXPECT_EQ(checked.text, "base: ok\nstrict: ok\n");
  ASSERT_EQ(checked.errors.size(), 4u);
  EXPECT_EQ(checked.errors[0].message, text(bad, ":2:1: unknown key 'sandbox.uesr'"));
  EXPECT_EQ(checked.errors[1].message, text(bad, ":3:8: sandbox.user is a text, not a whole number"));
  EXPECT_EQ(checked.errors[2].message,
            text("no profile is named 'gone-away' (", root_.string(), "/orphan.toml:1 extends it)"));
  EXPECT_EQ(checked.errors[3].message, "profiles extend each other: loop -> loop");
}

TEST_F(ProfileCommand, DiffNamesWhatDiffers) {
  const auto difference = profile_diff("base", "strict", places_);
  ASSERT_TRUE(difference) << difference.error().message;
  EXPECT_NE(difference->find("- filesystem.read_only: \"/opt?\"\n"), std::string::npos) << *difference;
  EXPECT_NE(difference->find("+ seccomp.deny: \"@aio\"\n"), std::string::npos) << *difference;
  EXPECT_EQ(difference->find("\"/usr\""), std::string::npos) << *difference;
  EXPECT_FALSE(profile_diff("base", "nothing", places_));
}

}  // namespace
}  // namespace cli
