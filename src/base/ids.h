// User and group ids. 4294967295 is no id (it means "leave alone" to chown(2)).
#pragma once

#include <cstdint>
#include <vector>

using Id = std::uint32_t;

struct IdRange {
  Id first = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// One line of /proc/PID/uid_map (user_namespaces(7)).
struct IdMap {
  Id inside = 0, outside = 0;
  std::uint32_t count = 1;
  bool operator==(const IdMap&) const = default;
};
