// Every option that changes the profile names a key that exists and a value that the key accepts.
#include "cli/parse.h"
#include "cli/settings.h"

#include "profile/keys.h"

#include <gtest/gtest.h>
#include <map>
#include <tuple>

namespace {

Result<profile::Profile> layer_of(std::vector<std::string> words) {
  words.insert(words.end(), {"--", "x"});
  const auto options = cli::parse(words);
  if (!options) return std::unexpected(options.error());
  return cli::make_layer(options->settings);
}

TEST(CliSettings, EveryOptionOfTheTableIsAccepted) {
  const std::map<std::string_view, std::string> example = {
      {"set", "sandbox.timeout=1s"}, {"name", "try"}, {"join", "web:ipc"}, {"hostname", "h"}, {"user", "1:2"}, {"userns", "single"},
      {"ro", "/a"}, {"rw", "/a:/b"}, {"volume", "/a:/b:ro"}, {"overlay", "/o"}, {"on-exit", "commit"}, {"tmp-overlay", "/a:/o"}, {"tmpfs", "/t:size=1M"}, {"hide", "/h"},
      {"home", "keep:a"}, {"rootfs", "r"}, {"workdir", "/w"}, {"env", "A=b"}, {"secret", "k=/f"}, {"net", "user"},
      {"allow", "github.com:443"}, {"deny", "udp://@lan"}, {"publish", "8080:80/udp"}, {"host-port", "5432"}, {"dns", "192.0.2.53"}, {"pcap", "p"},
      {"memory", "512M"}, {"memory-swap", "-1"}, {"cpus", "1.5"}, {"cpu-weight", "50"}, {"cpuset-cpus", "0-1,3"}, {"pids-limit", "64"},
      {"io-max", "/dev/sda rbps=1M"}, {"qos", "batch"}, {"timeout", "10m"}, {"kill-after", "2s"}, {"ulimit", "nofile=1:2"}, {"cap-add", "KILL"}, {"cap-drop", "ALL"},
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

TEST(CliSettings, TheFirstAllowEmptiesTheProfilesListAndSetAddsToIt) {
  const auto values = [](const profile::List& list) {
    std::vector<std::string> out;
    for (const profile::Item& item : list) out.push_back(item.value);
    return out;
  };
  const auto added = layer_of({"--set", "network.allow=+a.example"});
  EXPECT_EQ(values(added->net_allow), (std::vector<std::string>{"a.example"}));
  const auto both = layer_of({"--set", "network.allow=+a.example", "--allow", "b.example", "--deny", "@lan", "--allow", "c.example"});
  EXPECT_EQ(values(both->net_allow), (std::vector<std::string>{"!*", "a.example", "b.example", "c.example"}));
  EXPECT_EQ(values(both->net_deny), (std::vector<std::string>{"@lan"}));
}

TEST(CliSettings, NetworkValuesAreCheckedForForm) {
  for (const auto& [option, value, part] : {std::tuple("--allow", "exa mple", "not usable"), {"--deny", "a.example,tls", "tls"},
                                            {"--publish", "8080", "published port"}, {"--publish", "1-3:1-2", "published port"},
                                            {"--host-port", "0", "not a port"}, {"--host-port", "65536", "65536"}, {"--dns", "one.one", "not an address"}}) {
    const auto layer = layer_of({option, value});
    ASSERT_FALSE(layer) << option << " " << value;
    EXPECT_TRUE(layer.error().message.starts_with(text(option, ": "))) << layer.error().message;
    EXPECT_NE(layer.error().message.find(part), std::string::npos) << layer.error().message;
  }
  EXPECT_EQ(layer_of({"--pcap", "out.pcapng"})->net_pcap->value, "$PWD/./out.pcapng");
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
