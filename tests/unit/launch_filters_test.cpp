// What is embedded is what would be compiled now.
#include "launch/filters.h"

#include "profile/builtin.h"
#include "profile/merge.h"

#include <cstring>
#include <gtest/gtest.h>

namespace {

bool same(std::span<const sock_filter> a, std::span<const sock_filter> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

Result<profile::Profile> load(const std::string& name) {
  const profile::Builtin* builtin = profile::find_builtin(name);
  if (builtin == nullptr) return fail("no profile ", name);
  return profile::layer_of(*builtin);
}

bool is_embedded(const plan::Seccomp& policy) {
  for (const auto& filter : launch::embedded_filters())
    if (filter.key == launch::filter_key(policy)) return true;
  return false;
}

TEST(LaunchFilters, TheFilterOfEveryShippedProfileIsEmbedded) {
  for (const profile::Builtin& builtin : profile::builtins()) {
    const auto profile = profile::resolve({std::string(builtin.name)}, load);
    ASSERT_TRUE(profile) << profile.error().message;
    const auto policy = plan::make_seccomp(*profile);
    ASSERT_TRUE(policy) << policy.error().message;
    if (!policy->enabled) continue;
    EXPECT_TRUE(is_embedded(*policy)) << builtin.name;
    const auto loaded = launch::load_filter(*policy), compiled = launch::compile_filter(*policy);
    ASSERT_TRUE(loaded.has_value() && compiled.has_value());
    EXPECT_TRUE(same(*loaded, *compiled)) << builtin.name;
  }
}

TEST(LaunchFilters, OthersAreCompiled) {
  profile::Profile profile;
  profile.seccomp_deny = {{"getcwd", {}}};
  const auto policy = plan::make_seccomp(profile);
  ASSERT_TRUE(policy);
  EXPECT_FALSE(is_embedded(*policy));
  const auto loaded = launch::load_filter(*policy), compiled = launch::compile_filter(*policy);
  ASSERT_TRUE(loaded.has_value() && compiled.has_value());
  EXPECT_TRUE(same(*loaded, *compiled));
}

// Each field by itself changes the key; the name, which the filter does not hold, changes nothing.
TEST(LaunchFilters, KeysDifferWherePoliciesDo) {
  plan::Seccomp policy;
  policy.abis = {"x86"};
  policy.rules = {{"read", plan::SyscallAction::deny, 1, {{1, 2, 2, false}}}, {"write"}};
  const std::vector<void (*)(plan::Seccomp&)> changes{
      [](plan::Seccomp& p) { p.otherwise = plan::SyscallAction::kill; }, [](plan::Seccomp& p) { p.otherwise_code = 38; },
      [](plan::Seccomp& p) { p.abis = {"x32"}; }, [](plan::Seccomp& p) { p.abis.clear(); },
      [](plan::Seccomp& p) { p.rules.pop_back(); }, [](plan::Seccomp& p) { p.rules[0].call = "readv"; },
      [](plan::Seccomp& p) { p.rules[0].action = plan::SyscallAction::log; }, [](plan::Seccomp& p) { p.rules[0].code = 2; },
      [](plan::Seccomp& p) { p.rules[0].compares.clear(); }, [](plan::Seccomp& p) { p.rules[0].compares[0].index = 0; },
      [](plan::Seccomp& p) { p.rules[0].compares[0].mask = 3; }, [](plan::Seccomp& p) { p.rules[0].compares[0].value = 0; },
      [](plan::Seccomp& p) { p.rules[0].compares[0].negate = true; }};
  for (const auto change : changes) {
    plan::Seccomp changed = policy;
    change(changed);
    EXPECT_NE(launch::filter_key(policy), launch::filter_key(changed)) << &change - changes.data();
  }
  plan::Seccomp renamed = policy;
  renamed.name = "custom";
  EXPECT_EQ(launch::filter_key(policy), launch::filter_key(renamed));
}

}  // namespace
