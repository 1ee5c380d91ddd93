// Which file a profile's name means, and which files are refused.
#include "cli/load.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace cli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Load : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "sbx-load-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    places_ = {{root_ / "user", root_ / "system"}};
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string write(const std::string& name, const std::string& toml) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << toml;
    return root_ / name;
  }
  std::string error_of(const std::string& name) const {
    const auto loaded = load_profile({name}, {}, places_);
    return loaded ? "no error" : text(loaded.error().message, " | ", loaded.error().hint);
  }

  fs::path root_;
  ProfilePlaces places_;
};

TEST_F(Load, WithoutANameItIsBase) {
  const auto loaded = load_profile({}, {}, places_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->chain, Words{"base"});
}

TEST_F(Load, TheUsersComesBeforeTheSystemsBeforeTheShipped) {
  const auto host_of = [&](const std::string& name) { return load_profile({name}, {}, places_)->hostname; };
  EXPECT_FALSE(host_of("dev"));
  write("system/dev.toml", "[sandbox]\nhostname = \"system\"");
  EXPECT_EQ(host_of("dev")->value, "system");
  const std::string file = write("user/dev.toml", "[sandbox]\nhostname = \"user\"");
  EXPECT_EQ(host_of("dev"), (profile::Item{"user", {file, 2, 12}}));
  EXPECT_EQ(load_profile({"dev"}, {}, places_)->chain, Words{"dev"});
}

TEST_F(Load, OwnProfilesExtendShippedOnes) {
  write("user/mine.toml", "extends = [\"dev\"]\n[filesystem]\nread_only = [\"!/nix\"]");
  const auto loaded = load_profile({"mine"}, {}, places_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->chain, (Words{"base", "dev", "mine"}));
  for (const profile::Item& item : loaded->read_only) EXPECT_NE(item.value, "/nix?");
}

TEST_F(Load, TheCommandLineWins) {
  profile::Profile line;
  line.home = profile::Item{"ro", {"command line"}};
  EXPECT_EQ(load_profile({"dev"}, line, places_)->home->value, "ro");
}

TEST_F(Load, ABareNameIsNeverAFileHere) {
  const fs::path before = fs::current_path();
  write("here/evil.toml", "[sandbox]\nhostname = \"here\"");
  fs::current_path(root_ / "here");
  EXPECT_EQ(error_of("evil"), "no profile is named 'evil' | 'sbx profile list' shows them");
  EXPECT_EQ(error_of("evil.toml"), "no profile is named 'evil.toml' | for a file here write ./evil.toml");
  EXPECT_EQ(error_of("./evil.toml"), "no error");
  fs::current_path(before);
}

TEST_F(Load, FilesThatAreRefused) {
  EXPECT_EQ(error_of("/nonexistent/x.toml"), "profile /nonexistent/x.toml does not exist | ");
  EXPECT_EQ(error_of(root_.string()), text("profile ", root_.string(), " is a directory | name a .toml file in it"));
  const std::string large = write("large.toml", std::string(1024 * 1024 + 1, '#'));
  EXPECT_EQ(error_of(large), text("profile ", large, " is larger than 1 MiB | "));
  EXPECT_EQ(error_of(write("fits.toml", std::string(1024 * 1024, '#'))), "no error");
  const std::string open = write("user/open.toml", "");
  fs::permissions(open, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(error_of("open"), text("profile ", open, " can be written by every user | chmod o-w ", open));
  fs::create_directories(root_ / "user/dir.toml");
  EXPECT_NE(error_of("dir").find("is a directory"), std::string::npos);
}

TEST_F(Load, NamesThatAreRefused) {
  EXPECT_EQ(error_of("bas"), "no profile is named 'bas' | did you mean 'base'?");
  EXPECT_EQ(error_of("").substr(0, 26), "profile '' is not a name |");
  EXPECT_EQ(error_of("..").substr(0, 28), "profile '..' is not a name |");
  EXPECT_EQ(error_of("a\033b").substr(0, 15), "profile 'a\\x1bb");
}

TEST_F(Load, ErrorsInAFileNameTheFile) {
  const std::string file = write("user/bad.toml", "\n[sandbox]\nuesr = \"root\"");
  EXPECT_EQ(error_of("bad"), text(file, ":3:1: unknown key 'sandbox.uesr' | did you mean 'sandbox.user'?"));
}

TEST_F(Load, NamesOfAllPlacesEachOnce) {
  write("user/mine.toml", ""), write("user/dev.toml", ""), write("system/site.toml", ""), write("user/no.txt", ""),
      write("user/.toml", "");
  EXPECT_EQ(*profile_names(places_), (Words{"agent", "base", "build", "container", "dev", "mine", "site", "strict", "trusted"}));
}

TEST(LoadPlaces, FollowTheBaseDirectorySpecification) {
  EXPECT_EQ(profile_places("/x", "/home/u").directories, (Words{"/x/sbx/profiles", "/etc/sbx/profiles"}));
  EXPECT_EQ(profile_places(nullptr, "/home/u").directories,
            (Words{"/home/u/.config/sbx/profiles", "/etc/sbx/profiles"}));
  EXPECT_EQ(profile_places("relative", "/home/u").directories,
            (Words{"/home/u/.config/sbx/profiles", "/etc/sbx/profiles"}));
  EXPECT_EQ(profile_places("", nullptr).directories, Words{"/etc/sbx/profiles"});
}

}  // namespace
}  // namespace cli
