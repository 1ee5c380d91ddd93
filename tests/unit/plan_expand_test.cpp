// What path items name on this machine.
#include "plan/expand.h"

#include <gtest/gtest.h>

namespace plan {
namespace {

Host alice() {
  Host host;
  host.uid = host.gid = 1000;
  host.home = "/home/alice";
  host.cwd = "/home/alice/work/deep", host.project = "/home/alice/work";
  host.environment = {{"XDG_RUNTIME_DIR", "/run/user/1000"}};
  return host;
}

std::string expanded(const std::string& path, const Host& host = alice()) {
  const auto result = expand_path(path, host);
  return result ? *result : "error: " + result.error().message;
}

profile::Item item(const std::string& value) { return {value, {"t"}}; }

TEST(PlanExpand, NamesAtTheFront) {
  EXPECT_EQ(expanded("~"), "/home/alice");
  EXPECT_EQ(expanded("~/x"), "/home/alice/x");
  EXPECT_EQ(expanded("$HOME/x"), "/home/alice/x");
  EXPECT_EQ(expanded("$PWD/x"), "/home/alice/work/deep/x");
  EXPECT_EQ(expanded("$PROJECT/.git"), "/home/alice/work/.git");
  EXPECT_EQ(expanded("$XDG_RUNTIME_DIR/bus"), "/run/user/1000/bus");
  EXPECT_EQ(expanded("/a/~/$HOME"), "/a/~/$HOME");
  EXPECT_EQ(expanded("x/y"), "/home/alice/work/deep/x/y");
  EXPECT_EQ(expanded("./$NAME"), "/home/alice/work/deep/./$NAME");
}

TEST(PlanExpand, WhatIsNotKnownIsAnError) {
  Host bare = alice();
  bare.home.clear(), bare.cwd.clear(), bare.environment = {{"XDG_RUNTIME_DIR", "relative"}};
  EXPECT_EQ(expanded("~/x", bare), "error: home directory is not known");
  EXPECT_EQ(expanded("x", bare), "error: working directory was deleted");
  EXPECT_EQ(expanded("$PWD", bare), "error: working directory was deleted");
  EXPECT_EQ(expanded("$PROJECT", bare), "error: working directory was deleted");
  EXPECT_EQ(expanded("$XDG_RUNTIME_DIR", bare), "error: XDG_RUNTIME_DIR is not set to an absolute path");
  EXPECT_EQ(expanded(""), "error: path is empty");
  EXPECT_EQ(expanded("$OTHER/x"), "error: unknown variable $OTHER");
  EXPECT_EQ(expanded("~bob/x"), "error: unknown variable ~bob");
  EXPECT_NE(expand_path("$OTHER", alice()).error().hint.find("$PROJECT"), std::string::npos);
}

TEST(PlanExpand, AProjectIsNeverMoreThanAProject) {
  struct Case { const char* project; const char* why; };
  for (const Case& each : {Case{"/", "is the whole file system"}, Case{"/home/alice", "is your home"}, Case{"/home", "holds your home"},
                           Case{"/home/alice/.ssh", "is a place of secrets"}, Case{"/home/alice/.ssh/keys", "is a place of secrets"},
                           Case{"/home/alice/.config", "is a place of secrets"}, Case{"/home/alice/.local/share/sbx/homes/x", "is a place of secrets"},
                           Case{"/etc", "belongs to the system"}, Case{"/etc/nginx", "belongs to the system"}, Case{"/usr/lib", "belongs to the system"},
                           Case{"/proc/1", "belongs to the system"}}) {
    Host host = alice();
    host.project = each.project;
    const auto project = project_directory(host);
    ASSERT_FALSE(project) << each.project;
    EXPECT_EQ(project.error().message, std::string("project ") + each.project + ": " + each.why);
    EXPECT_NE(project.error().hint.find("--rw DIR"), std::string::npos);
  }
  for (const char* good : {"/home/alice/work", "/home/alice/.ssh-tools", "/home/bob/x", "/srv/x", "/usr/src/linux", "/etcetera", "/tmp/x"}) {
    Host host = alice();
    host.project = good;
    EXPECT_EQ(project_directory(host).value_or("refused"), good);
  }
}

TEST(PlanExpand, PathItems) {
  const auto same = parse_path_item(item("~/a"), alice());
  ASSERT_TRUE(same);
  EXPECT_EQ(same->outside, "/home/alice/a");
  EXPECT_EQ(same->inside, "/home/alice/a");
  EXPECT_FALSE(same->optional);
  const auto moved = parse_path_item(item("data:/srv/../data?"), alice());
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->outside, "/home/alice/work/deep/data");
  EXPECT_EQ(moved->inside, "/data");
  EXPECT_TRUE(moved->optional);
  const auto colon = parse_path_item(item("/a\\:b:/c"), alice());
  ASSERT_TRUE(colon);
  EXPECT_EQ(colon->outside, "/a:b");
  EXPECT_EQ(colon->inside, "/c");
}

TEST(PlanExpand, DotsAreResolvedForTheInsideOnly) {
  const auto dots = parse_path_item(item("/a/link/../b"), alice());
  ASSERT_TRUE(dots);
  EXPECT_EQ(dots->outside, "/a/link/../b") << "the kernel resolves it: link may lead elsewhere";
  EXPECT_EQ(dots->inside, "/a/b");
  const auto climbing = parse_path_item(item("/a:/../../etc"), alice());
  ASSERT_TRUE(climbing);
  EXPECT_EQ(climbing->inside, "/etc");
}

TEST(PlanExpand, BadItemsAreNamed) {
  EXPECT_EQ(parse_path_item(item("/a:b"), alice()).error().message, "'/a:b': b is relative");
  EXPECT_EQ(parse_path_item(item("/a:/b:/c"), alice()).error().message, "'/a:/b:/c' has too many colons");
  EXPECT_FALSE(parse_path_item(item("/a:"), alice()));
  EXPECT_FALSE(parse_path_item(item("?"), alice())->optional) << "a file of that name";
  EXPECT_EQ(parse_path_item(item("/a:\nx"), alice()).error().message, "'/a:\\nx': \\nx is relative");
}

}  // namespace
}  // namespace plan
