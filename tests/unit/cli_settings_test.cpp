// Every option that changes the profile names a key that exists and a value that the key accepts.
#include "cli/parse.h"
#include "cli/settings.h"

#include "profile/keys.h"

#include <gtest/gtest.h>
#include <map>

namespace {

Result<profile::Profile> layer_of(std::vector<std::string> words) {
  words.insert(words.end(), {"--", "x"});
  const auto options = cli::parse(words);
  if (!options) return std::unexpected(options.error());
  return cli::make_layer(options->settings);
}

TEST(CliSettings, EveryOptionOfTheTableIsAccepted) {
  const std::map<std::string_view, std::string> example = {
      {"set", "sandbox.timeout=1s"}, {"name", "try"}, {"hostname", "h"}, {"user", "1:2"}, {"userns", "single"},
      {"ro", "/a"}, {"rw", "/a:/b"}, {"volume", "/a:/b:ro"}, {"tmpfs", "/t:size=1M"}, {"hide", "/h"},
      {"home", "keep:a"}, {"rootfs", "r"}, {"workdir", "/w"}, {"env", "A=b"}, {"secret", "k=/f"}, {"net", "none"},
      {"timeout", "10m"}, {"kill-after", "2s"}, {"ulimit", "nofile=1:2"}, {"cap-add", "KILL"}, {"cap-drop", "ALL"},
      {"landlock", "auto"}, {"nested-userns", ""}, {"allow-degraded", "hide,landlock"}, {"tty", ""}, {"no-tty", ""}};
  for (const cli::Option& option : cli::option_table()) {
    const bool changes_the_profile = !option.key.empty() || option.name == "set" || option.name == "volume" || option.name == "env";
    EXPECT_EQ(example.contains(option.name), changes_the_profile) << option.name;
    if (!option.key.empty()) { EXPECT_NE(profile::find_key(option.key), nullptr) << option.key; }
    const auto found = example.find(option.name);
    if (found == example.end()) continue;
    std::vector<std::string> words = {option.long_form()};
    if (!found->second.empty()) words.push_back(found->second);
    const auto layer = layer_of(words);
    EXPECT_TRUE(layer.has_value()) << layer.error().message;
  }
}

TEST(CliSettings, TheLastScalarWinsAndListsGrow) {
  const auto layer = layer_of({"-u", "root", "--set", "sandbox.user=7", "--ro", "/a", "-v", "/b:/c:ro", "-e", "A=1", "-e", "B"});
  ASSERT_TRUE(layer.has_value()) << layer.error().message;
  EXPECT_EQ(layer->user->value, "7");
  EXPECT_EQ(layer->user->origin.source, "command line");
  ASSERT_EQ(layer->read_only.size(), 2u);
  EXPECT_EQ(layer->read_only[1].value, "/b:/c");
  ASSERT_EQ(layer->env_set.size(), 1u);
  EXPECT_EQ(layer->env_set[0].first, "A");
  ASSERT_EQ(layer->env_pass.size(), 1u);
}

TEST(CliSettings, ErrorsNameTheOption) {
  const auto timeout = layer_of({"--timeout", "soon"});
  ASSERT_FALSE(timeout.has_value());
  EXPECT_TRUE(timeout.error().message.starts_with("--timeout: ")) << timeout.error().message;
  EXPECT_FALSE(timeout.error().hint.empty() && timeout.error().message.find("soon") == std::string::npos);
  const auto key = layer_of({"--set", "sandbox.usr=1"});
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error().hint, "did you mean 'sandbox.user'?");
}

}  // namespace
