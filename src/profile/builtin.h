// The shipped profiles: profiles/*.toml, parsed and embedded when sbx is built (src/embed).
#pragma once

#include "profile/profile.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace profile {

// One value. The texts of all stand one after the other in Builtin::texts: a table of numbers needs no relocation.
struct BuiltinItem {
  std::uint16_t key;           // index into keys()
  std::uint16_t line, column;  // in the profile's text
  std::uint16_t entry_size, value_size;
};

struct Builtin {
  std::string_view name;
  std::span<const BuiltinItem> items;
  std::string_view texts;
};

std::span<const Builtin> builtins();  // sorted by name
const Builtin* find_builtin(std::string_view name);
Profile layer_of(const Builtin& builtin);  // what parse_profile() makes of its text

}  // namespace profile
