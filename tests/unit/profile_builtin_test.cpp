// The shipped profiles: that what is embedded is what profiles/*.toml say, and that they promise what they should.
#include "profile/builtin.h"

#include "profile/keys.h"
#include "profile/merge.h"
#include "profile/parse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace profile {
namespace {

using Words = std::vector<std::string>;

Words values(const List& list) {
  Words out;
  for (const Item& item : list) out.push_back(item.value);
  return out;
}

Profile shipped(const std::string& name) {
  auto merged = resolve({name}, [](const std::string& wanted) -> Result<Profile> {
    const Builtin* found = find_builtin(wanted);
    if (found == nullptr) return fail("no profile is named '", wanted, "'");
    return layer_of(*found);
  });
  EXPECT_TRUE(merged) << merged.error().message;
  return *std::move(merged);
}

TEST(ProfileBuiltin, TheEmbeddedFormEqualsTheText) {
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(SBX_SOURCE_DIR "/profiles")) {
    const std::string name = file.path().stem();
    std::ifstream in(file.path());
    const std::string toml((std::istreambuf_iterator<char>(in)), {});
    const auto parsed = parse_profile(toml, name);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const Builtin* builtin = find_builtin(name);
    ASSERT_NE(builtin, nullptr) << name;
    EXPECT_EQ(layer_of(*builtin), *parsed) << name;
    EXPECT_TRUE(parsed->description) << name;
    EXPECT_EQ(toml.substr(0, 6), "# For ") << name << ": the first line says for whom it is";
    ++files;
  }
  EXPECT_EQ(builtins().size(), files);
}

TEST(ProfileBuiltin, TheseAreShipped) {
  Words names;
  for (const Builtin& builtin : builtins()) names.emplace_back(builtin.name);
  EXPECT_EQ(names, (Words{"agent", "base", "build", "container", "dev", "strict", "trusted"}));
  EXPECT_EQ(find_builtin("Base"), nullptr);
}

TEST(ProfileBuiltin, BaseShowsTheSystemOnly) {
  const Profile base = shipped("base");
  EXPECT_EQ(base.root->value, "empty");
  EXPECT_EQ(base.home->value, "empty");
  EXPECT_EQ(values(base.read_only), (Words{"/usr", "/opt?"}));
  EXPECT_TRUE(base.read_write.empty());
  EXPECT_FALSE(base.workdir);
}

TEST(ProfileBuiltin, ANetworkHasRulesAndNothingOfTheHost) {
  for (const Builtin& builtin : builtins()) {
    const Profile merged = shipped(std::string(builtin.name));
    const bool has = builtin.name == "dev" || builtin.name == "trusted" || builtin.name == "agent";
    EXPECT_EQ(merged.net_mode->value, has ? "user" : "none") << builtin.name;
    EXPECT_EQ(merged.net_allow.empty(), !has) << builtin.name;
    EXPECT_TRUE(merged.net_publish.empty() && merged.net_host_ports.empty() && !merged.net_pcap) << builtin.name;
    for (const Item& item : merged.net_allow)
      for (const std::string open : {"*", "@host", "@metadata"}) EXPECT_NE(item.value, open) << builtin.name;
  }
  EXPECT_EQ(values(shipped("dev").net_allow), (Words{"@internet", "@lan"}));
  for (const Item& item : shipped("agent").net_allow) EXPECT_NE(item.value[0], '@') << item.value;
}

TEST(ProfileBuiltin, NoneDropsProtection) {
  for (const Builtin& builtin : builtins()) {
    const Profile merged = shipped(std::string(builtin.name));
    EXPECT_EQ(merged.no_new_privileges->value, "true") << builtin.name;
    EXPECT_EQ(merged.seccomp_default->value, "deny") << builtin.name;
    EXPECT_TRUE(merged.allow_degraded.empty()) << builtin.name;
    EXPECT_FALSE(merged.nested_userns) << builtin.name;
    EXPECT_EQ(merged.capabilities.empty(), builtin.name != "container") << builtin.name;
    EXPECT_EQ(merged.chain.front(), "base") << builtin.name;
  }
}

TEST(ProfileBuiltin, NoCredentialIsPassed) {
  for (const Builtin& builtin : builtins()) {
    const Profile merged = shipped(std::string(builtin.name));
    for (const std::string variable : {"SSH_AUTH_SOCK", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY",
                                       "DBUS_SESSION_BUS_ADDRESS", "LD_PRELOAD", "HTTPS_PROXY", "DISPLAY"})
      for (const Item& item : merged.env_pass)
        EXPECT_FALSE(matches_pattern(item.value, variable))
            << builtin.name << " passes " << variable << " by " << item.value;
  }
}

TEST(ProfileBuiltin, WritableProjectsAreGuarded) {
  for (const std::string name : {"dev", "build", "trusted"}) {
    const Profile merged = shipped(name);
    EXPECT_EQ(values(merged.read_write), (Words{"$PROJECT"})) << name;
    EXPECT_EQ(values(merged.protect), (Words{"$PROJECT/.git/config", "$PROJECT/.git/hooks", "$PROJECT/.envrc",
                                             "$PROJECT/.vscode", "$PROJECT/.idea", "$PROJECT/.mcp.json"}))
        << name;
  }
  EXPECT_EQ(shipped("dev").home->value, "private");
  EXPECT_EQ(shipped("build").home->value, "empty");
}

TEST(ProfileBuiltin, ContainerKeepsExactlyItsCapabilities) {
  const Profile container = shipped("container");
  Words kept = values(container.capabilities);
  std::ranges::sort(kept);
  EXPECT_EQ(kept, (Words{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
                         "SETPCAP", "SETUID", "SYS_CHROOT"}));
  EXPECT_TRUE(container.read_only.empty());
}

TEST(ProfileBuiltin, StrictIsNarrowerThanBase) {
  const Profile base = shipped("base"), strict = shipped("strict");
  EXPECT_EQ(values(strict.read_only), (Words{"/usr"}));
  for (const Item& item : strict.env_pass)
    EXPECT_NE(std::ranges::find(base.env_pass, item.value, &Item::value), base.env_pass.end());
  EXPECT_EQ(values(strict.seccomp_use), values(base.seccomp_use));
  EXPECT_FALSE(strict.seccomp_deny.empty());
}

}  // namespace
}  // namespace profile
