// The launch where openat2(2) is ENOSYS: the walker builds the same mounts, and the guards hold.
#include "harness/surroundings.h"

#include <sstream>

using namespace harness;

namespace {

class Walker : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    dir.write("project/.git/config", "[core]\n");
    dir.make("project/.git/hooks");
    dir.write("project/hidden", "secret\n");
    dir.write("token", "secret\n");
  }

  Outcome launch(const Words& options, const Words& command, bool with_openat2) const {
    Command sbx{.argv = {sbx_failpoints_binary()}, .cwd = dir / "project"};
    if (!with_openat2) sbx.environment.emplace_back("SBX_FAIL_NOSYS=openat2");
    const std::string probe = payload("probe");
    sbx.argv.insert(sbx.argv.end(), options.begin(), options.end());
    for (const std::string& word : {std::string("--ro"), probe + ":/run/probe", std::string("--"), std::string("/run/probe")})
      sbx.argv.push_back(word);
    sbx.argv.insert(sbx.argv.end(), command.begin(), command.end());
    return run(sbx);
  }

  // "root place options type": what mountinfo says without its ids and devices (proc_pid_mountinfo(5)).
  static Words mount_lines(const Outcome& outcome) {
    Words out;
    for (const std::string& line : values_of(outcome, "mount")) {
      std::istringstream words(line);
      std::string id, parent, device, root, place, options, rest;
      words >> id >> parent >> device >> root >> place >> options;
      while (words >> rest && rest != "-") {}
      words >> rest;
      out.push_back(root + " " + place + " " + options + " " + rest);
    }
    return out;
  }

  void expect_same_mounts(const Words& options) const {
    const Outcome with = launch(options, {"mounts"}, true), without = launch(options, {"mounts"}, false);
    ASSERT_EQ(with.status, 0) << with.err;
    ASSERT_EQ(without.status, 0) << without.err;
    EXPECT_GT(mount_lines(with).size(), 10U);
    EXPECT_EQ(mount_lines(with), mount_lines(without));
  }
};

TEST_F(Walker, ABaseLaunchHasTheSameMounts) { expect_same_mounts({}); }

TEST_F(Walker, AProjectHasTheSameMounts) {
  expect_same_mounts({"--profile", "dev", "--hide", dir / "project/hidden", "--secret", "token=" + (dir / "token"), "--tmpfs", "/lib/x/../../srv"});
}

TEST_F(Walker, ARangeHasTheSameMounts) {
  SKIP_IF(no_id_range());
  expect_same_mounts({"--user", "root"});
}

TEST_F(Walker, GuardsHold) {
  const Words options{"--profile", "dev", "--hide", dir / "project/hidden"};
  const Outcome found = launch(options, {"write", dir / "project/.git/config", "and", "stat", dir / "project/hidden", "and", "write",
                                         dir / "project/new"}, false);
  EXPECT_EQ(value_of(found, "write"), (dir / "project/.git/config") + " EROFS") << found.err;
  EXPECT_TRUE(value_of(found, "stat")->ends_with(" 0")) << *value_of(found, "stat");
  EXPECT_EQ(values_of(found, "write").back(), (dir / "project/new") + " 0");
}

TEST_F(Walker, ErrorsNameThePlace) {
  const Outcome missing = launch({"--rw", dir / "project", "--ro", "/usr:" + (dir / "project/not/there")}, {"ids"}, false);
  EXPECT_EQ(missing.status, 125);
  EXPECT_NE(missing.err.find("project/not"), std::string::npos) << missing.err;
  EXPECT_NE(missing.err.find("hint: "), std::string::npos) << missing.err;
}

}  // namespace
