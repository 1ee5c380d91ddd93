// The attack program in a sandbox, in each of the profiles that a hostile program may meet, and without one.
#pragma once

#include "harness/surroundings.h"

#include <algorithm>
#include <filesystem>

namespace escape {

using namespace harness;

inline Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Control runs: what the same attack reaches where nothing stands in its way.
inline Outcome attack_outside(const Words& words, const std::string& cwd = "/") {
  return run({.argv = Words{payload("attack")} + words, .cwd = cwd});
}
inline Words unshared(const Words& options, const Words& words) {
  return Words{"unshare"} + options + Words{"--", payload("attack")} + words;
}

inline bool has(const Outcome& outcome, std::string_view line) {
  return ("\n" + outcome.out).find("\n" + std::string(line) + "\n") != std::string::npos;
}
inline std::string all(const Outcome& outcome) {
  return "status " + std::to_string(outcome.status) + " signal " + std::to_string(outcome.signal) + "\n" + outcome.out + outcome.err;
}

class EscapeTest : public SystemTest {
 protected:
  // The arguments of sbx up to "--": /attack is the program inside.
  Words sandbox(const std::string& profile, const Words& options = {}) {
    Words words{"--profile", profile};
    if (profile == "container") words = words + Words{"--rootfs", rootfs()};
    else words = words + Words{"--ro", payload("attack") + ":/attack"};
    return words + options + Words{"--", "/attack"};
  }
  Outcome attack(const std::string& profile, const Words& words, const Words& options = {}) {
    return run_sbx(sandbox(profile, options) + words);
  }

 private:
  std::string rootfs() {
    const std::string root = dir.make("rootfs");
    for (const char* name : {"proc", "dev", "sys", "tmp", "run", "root", "etc"}) dir.make("rootfs/" + std::string(name));
    if (!std::filesystem::exists(root + "/attack")) std::filesystem::copy(payload("attack"), root + "/attack");
    return root;
  }
};

// The same attack in base, dev and container.
class EveryProfile : public EscapeTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    EscapeTest::SetUp();
    if (!IsSkipped() && GetParam() == "container") SKIP_IF(no_id_range());
  }
  Outcome attack_here(const Words& words, const Words& options = {}) { return attack(GetParam(), words, options); }
};

#define IN_EVERY_PROFILE(fixture)                                                        \
  INSTANTIATE_TEST_SUITE_P(, fixture, testing::Values("base", "dev", "container"), \
                           [](const auto& each) { return each.param; })

}  // namespace escape
