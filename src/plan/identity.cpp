// Id maps. Whoever runs as `inside` is the caller outside; a subordinate range fills the other numbers.
// Root is never mapped to root by itself: its ids outside are its subordinate range's, else nobody's.
#include "plan/identity.h"

#include "base/units.h"

#include <algorithm>

namespace plan {

namespace {

constexpr Id nobody = 65534;
constexpr std::uint64_t all_ids = std::uint64_t{UINT32_MAX} - 1;

struct Asked {
  std::string user = "self";
  bool single = false, range = false;  // --userns; neither: as the user needs it
};

std::string value_or(const profile::Scalar& scalar, std::string otherwise) {
  return scalar ? scalar->value : std::move(otherwise);
}

Asked asked_of(const profile::Profile& profile) {
  Asked asked{.user = value_or(profile.user, "self")};
  const std::string userns = value_or(profile.userns, "auto");
  asked.single = userns == "single";
  asked.range = userns == "range" || (userns == "auto" && asked.user == "root");
  return asked;
}

struct InsideIds { Id uid, gid; };

Result<InsideIds> inside_ids(const std::string& user, const Host& host) {
  if (user == "self") return InsideIds{host.uid, host.gid};
  if (user == "root" || user == "host-root") return InsideIds{0, 0};
  const std::size_t colon = user.find(':');
  const auto uid = parse_number(std::string_view(user).substr(0, colon), all_ids);
  if (!uid) return fail_hint("write self, root, UID or UID:GID", "user ", uid.error().message);
  if (colon == std::string::npos) return InsideIds{static_cast<Id>(*uid), static_cast<Id>(*uid)};
  const auto gid = parse_number(std::string_view(user).substr(colon + 1), all_ids);
  if (!gid) return fail_hint("write self, root, UID or UID:GID", "group ", gid.error().message);
  return InsideIds{static_cast<Id>(*uid), static_cast<Id>(*gid)};
}

// `inside` = `outside`, and the ranges over the numbers around it from 0 up.
std::vector<IdMap> map_around(Id inside, Id outside, const std::vector<IdRange>& ranges) {
  std::vector<IdMap> maps{{inside, outside, 1}};
  std::uint64_t next = 0;
  for (IdRange range : ranges) {
    while (range.count > 0) {
      if (next == inside) ++next;
      const std::uint64_t room = next < inside ? inside - next : all_ids - next;
      const auto taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(range.count, room));
      if (taken == 0) break;
      maps.push_back({static_cast<Id>(next), range.first, taken});
      next += taken, range.first += taken, range.count -= taken;
    }
  }
  std::ranges::sort(maps, {}, &IdMap::inside);
  return maps;
}

// Inside 0… is the range itself: a root file system that belongs to the range.
std::vector<IdMap> map_range(const std::vector<IdRange>& ranges) {
  std::vector<IdMap> maps;
  Id next = 0;
  for (const IdRange& range : ranges) maps.push_back({next, range.first, range.count}), next += range.count;
  return maps;
}

std::uint64_t total(const std::vector<IdRange>& ranges) {
  std::uint64_t sum = 0;
  for (const IdRange& range : ranges) sum += range.count;
  return sum;
}

Result<> check_ranges(const Host& host) {
  const auto missing = [&](const char* file, const char* flag) {
    return fail_hint(text("add the line '", host.user, ":100000:65536' to ", file, ", as root: usermod ", flag,
                          " 100000-165535 ", host.user),
                     "no subordinate ids for ", printable(host.user), " in ", file);
  };
  if (host.subuids.empty()) return missing("/etc/subuid", "--add-subuids");
  if (host.subgids.empty()) return missing("/etc/subgid", "--add-subgids");
  if (std::max(total(host.subuids), total(host.subgids)) > all_ids)
    return fail_hint("check /etc/subuid and /etc/subgid", "subordinate ranges of ", printable(host.user), " are too large");
  return {};
}

// The kernel would refuse to take an id that no map has.
Result<> check_mapped(const std::vector<IdMap>& maps, Id id, const char* what, const char* file) {
  const auto covers = [&](const IdMap& map) { return id >= map.inside && id - map.inside < map.count; };
  if (std::ranges::any_of(maps, covers)) return {};
  return fail_hint(text("ask for a smaller one, or for a larger range in ", file), what, " ", id, " lies outside the subordinate range");
}

Result<Identity> checked(Identity identity) {
  TRY(check_mapped(identity.uids, identity.uid, "user", "/etc/subuid"));
  TRY(check_mapped(identity.gids, identity.gid, "group", "/etc/subgid"));
  return identity;
}

Result<Identity> identity_of_root(const Asked& asked, const Host& host) {
  const InsideIds ids = TRY(inside_ids(asked.user, host));
  Identity identity{.writer = MapWriter::launcher, .uids = {}, .gids = {}, .uid = ids.uid, .gid = ids.gid,
                    .switch_ids = true, .drop_groups = true};
  if (asked.user == "host-root") {
    identity.uids = identity.gids = {{0, 0, 1}};
  } else if (asked.range) {
    TRY(check_ranges(host));
    identity.uids = map_range(host.subuids), identity.gids = map_range(host.subgids);
  } else {
    identity.uids = {{ids.uid, host.subuids.empty() ? nobody : host.subuids.front().first, 1}};
    identity.gids = {{ids.gid, host.subgids.empty() ? nobody : host.subgids.front().first, 1}};
  }
  return checked(std::move(identity));
}

// A root file system's owner decides: the caller's own, or the range's.
Result<bool> owned_by_range(const Host& host, const std::string& root) {
  if (!host.rootfs_owner || *host.rootfs_owner == host.uid) return false;
  if (!host.subuids.empty() && *host.rootfs_owner == host.subuids.front().first) return true;
  return fail_hint("its owner must be you or the first id of your range in /etc/subuid; chown it, or unpack it anew",
                   "root file system ", printable(root), " belongs to user ", *host.rootfs_owner);
}

}  // namespace

bool wants_range(const profile::Profile& profile) { return asked_of(profile).range; }

Result<Identity> make_identity(const profile::Profile& profile, const Host& host) {
  const Asked asked = asked_of(profile);
  if (asked.user == "host-root" && host.uid != 0) return fail_hint("use --user root", "user host-root: sbx does not run as root");
  if (host.uid == 0) return identity_of_root(asked, host);
  const InsideIds ids = TRY(inside_ids(asked.user, host));
  Identity identity{.writer = MapWriter::init, .uids = {{ids.uid, host.uid, 1}}, .gids = {{ids.gid, host.gid, 1}},
                    .uid = ids.uid, .gid = ids.gid};
  if (!asked.range) return identity;
  TRY(check_ranges(host));
  identity.writer = MapWriter::newidmap;
  identity.switch_ids = true;
  const bool by_range = TRY(owned_by_range(host, profile.root ? profile.root->value : "/"));
  identity.uids = by_range ? map_range(host.subuids) : map_around(ids.uid, host.uid, host.subuids);
  identity.gids = by_range ? map_range(host.subgids) : map_around(ids.gid, host.gid, host.subgids);
  return checked(std::move(identity));
}

bool maps_other_ids(const Identity& identity, Id uid, Id gid) {
  const auto others = [](const std::vector<IdMap>& maps, Id own) {
    return std::ranges::any_of(maps, [&](const IdMap& map) { return map.outside != own || map.count != 1; });
  };
  return uid != 0 && (others(identity.uids, uid) || others(identity.gids, gid));
}

}  // namespace plan
