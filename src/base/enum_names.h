// One table per enum: parsing, printing, error texts and --help all read it.
#pragma once

#include "base/result.h"

#include <array>
#include <string>
#include <string_view>

template <class Enum, std::size_t size>
struct EnumNames {
  std::array<std::string_view, size> names;  // in the enum's order, from 0

  constexpr std::string_view operator[](Enum value) const { return names[static_cast<std::size_t>(value)]; }

  // `what` names the setting in the error: "network mode", "home".
  Result<Enum> parse(std::string_view word, std::string_view what) const {
    for (std::size_t i = 0; i < size; ++i)
      if (names[i] == word) return static_cast<Enum>(i);
    return fail(what, " is not one of ", list(", "), ": '", printable(word), "'");
  }

  std::string list(std::string_view separator) const {
    std::string out;
    for (std::string_view name : names) {
      if (!out.empty()) out += separator;
      out += name;
    }
    return out;
  }

  // A missing row is an empty name at the end: static_assert(x_names.complete()).
  constexpr bool complete() const { return !names.back().empty(); }
};
