// The forms of single values.
#include "profile/values.h"

#include "base/limit_names.h"
#include "profile/keys.h"

#include <gtest/gtest.h>

#include <set>

namespace profile {
namespace {

TEST(ProfileValues, PathItems) {
  const auto same = parse_path_item("/a?");
  ASSERT_TRUE(same);
  EXPECT_EQ(same->outside, "/a");
  EXPECT_EQ(same->inside, "/a");
  EXPECT_TRUE(same->optional);
  const auto moved = parse_path_item("$PROJECT/a\\:b:~/c");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->outside, "$PROJECT/a:b");
  EXPECT_EQ(moved->inside, "~/c");
  EXPECT_FALSE(moved->optional);
  for (const std::string bad :
       {"", "?", "a", "/a:b", "/a:", ":/b", "/a:/b:/c", "$PWDX/a", "$OTHER", "~root/x", "..", "./a"})
    EXPECT_FALSE(parse_path_item(bad)) << bad;
}

TEST(ProfileValues, TmpfsItems) {
  EXPECT_EQ(parse_tmpfs_item("/t")->size, 0u);
  EXPECT_EQ(parse_tmpfs_item("/t:size=2M")->size, 2u << 20);
  for (const std::string bad : {"t", "/t:2M", "/t:size=", "/t:size=0", "/t:size=1M:x", "/t:mode=700"})
    EXPECT_FALSE(parse_tmpfs_item(bad)) << bad;
}

TEST(ProfileValues, Users) {
  EXPECT_EQ(parse_user("self")->kind, UserKind::self);
  EXPECT_EQ(parse_user("root")->kind, UserKind::root);
  EXPECT_EQ(parse_user("host-root")->kind, UserKind::host_root);
  const auto ids = parse_user("1000:4294967294");
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->uid, 1000u);
  EXPECT_EQ(ids->gid, 4294967294u);
  EXPECT_EQ(parse_user("7")->gid, 7u);
  for (const std::string bad : {"", "me", "1:", ":1", "-1", "4294967295", "1:2:3", "1 ", "0x1"})
    EXPECT_FALSE(parse_user(bad)) << bad;
}

TEST(ProfileValues, Homes) {
  EXPECT_EQ(parse_home("private")->kind, HomeKind::private_files);
  EXPECT_EQ(parse_home("empty")->kind, HomeKind::empty);
  EXPECT_EQ(parse_home("none")->kind, HomeKind::none);
  EXPECT_EQ(parse_home("ro")->kind, HomeKind::read_only);
  EXPECT_EQ(parse_home("host")->kind, HomeKind::host);
  EXPECT_EQ(parse_home("keep")->name, "default");
  EXPECT_EQ(parse_home("keep:web")->name, "web");
  for (const std::string bad : {"", "keep:", "keep:../x", "keep:a/b", "keep:.", "/home/u"})
    EXPECT_FALSE(parse_home(bad)) << bad;
}

TEST(ProfileValues, Ulimits) {
  EXPECT_EQ(parse_ulimit_value("1024")->hard, 1024u);
  EXPECT_EQ(parse_ulimit_value("1:2")->soft, 1u);
  EXPECT_EQ(parse_ulimit_value("0:unlimited")->hard, unlimited);
  EXPECT_EQ(parse_ulimit_value("-1:-1")->soft, unlimited);
  EXPECT_EQ(parse_ulimit_value("8M")->soft, 8u << 20);
  for (const std::string bad : {"", "2:1", "unlimited:1", "x", "1:", "1:2:3", "-2"})
    EXPECT_FALSE(parse_ulimit_value(bad)) << bad;
}

TEST(ProfileValues, SecretsAreNamesAndFiles) {
  EXPECT_EQ(parse_secret_item("token=~/t=x")->file, "~/t=x");
  for (const std::string bad : {"", "token", "=/f", "a/b=/f", "..=/f", "token=f"})
    EXPECT_FALSE(parse_secret_item(bad)) << bad;
}

TEST(ProfileValues, Names) {
  EXPECT_TRUE(check_name("web-1.x_y"));
  EXPECT_TRUE(check_name(std::string(63, 'a')));
  for (const std::string& bad : {std::string(), std::string(64, 'a'), std::string(".a"), std::string("-a"), std::string("_a"),
                                 std::string("a/b"), std::string("a b"), std::string("\xc3\xa9")})
    EXPECT_FALSE(check_name(bad)) << bad;
  EXPECT_TRUE(check_hostname("a.example"));
  EXPECT_FALSE(check_hostname("a_b"));
  EXPECT_FALSE(check_hostname("-a"));
}

TEST(ProfileValues, SeccompAndCapabilities) {
  for (const std::string good : {"openat", "@debug", "@basic-io", "socket:vsock"})
    EXPECT_TRUE(check_call_or_group(good)) << good;
  for (const std::string bad : {"", "@", "socket:", "Open", "a b", "@@x"})
    EXPECT_FALSE(check_call_or_group(bad)) << bad;
  EXPECT_FALSE(check_group("openat"));
  EXPECT_TRUE(check_errno("EPERM"));
  EXPECT_TRUE(check_errno("38"));
  for (const std::string bad : {"", "E", "eperm", "0", "4096", "-1"}) EXPECT_FALSE(check_errno(bad)) << bad;
  EXPECT_TRUE(check_capability("NET_BIND_SERVICE"));
  EXPECT_EQ(check_capability("CAP_KILL").error().hint, "write KILL");
  EXPECT_EQ(check_capability("KIL").error().hint, "did you mean 'KILL'?");
}

TEST(ProfileValues, EnvironmentNames) {
  EXPECT_TRUE(check_variable("A"));
  EXPECT_TRUE(check_variable_pattern("LC_*"));
  for (const std::string bad : {"", "A=B", "LC_*"}) EXPECT_FALSE(check_variable(bad)) << bad;
  EXPECT_FALSE(check_variable_pattern("A=B"));
}

TEST(ProfileKeys, EachNameAndMemberOnce) {
  std::set<std::string_view> names;
  for (const Key& key : keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_TRUE(key.help.ends_with('.')) << key.name;
    EXPECT_FALSE(key.form.empty()) << key.name;
    EXPECT_EQ(find_key(key.name), &key);
    EXPECT_EQ(key.check_entry != nullptr, holds<Map>(key)) << key.name;
    for (const Key& other : keys())
      EXPECT_EQ(other.member == key.member, &other == &key) << key.name << " and " << other.name;
  }
}

TEST(ProfileKeys, WordsAreCheckedFromTheForm) {
  const Key* terminal = find_key("sandbox.terminal");
  ASSERT_NE(terminal, nullptr);
  for (const std::string& word : split(terminal->form, '|')) EXPECT_TRUE(check_value(*terminal, word));
  EXPECT_FALSE(check_value(*terminal, "auto|on"));
  EXPECT_FALSE(check_value(*terminal, ""));
}

}  // namespace
}  // namespace profile
