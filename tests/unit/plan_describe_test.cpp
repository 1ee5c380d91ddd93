// The plan in words: every step has its line, in order, and no name can forge one.
#include "plan/describe.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace plan {
namespace {

using Words = std::vector<std::string>;

Plan small_plan() {
  Plan plan;
  plan.hostname = "box";
  plan.identity.uid = 1000, plan.identity.gid = 1001;
  plan.identity.uids = {{0, 100000, 1000}, {1000, 1000, 1}}, plan.identity.gids = {{1001, 1001, 1}};
  plan.namespaces = {Namespace::user, Namespace::mount};
  plan.command = {.argv = {"make", "all"}, .environment = {"A=1", "B=x=y"}, .workdir = "/w", .search_path = "/bin"};
  return plan;
}

Words lines_of(const Plan& plan) {
  const std::string all = describe_text(plan);
  EXPECT_TRUE(all.ends_with('\n'));
  return split(all.substr(0, all.size() - 1), '\n');
}

// The one line of a topic and kind.
std::string line_of(const Plan& plan, const std::string& topic, const std::string& kind) {
  Words found;
  for (const Line& line : describe(plan))
    if (line.topic == topic && line.kind == kind) found.push_back(line.object + " | " + line.detail);
  EXPECT_EQ(found.size(), 1U) << topic << " " << kind;
  return found.empty() ? "" : found[0];
}

TEST(PlanDescribe, EveryStepHasItsWords) {
  struct Case { MountStep step; const char* kind; const char* detail; };
  const std::vector<Case> cases{
      {Tmpfs{.inside = "/i", .size = 64 << 20, .mode = 01777}, "tmpfs", "size 64M, mode 01777"},
      {Tmpfs{.inside = "/i", .mode = 0755, .read_only = true}, "tmpfs", "shared 25% of memory, mode 0755, read-only"},
      {Tmpfs{.inside = "/i", .mode = 0700, .in_root = true}, "directory", "in the root's tmpfs, mode 0700"},
      {Directory{"/i", 0700}, "directory", "mode 0700"},
      {Symlink{"/i", "usr/bin"}, "symlink", "to usr/bin"},
      {File{"/i", "text", 0644}, "file", "4 bytes, mode 0644"},
      {Copy{"/o", "/i", 0400}, "copy", "of /o, mode 0400"},
      {Bind{.outside = "/o", .inside = "/i"}, "bind", "from /o, read-only"},
      {Bind{.outside = "/o", .inside = "/i", .read_only = false, .optional = true}, "bind", "from /o, read-write, where it exists"},
      {Layered{.outside = "/etc", .inside = "/i", .files = {{"passwd", "x"}}, .hidden = {"shadow", "ssl/private"}}, "overlay",
       "of /etc, read-only, own passwd, without shadow ssl/private"},
      {Proc{"/i"}, "proc", ""},
      {Sysfs{"/i"}, "sysfs", "read-only"},
      {Devpts{"/i"}, "devpts", "own instance"},
      {Pin{.inside = "/i"}, "pin", "cannot be moved"},
      {Pin{.inside = "/i", .read_only = true, .watch = true}, "pin", "read-only, watched"},
      {Mask{.inside = "/i", .watch = true}, "mask", "empty, watched"},
      {Mask{.inside = "/i"}, "mask", "empty"}};
  for (const Case& each : cases) {
    Plan plan = small_plan();
    plan.mounts = {each.step};
    const std::vector<Line> lines = describe(plan);
    const auto found = std::ranges::find(lines, "/i", &Line::object);
    ASSERT_NE(found, lines.end()) << each.kind;
    EXPECT_EQ(found->kind, each.kind);
    EXPECT_EQ(found->detail, each.detail);
  }
}

TEST(PlanDescribe, TheOrderIsThatOfTheLaunch) {
  Plan plan = small_plan();
  plan.prepare = {"/kept"};
  plan.mounts = {Tmpfs{.inside = "/"}, Bind{.outside = "/b", .inside = "/b"}, Bind{.outside = "/a", .inside = "/a"}};
  plan.limits = {{"nofile", 7, 64, UINT64_MAX}};
  plan.timeout = std::chrono::minutes(1), plan.kill_after = std::chrono::seconds(10);
  plan.command.terminal = true;
  plan.degraded = {"landlock"};
  plan.notes = {"a note"};
  Words topics;
  for (const Line& line : describe(plan))
    if (topics.empty() || topics.back() != line.topic) topics.push_back(line.topic);
  EXPECT_EQ(topics, (Words{"prepare", "identity", "namespaces", "hostname", "mount", "network", "limit", "privileges", "landlock", "seccomp",
                           "environment", "timeout", "terminal", "command", "degraded", "note"}));
  Words mounts;
  for (const Line& line : describe(plan))
    if (line.topic == "mount") mounts.push_back(line.object);
  EXPECT_EQ(mounts, (Words{"/", "/b", "/a"}));
  EXPECT_EQ(line_of(plan, "limit", "rlimit"), "nofile | 64, hard unlimited");
  EXPECT_EQ(line_of(plan, "timeout", "after"), "1m | KILL 10s later");
}

TEST(PlanDescribe, IdentityAndCommand) {
  const Plan plan = small_plan();
  EXPECT_EQ(line_of(plan, "identity", "user"), "1000 | inside = outside: 0-999 = 100000-100999, 1000 = 1000; maps by init");
  EXPECT_EQ(line_of(plan, "identity", "group"), "1001 | inside = outside: 1001 = 1001");
  EXPECT_EQ(line_of(plan, "namespaces", "new"), "user mount | ");
  EXPECT_EQ(line_of(plan, "command", "run"), "make all | in /w");
  Words environment;
  for (const Line& line : describe(plan))
    if (line.topic == "environment") environment.push_back(line.object + "|" + line.detail);
  EXPECT_EQ(environment, (Words{"A|1", "B|x=y"}));
}

TEST(PlanDescribe, TimeOffsetsOnlyWithTheNamespace) {
  Plan plan = small_plan();
  plan.time.boottime = std::chrono::hours(1), plan.time.monotonic = std::chrono::seconds(-5);
  const Words without = lines_of(plan);
  EXPECT_EQ(std::ranges::count_if(without, [](const std::string& line) { return line.find("offsets") != std::string::npos; }), 0);
  plan.namespaces.push_back(Namespace::time);
  EXPECT_EQ(line_of(plan, "namespaces", "time"), "offsets | boottime 1h, monotonic -5s");
}

// Whatever a user, a file or a project names: one step stays one line, and a terminal acts on none of it.
TEST(PlanDescribe, NoNameForgesALine) {
  const std::string evil = "x\nmount       bind      /etc from /etc\x1b[2K\r";
  const std::size_t plain = lines_of(small_plan()).size();
  Plan plan = small_plan();
  plan.prepare = {evil};
  plan.mounts = {Tmpfs{.inside = evil}, Directory{evil}, Symlink{evil, evil}, File{evil, evil}, Copy{evil, evil}, Bind{.outside = evil, .inside = evil},
                 Layered{.outside = evil, .inside = evil, .files = {{evil, ""}}, .hidden = {evil}}, Proc{evil}, Sysfs{evil}, Devpts{evil},
                 Pin{.inside = evil}, Mask{.inside = evil}};
  plan.limits = {{evil, 0, 1, 1}};
  plan.privileges.capabilities = {evil};
  plan.landlock = {.abi = 3, .read_only = {evil}, .read_write = {evil}};
  plan.command = {.argv = {evil, evil}, .environment = {"A=" + evil, evil + "=1"}, .workdir = evil, .search_path = evil};
  plan.degraded = {evil}, plan.notes = {evil};
  plan.hostname = evil;
  const Words lines = lines_of(plan);
  EXPECT_EQ(lines.size(), plain + 1 + 12 + 1 + 1 + 1) << "prepare, 12 mounts, a limit, degraded, a note";
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find_first_of("\x1b\r"), std::string::npos) << line;
    EXPECT_FALSE(line.starts_with("mount       bind      /etc from")) << line;
    EXPECT_EQ(line.find("mount       bind      /etc") == std::string::npos || line.find("x\\nmount") != std::string::npos, true) << line;
  }
}

TEST(PlanDescribe, ColumnsStayReadable) {
  Plan plan = small_plan();
  plan.mounts = {Bind{.outside = "/o", .inside = "/i"}, Bind{.outside = "/o", .inside = "/" + std::string(100, 'x')}};
  for (const std::string& line : lines_of(plan)) EXPECT_FALSE(line.ends_with(' ')) << line;
  const Words lines = lines_of(plan);
  const auto near = std::ranges::find_if(lines, [](const std::string& line) { return line.find(" /i ") != std::string::npos; });
  ASSERT_NE(near, lines.end());
  EXPECT_EQ(near->find("from /o"), 12U + 10 + 40 + 1) << *near;
}

}  // namespace
}  // namespace plan
