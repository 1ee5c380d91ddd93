// Id maps for every kind of caller and request.
#include "plan/identity.h"

#include <gtest/gtest.h>

#include <algorithm>

inline void PrintTo(const IdMap& map, std::ostream* out) { *out << map.inside << "=" << map.outside << "+" << map.count; }

namespace plan {
namespace {

using Maps = std::vector<IdMap>;

Host alice() {
  Host host;
  host.uid = 1000, host.gid = 1001;
  host.user = "alice", host.group = "alice", host.home = "/home/alice";
  return host;
}

Host alice_with_range() {
  Host host = alice();
  host.subuids = {{100000, 65536}}, host.subgids = {{200000, 65536}};
  return host;
}

Host root() {
  Host host;
  host.user = host.group = "root", host.home = "/root";
  return host;
}

profile::Profile asking(const std::string& user, const std::string& userns = "") {
  profile::Profile profile;
  if (!user.empty()) profile.user = profile::Item{user, {"t"}};
  if (!userns.empty()) profile.userns = profile::Item{userns, {"t"}};
  return profile;
}

Identity made(const profile::Profile& profile, const Host& host) {
  const auto identity = make_identity(profile, host);
  EXPECT_TRUE(identity) << identity.error().message;
  return identity ? *identity : Identity{};
}

Error refused(const profile::Profile& profile, const Host& host) {
  const auto identity = make_identity(profile, host);
  EXPECT_FALSE(identity);
  return identity ? Error{} : identity.error();
}

// No id inside or outside twice, nothing at 4294967295.
void expect_sound(const Maps& maps) {
  for (const IdMap& map : maps) {
    EXPECT_GT(map.count, 0U);
    EXPECT_LT(std::uint64_t{map.inside} + map.count - 1, UINT32_MAX);
    EXPECT_LT(std::uint64_t{map.outside} + map.count - 1, UINT32_MAX);
  }
  for (std::size_t i = 0; i < maps.size(); ++i)
    for (std::size_t j = i + 1; j < maps.size(); ++j) {
      EXPECT_TRUE(maps[i].inside + maps[i].count <= maps[j].inside || maps[j].inside + maps[j].count <= maps[i].inside);
      EXPECT_TRUE(maps[i].outside + maps[i].count <= maps[j].outside || maps[j].outside + maps[j].count <= maps[i].outside);
    }
}

TEST(PlanIdentity, SelfIsOneMapThatInitWrites) {
  for (const Host& host : {alice(), alice_with_range()}) {
    const Identity identity = made(asking(""), host);
    EXPECT_EQ(identity.writer, MapWriter::init);
    EXPECT_EQ(identity.uids, (Maps{{1000, 1000, 1}}));
    EXPECT_EQ(identity.gids, (Maps{{1001, 1001, 1}}));
    EXPECT_EQ(identity.uid, 1000U);
    EXPECT_EQ(identity.gid, 1001U);
    EXPECT_FALSE(identity.switch_ids);
    EXPECT_FALSE(identity.drop_groups);
  }
}

TEST(PlanIdentity, UidAndGidInsideAreTheCallerOutside) {
  const Identity both = made(asking("7:8"), alice());
  EXPECT_EQ(both.uids, (Maps{{7, 1000, 1}}));
  EXPECT_EQ(both.gids, (Maps{{8, 1001, 1}}));
  const Identity one = made(asking("7"), alice());
  EXPECT_EQ(one.gids, (Maps{{7, 1001, 1}}));
  EXPECT_EQ(one.gid, 7U);
  const Identity largest = made(asking("4294967294:4294967294"), alice());
  EXPECT_EQ(largest.uid, 4294967294U);
}

TEST(PlanIdentity, WhatIsNoIdIsRefused) {
  for (const char* user : {"4294967295", "-1", "alice", "1:", ":1", "1:2:3", "1:4294967295", " 1"}) {
    const Error error = refused(asking(user), alice());
    EXPECT_TRUE(error.message.starts_with("user ") || error.message.starts_with("group ")) << user << ": " << error.message;
    EXPECT_EQ(error.hint, "write self, root, UID or UID:GID") << user;
  }
}

TEST(PlanIdentity, RootTakesTheRangeAroundTheCaller) {
  EXPECT_TRUE(wants_range(asking("root")));
  const Identity identity = made(asking("root"), alice_with_range());
  EXPECT_EQ(identity.writer, MapWriter::newidmap);
  EXPECT_EQ(identity.uids, (Maps{{0, 1000, 1}, {1, 100000, 65536}}));
  EXPECT_EQ(identity.gids, (Maps{{0, 1001, 1}, {1, 200000, 65536}}));
  EXPECT_TRUE(identity.switch_ids);
}

TEST(PlanIdentity, RootWithASingleMapNeedsNoRange) {
  EXPECT_FALSE(wants_range(asking("root", "single")));
  const Identity identity = made(asking("root", "single"), alice());
  EXPECT_EQ(identity.writer, MapWriter::init);
  EXPECT_EQ(identity.uids, (Maps{{0, 1000, 1}}));
}

TEST(PlanIdentity, SelfWithARangeKeepsTheOwnId) {
  const Identity identity = made(asking("self", "range"), alice_with_range());
  EXPECT_EQ(identity.uids, (Maps{{0, 100000, 1000}, {1000, 1000, 1}, {1001, 101000, 64536}}));
  EXPECT_EQ(identity.gids, (Maps{{0, 200000, 1001}, {1001, 1001, 1}, {1002, 201001, 64535}}));
  EXPECT_EQ(identity.uid, 1000U);
}

TEST(PlanIdentity, AnIdBeyondTheRangeStillHasItsPlace) {
  Host host = alice_with_range();
  host.uid = 4000000000;
  const Identity identity = made(asking("self", "range"), host);
  EXPECT_EQ(identity.uids, (Maps{{0, 100000, 65536}, {4000000000, 4000000000, 1}}));
}

TEST(PlanIdentity, SeveralRangesFollowEachOther) {
  Host host = alice_with_range();
  host.subuids = {{100000, 10}, {300000, 1000}, {500000, 5}};
  const Identity as_root = made(asking("root"), host);
  EXPECT_EQ(as_root.uids, (Maps{{0, 1000, 1}, {1, 100000, 10}, {11, 300000, 1000}, {1011, 500000, 5}}));
  const Identity kept = made(asking("15", "range"), host);
  EXPECT_EQ(kept.uids, (Maps{{0, 100000, 10}, {10, 300000, 5}, {15, 1000, 1}, {16, 300005, 995}, {1011, 500000, 5}}));
  expect_sound(kept.uids);
  std::uint64_t all = 0;
  for (const IdMap& map : kept.uids) all += map.count;
  EXPECT_EQ(all, 10U + 1000 + 5 + 1);
}

TEST(PlanIdentity, EveryPlaceOfTheOwnIdGivesSoundMaps) {
  Host host = alice_with_range();
  host.subuids = {{100000, 3}, {200000, 3}};
  for (Id id = 0; id < 9; ++id) {
    const Identity identity = made(asking(std::to_string(id), "range"), host);
    expect_sound(identity.uids);
    const auto own = std::ranges::find(identity.uids, 1000U, &IdMap::outside);
    ASSERT_NE(own, identity.uids.end());
    EXPECT_EQ(*own, (IdMap{id, 1000, 1}));
  }
}

TEST(PlanIdentity, AMissingRangeSaysTheLineToAdd) {
  const Error no_uids = refused(asking("root"), alice());
  EXPECT_EQ(no_uids.message, "no subordinate ids for alice in /etc/subuid");
  EXPECT_NE(no_uids.hint.find("'alice:100000:65536' to /etc/subuid"), std::string::npos) << no_uids.hint;
  EXPECT_NE(no_uids.hint.find("usermod --add-subuids 100000-165535 alice"), std::string::npos) << no_uids.hint;
  Host half = alice_with_range();
  half.subgids.clear();
  const Error no_gids = refused(asking("self", "range"), half);
  EXPECT_EQ(no_gids.message, "no subordinate ids for alice in /etc/subgid");
  EXPECT_NE(no_gids.hint.find("--add-subgids"), std::string::npos) << no_gids.hint;
}

TEST(PlanIdentity, RangesLargerThanAllIdsAreRefused) {
  Host host = alice_with_range();
  host.subuids = {{1, 4000000000}, {1, 4000000000}};
  EXPECT_NE(refused(asking("root"), host).message.find("too large"), std::string::npos);
}

TEST(PlanIdentity, TheOwnerOfARootFileSystemDecides) {
  profile::Profile profile = asking("root");
  profile.root = profile::Item{"/srv/root", {"t"}};
  Host host = alice_with_range();
  host.rootfs_owner = 1000;
  EXPECT_EQ(made(profile, host).uids, (Maps{{0, 1000, 1}, {1, 100000, 65536}}));
  host.rootfs_owner = 100000;
  const Identity by_range = made(profile, host);
  EXPECT_EQ(by_range.uids, (Maps{{0, 100000, 65536}}));
  EXPECT_EQ(by_range.gids, (Maps{{0, 200000, 65536}}));
  EXPECT_EQ(by_range.uid, 0U);
  for (const Id stranger : {Id{0}, Id{1001}, Id{100001}}) {
    host.rootfs_owner = stranger;
    const Error error = refused(profile, host);
    EXPECT_EQ(error.message, "root file system /srv/root belongs to user " + std::to_string(stranger));
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST(PlanIdentity, WhoseFilesTheCallerCannotRemove) {
  const Host alice = alice_with_range();
  EXPECT_FALSE(maps_other_ids(made(asking("self"), alice), 1000, 1001));
  Identity range = made(asking("root", "range"), alice);
  for (const MapWriter writer : {MapWriter::newidmap, MapWriter::joined}) {
    range.writer = writer;
    EXPECT_TRUE(maps_other_ids(range, 1000, 1001));
  }
  EXPECT_FALSE(maps_other_ids(range, 0, 0)) << "root needs no help";
  EXPECT_TRUE(maps_other_ids({.uids = {{0, 1000, 2}}, .gids = {{0, 1001, 1}}}, 1000, 1001));
  EXPECT_TRUE(maps_other_ids({.uids = {{0, 1000, 1}}, .gids = {{0, 1001, 1}, {1, 200000, 9}}}, 1000, 1001));
}

TEST(PlanIdentity, AnIdOutsideOfTheRangeIsRefused) {
  profile::Profile profile = asking("70000:5", "range");
  profile.root = profile::Item{"/srv/root", {"t"}};
  Host host = alice_with_range();
  host.rootfs_owner = 100000;
  EXPECT_EQ(refused(profile, host).message, "user 70000 lies outside the subordinate range");
}

TEST(PlanIdentity, RootOfTheHostIsNeverItselfInside) {
  const Identity nobody = made(asking("self"), root());
  EXPECT_EQ(nobody.writer, MapWriter::launcher);
  EXPECT_EQ(nobody.uids, (Maps{{0, 65534, 1}}));
  EXPECT_TRUE(nobody.drop_groups);
  EXPECT_TRUE(nobody.switch_ids);
  Host with_range = root();
  with_range.subuids = {{300000, 65536}}, with_range.subgids = {{400000, 65536}};
  EXPECT_EQ(made(asking("self"), with_range).uids, (Maps{{0, 300000, 1}}));
  EXPECT_EQ(made(asking("7:8"), with_range).gids, (Maps{{8, 400000, 1}}));
  EXPECT_EQ(made(asking("root"), with_range).uids, (Maps{{0, 300000, 65536}}));
  EXPECT_EQ(made(asking("root"), with_range).gids, (Maps{{0, 400000, 65536}}));
  for (const char* user : {"self", "root", "0", "0:0", "5"})
    for (const Host& host : {root(), with_range}) {
      const auto identity = make_identity(asking(user), host);
      if (!identity) continue;
      for (const IdMap& map : identity->uids) EXPECT_NE(map.outside, 0U) << user;
      for (const IdMap& map : identity->gids) EXPECT_NE(map.outside, 0U) << user;
    }
}

TEST(PlanIdentity, HostRootIsForRootAlone) {
  const Identity identity = made(asking("host-root"), root());
  EXPECT_EQ(identity.uids, (Maps{{0, 0, 1}}));
  EXPECT_TRUE(identity.drop_groups);
  const Error error = refused(asking("host-root"), alice_with_range());
  EXPECT_EQ(error.message, "user host-root: sbx does not run as root");
  EXPECT_EQ(error.hint, "use --user root");
}

}  // namespace
}  // namespace plan
