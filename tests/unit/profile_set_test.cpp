// --set, and the changes options make by key.
#include "profile/set.h"

#include "profile/merge.h"

#include <gtest/gtest.h>

namespace profile {
namespace {

const Origin origin{"command line"};

std::vector<std::string> values(const List& list) {
  std::vector<std::string> out;
  for (const Item& item : list) out.push_back(item.value);
  return out;
}

using Words = std::vector<std::string>;

// What `assignments` make of a profile that has /usr and /opt?, read-only.
Words read_only_after(const Words& assignments) {
  Profile before, layer;
  before.read_only = {{"/usr", {}}, {"/opt?", {}}};
  for (const std::string& assignment : assignments) {
    const auto done = set(layer, assignment, origin);
    EXPECT_TRUE(done) << assignment << ": " << done.error().message;
  }
  return values(merge(before, layer).read_only);
}

std::string error_of(std::string_view assignment) {
  Profile layer;
  const auto done = set(layer, assignment, origin);
  EXPECT_EQ(layer, Profile{}) << "a refused --set must change nothing";
  return done ? "no error" : text(done.error().message, " | ", done.error().hint);
}

TEST(ProfileSet, Scalars) {
  Profile layer;
  ASSERT_TRUE(set(layer, "sandbox.timeout=30s", origin));
  ASSERT_TRUE(set(layer, "sandbox.hostname = \"box\"", origin));
  ASSERT_TRUE(set(layer, "sandbox.user=1000:1000", origin));
  ASSERT_TRUE(set(layer, "security.nested_userns=true", origin));
  ASSERT_TRUE(set(layer, "description=a=b \"c\"", origin));
  EXPECT_EQ(layer.timeout, (Item{"30s", origin}));
  EXPECT_EQ(layer.hostname, (Item{"box", origin}));
  EXPECT_EQ(layer.user, (Item{"1000:1000", origin}));
  EXPECT_EQ(layer.nested_userns, (Item{"true", origin}));
  EXPECT_EQ(layer.description, (Item{"a=b \"c\"", origin}));
}

TEST(ProfileSet, Lists) {
  EXPECT_EQ(read_only_after({"filesystem.read_only=/a"}), (Words{"/a"}));
  EXPECT_EQ(read_only_after({"filesystem.read_only=\"/a\""}), (Words{"/a"}));
  EXPECT_EQ(read_only_after({"filesystem.read_only=+/a"}), (Words{"/usr", "/opt?", "/a"}));
  EXPECT_EQ(read_only_after({"filesystem.read_only=!/opt"}), (Words{"/usr"}));
  EXPECT_EQ(read_only_after({"filesystem.read_only=[\"/a\", \"/b\"]"}), (Words{"/a", "/b"}));
  EXPECT_EQ(read_only_after({"filesystem.read_only=[]"}), Words{});
  EXPECT_EQ(read_only_after({"filesystem.read_only=+/a", "filesystem.read_only=/b", "filesystem.read_only=+/c"}),
            (Words{"/b", "/c"}));
}

TEST(ProfileSet, Maps) {
  Profile layer;
  ASSERT_TRUE(set(layer, "environment.set.A=x=y", origin));
  ASSERT_TRUE(set(layer, "environment.set=B=", origin));
  ASSERT_TRUE(set(layer, "environment.set={ C = \"1\", D = 2 }", origin));
  ASSERT_TRUE(set(layer, "resources.ulimit.nofile=512:1024", origin));
  EXPECT_EQ(layer.env_set,
            (Map{{"A", {"x=y", origin}}, {"B", {"", origin}}, {"C", {"1", origin}}, {"D", {"2", origin}}}));
  EXPECT_EQ(layer.ulimit, (Map{{"nofile", {"512:1024", origin}}}));
}

TEST(ProfileSet, RelativeHostPathsAreTheWorkingDirectorys) {
  Profile layer;
  ASSERT_TRUE(append(layer, "filesystem.read_only", "src:/src", origin));
  ASSERT_TRUE(append(layer, "filesystem.read_only", "!src", origin));
  ASSERT_TRUE(append(layer, "filesystem.read_only", "~/x", origin));
  ASSERT_TRUE(append(layer, "environment.secret", "token=key", origin));
  ASSERT_TRUE(assign(layer, "filesystem.root", "./debian", origin));
  EXPECT_EQ(values(layer.read_only), (Words{"$PWD/src:/src", "!$PWD/src", "~/x"}));
  EXPECT_EQ(values(layer.secret), (Words{"token=$PWD/key"}));
  EXPECT_EQ(layer.root->value, "$PWD/./debian");
  ASSERT_TRUE(assign(layer, "filesystem.root", "empty", origin));
  EXPECT_EQ(layer.root->value, "empty");
  // Targets inside have no working directory to be relative to.
  EXPECT_FALSE(append(layer, "filesystem.read_only", "/src:src", origin));
  EXPECT_FALSE(append(layer, "filesystem.tmpfs", "cache", origin));
  EXPECT_FALSE(assign(layer, "sandbox.workdir", "src", origin));
}

TEST(ProfileSet, AssignReplacesAndAppendAdds) {
  Profile before, layer;
  before.capabilities = {{"CHOWN", {}}, {"KILL", {}}};
  ASSERT_TRUE(append(layer, "security.capabilities", "CAP_FOWNER", origin));
  ASSERT_TRUE(append(layer, "security.capabilities", "!cap_kill", origin));
  EXPECT_EQ(values(merge(before, layer).capabilities), (Words{"CHOWN", "FOWNER"}));
  ASSERT_TRUE(assign(layer, "security.capabilities", "SETUID", origin));
  EXPECT_EQ(values(merge(before, layer).capabilities), (Words{"SETUID"}));
  ASSERT_TRUE(append(layer, "environment.set", "K=V=W", origin));
  EXPECT_EQ(layer.env_set, (Map{{"K", {"V=W", origin}}}));
}

TEST(ProfileSet, Errors) {
  EXPECT_EQ(error_of("sandbox.timeout"),
            "'sandbox.timeout' is not TABLE.KEY=VALUE | for example --set sandbox.timeout=10m");
  EXPECT_EQ(error_of("sandbox.timeuot=1"), "unknown key 'sandbox.timeuot' | did you mean 'sandbox.timeout'?");
  EXPECT_EQ(error_of("timeout=1"), "unknown key 'timeout' | did you mean 'sandbox.timeout'?");
  EXPECT_EQ(error_of("sandbox.timeout=soon"), "sandbox.timeout: 'soon' is not a number with a unit "
            "| write times as 250ms, 30s, 1.5m or 1h");
  EXPECT_EQ(error_of("sandbox.terminal=onn"),
            "sandbox.terminal: 'onn' is not one of auto, on, off | did you mean 'on'?");
  EXPECT_EQ(error_of("filesystem.read_only=[\"/a\", \"/a:b\"]"),
            "filesystem.read_only: 'b' is not an absolute path | begin it with /, ~/ or $PWD/");
  EXPECT_EQ(error_of("environment.set=A"), "environment.set: 'A' has no '=' | write NAME=VALUE");
  EXPECT_EQ(error_of("extends=base"), "extends belongs into a profile | name the profile with --profile");
  EXPECT_EQ(error_of("security.no_new_privileges=false"),
            "security.no_new_privileges: it is always true and cannot be turned off | leave it out");
  EXPECT_EQ(error_of("=x").substr(0, 15), "unknown key '' ");
}

TEST(ProfileSet, AValueCannotBringAnotherKey) {
  Profile layer;
  ASSERT_TRUE(set(layer, "environment.set.A=\"x\"\nv2 = 1", origin));
  EXPECT_EQ(layer.env_set, (Map{{"A", {"\"x\"\nv2 = 1", origin}}}));
}

TEST(ProfileSet, AppendNeedsAList) {
  Profile layer;
  const auto done = append(layer, "sandbox.user", "root", origin);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "sandbox.user holds one value, not a list");
}

}  // namespace
}  // namespace profile
