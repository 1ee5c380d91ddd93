// What stands in `origin` beside a kept overlay (sandboxes/NAME/changes/K/{upper,work,origin}): which directory it is
// of, who mounted it, and since when. Written once, before anything runs over it; a continued sandbox keeps it. Pure.
#pragma once

#include "base/enum_names.h"
#include "base/instant.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace store {

using ::Instant;

// What one engine wrote, the other must never mount: their marks differ.
enum class Engine { kernel, fuse, count_ };
inline constexpr EnumNames<Engine, 2> engine_names{{"kernel", "fuse"}};
static_assert(engine_names.complete());

// Whose ids own the files of the upper: only the user's, or his subordinate ones too.
enum class Owners { self, range, count_ };
inline constexpr EnumNames<Owners, 2> owners_names{{"self", "range"}};
static_assert(owners_names.complete());

struct Origin {
  std::string inside, outside;  // the directory's path in the sandbox and on the host, absolute
  Engine engine = Engine::kernel;
  Owners owners = Owners::self;
  Instant started;              // the ctime of something made on the upper's file system just before the first run
  std::uint64_t device = 0, inode = 0;  // of the lower directory
  std::vector<std::string> hidden;      // below it, never shown in any of the runs: a commit does not touch them
  bool operator==(const Origin&) const = default;
};

// Keys: inside, outside, engine, map, started SECONDS.NANOSECONDS, device, inode; all are required. hidden may come
// many times. One that is not known is skipped: another version may have written it.
std::string encode(const Origin& origin);
Result<Origin> decode_origin(std::string_view text);

inline constexpr std::size_t most_origin = 1 << 20;  // bytes

}  // namespace store
