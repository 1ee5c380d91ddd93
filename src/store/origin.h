// What stands in `origin` beside a kept overlay (sandboxes/NAME/changes/K/{upper,work,origin}): which directory it is
// of, who mounted it, and since when. Written once, before anything runs over it; a continued sandbox keeps it. Pure.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace store {

// What one engine wrote, the other must never mount: their marks differ.
enum class Engine { kernel, fuse, count_ };
inline constexpr EnumNames<Engine, 2> engine_names{{"kernel", "fuse"}};
static_assert(engine_names.complete());

// Whose ids own the files of the upper: only the user's, or his subordinate ones too.
enum class Owners { self, range, count_ };
inline constexpr EnumNames<Owners, 2> owners_names{{"self", "range"}};
static_assert(owners_names.complete());

// A time as the file system's clock tells it, which stands behind the clock of the machine by up to a tick.
struct Instant {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Instant&) const = default;
};

struct Origin {
  std::string inside, outside;  // the directory's path in the sandbox and on the host, absolute
  Engine engine = Engine::kernel;
  Owners owners = Owners::self;
  Instant started;              // the ctime of something made on the upper's file system just before the first run
  std::uint64_t device = 0, inode = 0;  // of the lower directory
  bool operator==(const Origin&) const = default;
};

// Keys: inside, outside, engine, map, started SECONDS.NANOSECONDS, device, inode. All are required; one that is not
// known is skipped: another version may have written it.
std::string encode(const Origin& origin);
Result<Origin> decode_origin(std::string_view text);

inline constexpr std::size_t most_origin = 64 << 10;  // bytes: two paths at their longest, each byte escaped

}  // namespace store
