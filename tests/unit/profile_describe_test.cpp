// What is printed parses back to the same values.
#include "profile/describe.h"

#include "profile/builtin.h"
#include "profile/keys.h"
#include "profile/merge.h"
#include "profile/parse.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace profile {
namespace {

// The same values, wherever they came from. Entries of a map have no order.
Profile without_origins(Profile in) {
  in.chain.clear();
  for (const Key& key : keys()) {
    if (const auto* scalar = std::get_if<Scalar Profile::*>(&key.member)) {
      if (in.**scalar) (in.**scalar)->origin = {};
    } else if (const auto* list = std::get_if<List Profile::*>(&key.member)) {
      for (Item& item : in.**list) item.origin = {};
    } else {
      Map& map = in.*std::get<Map Profile::*>(key.member);
      for (auto& [name, item] : map) item.origin = {};
      std::ranges::sort(map, {}, &Map::value_type::first);
    }
  }
  return in;
}

void expect_round_trip(const Profile& before) {
  for (const bool origin : {false, true}) {
    const std::string toml = describe_profile(before, origin);
    const auto after = parse_profile(toml, "printed");
    ASSERT_TRUE(after) << after.error().message << "\n" << toml;
    EXPECT_EQ(without_origins(*after), without_origins(before)) << toml;
  }
}

TEST(ProfileDescribe, ShippedProfilesParseBack) {
  for (const Builtin& builtin : builtins()) expect_round_trip(layer_of(builtin));
}

// One value of every form the table knows.
Profile full_profile() {
  const auto parsed = parse_profile(R"(
description = "quotes \" and \\ and \n, \u0007, \u007f, \u0085 and é"
extends = ["base"]
[sandbox]
name = "n"
join = "web:ipc,uts"
user = "1:2"
userns = "range"
hostname = "h"
workdir = "/w"
terminal = "on"
timeout = 5
kill_after = "1s"
boottime = "-1h"
monotonic = "2m"
[filesystem]
root = "host"
home = "keep:x"
read_only = ["/a b:/c?", "~/d\\:e"]
read_write = ["$PROJECT"]
overlay = ["/o"]
tmp_overlay = ["/o:/t?"]
overlay_engine = "kernel"
on_exit = "discard"
tmpfs = ["/t:size=1M"]
hide = ["/h?"]
protect = ["$PWD/.git"]
[network]
mode = "user"
pcap = "/p"
allow = ["tcp://*.example.com:443,tls", "[2001:db8::1]:80"]
deny = ["@lan"]
publish = ["127.0.0.1:8080-8081:80-81/udp"]
host_ports = [5432, "80"]
dns = ["2001:db8::53"]
[resources]
memory = "512M"
memory_high = 400000000
swap = "total:1G"
cpus = 1.5
cpu_weight = 50
cpu_burst = "20ms"
cpu_idle = false
cpuset = "0-1,3"
pids = 64
io_max = ["/dev/sda rbps=1M wiops=max"]
io_weight = 200
qos = "burstable"
parent = "/a/b"
on_unavailable = "warn"
[resources.ulimit]
nofile = 10
core = "0:unlimited"
[seccomp]
default = "kill"
errno = "EPERM"
use = ["@default"]
allow = ["socket:vsock"]
deny = ["@aio"]
log = ["openat"]
abis = ["x86"]
[security]
capabilities = ["KILL"]
landlock = "off"
nested_userns = true
no_new_privileges = true
allow_degraded = ["hide"]
[environment]
pass = ["LC_*"]
secret = ["a=/b"]
set = { "a.b c" = "", PLAIN = "x\ty", "\"" = "#" }
)",
                                    "t");
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

TEST(ProfileDescribe, EveryKeyParsesBack) {
  const Profile full = full_profile();
  const std::string toml = "\n" + describe_profile(full, false);
  for (const Key& key : keys()) {
    const std::string_view last = key.name.substr(key.name.find('.') + 1);
    EXPECT_NE(toml.find(text("\n", last, holds<Map>(key) ? "." : " = ")), std::string::npos) << key.name;
  }
  expect_round_trip(full);
}

TEST(ProfileDescribe, OriginsFollowEachValue) {
  Profile merged =
      merge(*parse_profile("[filesystem]\nhome = \"empty\"\nread_only = [\"/usr\"]\n", "base"),
            *parse_profile("[filesystem]\n\nhome = \"private\"\nread_only = [\"/opt\"]\n[environment.set]\nA = \"1\"\n",
                           "dev"));
  merged.user = Item{"root", {"command line"}};
  EXPECT_EQ(describe_profile(merged, true),
            "[sandbox]\n"
            "user = \"root\"  # command line\n"
            "\n"
            "[filesystem]\n"
            "home = \"private\"  # dev:3\n"
            "read_only = [\n"
            "  \"/usr\",  # base:3\n"
            "  \"/opt\",  # dev:4\n"
            "]\n"
            "\n"
            "[environment]\n"
            "set.A = \"1\"  # dev:6\n");
}

TEST(ProfileDescribe, LongListsAreBroken) {
  Profile profile;
  for (int i = 0; i < 30; ++i) profile.env_pass.push_back({text("VARIABLE_", i), {}});
  EXPECT_NE(describe_profile(profile, false).find("pass = [\n  \"VARIABLE_0\",\n"), std::string::npos);
  expect_round_trip(profile);
}

TEST(ProfileDescribe, DifferencesNameEachValue) {
  const Profile a = *parse_profile(
      "[sandbox]\nuser = \"self\"\n[filesystem]\nread_only = [\"/a\", \"/b\"]\n[environment.set]\nX = \"1\"\nY = \"1\"",
      "a");
  const Profile b = *parse_profile(
      "[sandbox]\nhostname = \"h\"\n[filesystem]\nread_only = [\"/b\", \"/c\"]\n[environment.set]\nX = \"1\"\nY = "
      "\"2\"",
      "b");
  EXPECT_EQ(describe_difference(a, b),
            "- sandbox.user = \"self\"\n"
            "+ sandbox.hostname = \"h\"\n"
            "- filesystem.read_only: \"/a\"\n"
            "+ filesystem.read_only: \"/c\"\n"
            "- environment.set.Y = \"1\"\n"
            "+ environment.set.Y = \"2\"\n");
  EXPECT_EQ(describe_difference(a, a), "");
}

}  // namespace
}  // namespace profile
