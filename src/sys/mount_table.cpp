// The structures are those of linux/mount.h, which Debian 12's headers do not have yet.
#include "sys/mount_table.h"

#include "sys/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

namespace {

constexpr long statmount_number = 457, listmount_number = 458;  // the same for every architecture
constexpr std::uint64_t whole_namespace = UINT64_MAX, want_mount_point = 0x10;  // LSMT_ROOT, STATMOUNT_MNT_POINT

struct MountRequest {  // struct mnt_id_req, its first version
  std::uint32_t size = 24, spare = 0;
  std::uint64_t mount = 0, parameter = 0;
};

struct MountFacts {  // struct statmount
  std::uint32_t size, options;
  std::uint64_t mask;
  unsigned char of_file_system[24], of_mount[64];
  std::uint32_t root, mount_point;  // from the start of `texts`
  unsigned char of_namespace[400];
  char texts[2 * 4096];
};
static_assert(offsetof(MountFacts, mount_point) == 108 && offsetof(MountFacts, texts) == 512);

// Not through SYS: what the kernel does not know, forbids, or has no room for is asked in the other way.
std::optional<std::vector<std::uint64_t>> list_mounts() {
  std::vector<std::uint64_t> all;
  std::array<std::uint64_t, 256> some;
  MountRequest request{.mount = whole_namespace};
  while (true) {
    const long got = ::syscall(listmount_number, &request, some.data(), some.size(), 0);
    if (got < 0) return std::nullopt;
    all.insert(all.end(), some.begin(), some.begin() + got);
    if (static_cast<std::size_t>(got) < some.size()) return all;
    request.parameter = all.back();
  }
}

std::optional<std::vector<std::string>> find_places() {
  const std::optional<std::vector<std::uint64_t>> mounts = list_mounts();
  if (!mounts) return std::nullopt;
  std::vector<std::string> places;
  for (const std::uint64_t mount : *mounts) {
    MountRequest request{.mount = mount, .parameter = want_mount_point};
    MountFacts facts;
    const long done = ::syscall(statmount_number, &request, &facts, sizeof facts, 0);
    if (done != 0 && errno == ENOENT) continue;  // it is gone meanwhile
    if (done != 0 || (facts.mask & want_mount_point) == 0) return std::nullopt;
    places.emplace_back(facts.texts + facts.mount_point);
  }
  return places;
}

}  // namespace

std::vector<std::string> places_in(std::string_view mountinfo) {
  std::vector<std::string> found;
  while (!mountinfo.empty()) {
    std::string_view place = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(place.size() + 1, mountinfo.size()));
    for (int field = 0; field < 4 && !place.empty(); ++field) place.remove_prefix(std::min(place.find(' '), place.size() - 1) + 1);
    place = place.substr(0, place.find(' '));
    if (!place.starts_with('/')) continue;
    std::string& plain = found.emplace_back();
    for (; !place.empty(); place.remove_prefix(1)) {
      if (place[0] == '\\' && place.size() > 3) {  // three octal digits
        plain += static_cast<char>((place[1] & 3) << 6 | (place[2] & 7) << 3 | (place[3] & 7));
        place.remove_prefix(3);
      } else {
        plain += place[0];
      }
    }
  }
  return found;
}

Result<std::vector<std::string>> mounted_places() {
  if (std::optional<std::vector<std::string>> places = find_places()) return *std::move(places);
  return places_in(TRY(read_file("/proc/self/mountinfo", std::size_t{64} << 20)));
}

}  // namespace sys
