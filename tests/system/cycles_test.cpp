// Started and ended over and over, by the way of each kind, nothing may pile up: no process, mount, directory or control
// group, and no descriptor of what lives on. SBX_SOAK=1 makes it 5,000 times, 1,000 of each kind.
#include "harness/surroundings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace harness;
namespace fs = std::filesystem;

namespace {

int cycles() {
  const char* soak = std::getenv("SBX_SOAK");
  return soak != nullptr && *soak != 0 ? 1000 : 20;
}

std::size_t entries_of(const std::string& directory) {
  std::error_code error;
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory, error), fs::directory_iterator()));
}

class CyclesTest : public SystemTest, public testing::WithParamInterface<const char*> {
 protected:
  std::string place() const { return std::string(std::getenv("XDG_STATE_HOME")) + "/sbx/sandboxes"; }
  static std::string own_group() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
    return {};
  }
  std::size_t groups() const {
    std::size_t found = 0;
    for (const std::string& base : {own_group(), fs::path(own_group()).parent_path().string()}) {
      std::error_code error;
      for (const auto& each : fs::directory_iterator(base, error)) found += each.path().filename().string().starts_with("sbx-");
    }
    return found;
  }
  void cycle(const std::string& kind) {
    const auto ends = [&](Words words, int status) {
      const Outcome outcome = run_sbx(std::move(words));
      ASSERT_EQ(outcome.status, status) << outcome.err;
    };
    if (kind == "Unnamed") return ends({"--", "true"}, 0);
    if (kind == "Timeout") return ends({"--timeout", "5ms", "--kill-after", "5ms", "--", "sleep", "1000"}, 124);
    if (kind == "Exec") return ends({"exec", "stays", "--", "true"}, 0);
    if (kind == "Named") ends({"--name", "one", "--", "sh", "-c", "exit 3"}, 3);
    if (kind == "Detached") ends({"-d", "--name", "one", "--", "sleep", "1000"}, 0);
    ends({"rm", "--force", "one"}, 0);
  }
};

TEST_P(CyclesTest, NothingPilesUp) {
  // With a limit that a launcher with one more descriptor for each of twenty commands would run into.
  const Outcome started = run_shell("ulimit -n 40; exec \"$sbx\" -d --name stays -- sleep 100000");
  ASSERT_EQ(started.out, "stays\n") << started.err;
  cycle(GetParam());
  const std::size_t open = entries_of("/proc/self/fd"), groups_before = groups();
  for (int number = 0; number < cycles() && !HasFatalFailure(); ++number) cycle(GetParam());
  EXPECT_EQ(entries_of("/proc/self/fd"), open);
  EXPECT_TRUE(eventually([&] { return groups() <= groups_before; }, 60s)) << groups() << " groups instead of " << groups_before;  // other tests have some
  EXPECT_TRUE(eventually([] { return children().size() == 1; })) << children().size() << " processes beside that which stays";
  EXPECT_EQ(entries_of(place()), 1u);
  EXPECT_EQ(run_sbx({"exec", "stays", "--", "true"}).status, 0);
  EXPECT_EQ(run_sbx({"rm", "--force", "stays"}).status, 0);
  EXPECT_EQ(entries_of(place()), 0u);
}
INSTANTIATE_TEST_SUITE_P(All, CyclesTest, testing::Values("Unnamed", "Named", "Detached", "Exec", "Timeout"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
